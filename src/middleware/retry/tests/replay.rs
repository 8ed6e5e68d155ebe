//! Every attempt is the same request.

use http::Version;
use http_body_util::BodyExt;

use super::*;

/// An extension that a foreign layer might have put in.
#[derive(Clone, Debug, PartialEq)]
struct Foreign(u32);

async fn bytes(call: Call) -> Bytes {
    call.into_body().collect().await.expect("never fails").to_bytes()
}

/// The bug of others: a body that can't be cloned was replayed empty, and the server made a session
/// without participants.
#[tokio::test(start_paused = true)]
async fn method_uri_version_headers_body_and_facts_are_the_same_each_time() {
    let mut call = request(Method::POST, Idempotency::Keyed, CallOptions::new());
    *call.version_mut() = Version::HTTP_2;
    call.headers_mut().append("x-many", HeaderValue::from_static("one"));
    call.headers_mut().append("x-many", HeaderValue::from_static("two"));
    let mut secret = HeaderValue::from_static("hidden");
    secret.set_sensitive(true);
    call.headers_mut().insert("x-secret", secret);
    let headers = call.headers().clone();
    let shared = facts(&call);

    let (done, mut server) = start(&RetryLayer::new(), call);
    for number in 1..=4 {
        let (seen, respond) = next(&mut server).await;
        assert_eq!(shared.attempts(), number);
        assert_eq!(seen.method(), Method::POST);
        assert_eq!(seen.uri(), URI);
        assert_eq!(seen.version(), Version::HTTP_2);
        assert_eq!(seen.headers(), &headers);
        assert!(seen.headers()["x-secret"].is_sensitive());
        assert!(Arc::ptr_eq(&facts(&seen), &shared));
        assert_eq!(bytes(seen).await, BODY);
        respond.send_response(answer(503));
    }
    assert_eq!(end(done).await.expect("an answer").status(), 503);
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_inside_does_to_an_attempt_stays_with_that_attempt() {
    let (done, mut server) = start(&RetryLayer::new(), fetch());
    let (mut seen, respond) = next(&mut server).await;
    seen.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic stale"));
    seen.extensions_mut().insert(Foreign(1));
    respond.send_response(answer(503));
    let (seen, respond) = next(&mut server).await;
    assert!(seen.headers().is_empty());
    assert_eq!(seen.extensions().get::<Foreign>(), None);
    respond.send_response(answer(200));
    assert!(end(done).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn foreign_extensions_survive() {
    let mut call = fetch();
    call.extensions_mut().insert(Foreign(7));
    let shared = facts(&call);
    let (_done, mut server) = start(&RetryLayer::new(), call);
    for _ in 1..=3 {
        let (seen, respond) = next(&mut server).await;
        assert_eq!(seen.extensions().get(), Some(&Foreign(7)));
        assert!(Arc::ptr_eq(&facts(&seen), &shared));
        respond.send_response(answer(503));
    }
}

#[tokio::test(start_paused = true)]
async fn facts_made_for_a_bare_request_are_shared_by_its_attempts() {
    let call = Request::builder().uri(URI).body(Full::default()).expect("a request");
    let (_done, mut server) = start(&RetryLayer::new(), call);
    let (first, respond) = next(&mut server).await;
    respond.send_response(answer(503));
    let (second, _respond) = next(&mut server).await;
    assert!(Arc::ptr_eq(&facts(&first), &facts(&second)));
    assert_eq!(facts(&second).attempts(), 2);
}
