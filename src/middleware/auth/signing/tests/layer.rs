//! The layer, in paused time.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::super::canonical::hashed;
use super::super::{SigningAlgorithm, SigningLayer};
use super::tokens::verified;
use super::{ACCOUNT, API_KEY, key};
use crate::call::{BoxError, CallFacts, Clock, Effect, Fault, FaultKind, Idempotency, Origin};

type Call = Request<Full<Bytes>>;
type Seen = Arc<Mutex<Vec<Call>>>;

fn origin(text: &'static str) -> Origin {
    Origin::of(&http::Uri::from_static(text)).unwrap()
}

fn layer() -> SigningLayer {
    SigningLayer::new(key(), [origin("https://proxy.twilio.com")])
        .clock(Clock::starting_at(Timestamp::from_second(1_700_000_000).unwrap()))
}

/// A service that keeps the requests that reach it.
fn server(
    seen: &Seen,
) -> impl Service<Call, Response = Response<()>, Error = BoxError, Future: Send> + Clone + use<> {
    let seen = Arc::clone(seen);
    service_fn(move |request: Call| {
        seen.lock().unwrap().push(request);
        ready(Ok(Response::new(())))
    })
}

fn basic(user: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:a-secret")))
}

fn request(uri: &str, user: &str) -> Call {
    let facts = CallFacts::new("sessions.create", Idempotency::Unsafe);
    facts.begin_attempt();
    let request =
        Request::post(uri).header("authorization", basic(user)).extension(Arc::new(facts));
    request.body(Full::new(Bytes::from_static(b"Mode=voice-only"))).unwrap()
}

const URI: &str = "https://proxy.twilio.com/v1/Services/KS1/Sessions?b=2&a=1";

fn token(request: &Call) -> &str {
    request.headers()["twilio-client-validation"].to_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_request_is_signed_as_it_goes_out_at_its_own_time() {
    let seen = Seen::default();
    let service = layer().sign_header(http::header::CONTENT_TYPE).layer(server(&seen));
    for _ in 0..2 {
        service.clone().oneshot(request(URI, API_KEY)).await.unwrap();
        tokio::time::advance(Duration::from_secs(7)).await;
    }
    let seen = seen.lock().unwrap();
    for (request, from) in seen.iter().zip([1_699_999_970, 1_699_999_977]) {
        let claims = verified(token(request), Algorithm::RS256).unwrap();
        let names = [http::header::AUTHORIZATION, http::header::HOST];
        assert_eq!(claims.rqh, hashed(request, &names, b"Mode=voice-only").hash);
        assert_eq!((claims.nbf, claims.hrh.as_str()), (from, "authorization;host"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_twilio_would_refuse_is_not_sent() {
    let seen = Seen::default();
    let refused = async |request: Call| {
        let facts = Arc::clone(CallFacts::of(request.extensions()).unwrap());
        let error = layer().layer(server(&seen)).oneshot(request).await.unwrap_err();
        let fault = Fault::find(&*error).unwrap();
        assert_eq!((fault.kind(), fault.effect()), (FaultKind::Config, Effect::None));
        assert!(!error.to_string().contains("a-secret"));
        drop(facts);
        error.to_string()
    };
    let other = "SK11111111111111111111111111111111";
    for user in [ACCOUNT, other, &API_KEY[..33], &format!("{API_KEY}0")] {
        assert!(refused(request(URI, user)).await.contains("Credentials::api_key"), "{user}");
    }
    for value in ["Bearer abc", "Basic ???", "Basic"] {
        let mut request = request(URI, API_KEY);
        request.headers_mut().insert("authorization", value.parse().unwrap());
        assert!(refused(request).await.contains("Credentials::api_key"), "{value}");
    }
    let mut bare = request(URI, API_KEY);
    bare.headers_mut().clear();
    assert!(refused(bare).await.contains("Credentials::api_key"));
    for elsewhere in ["https://api.twilio.com/", "https://proxy.twilio.com:8443/"] {
        assert!(refused(request(elsewhere, API_KEY)).await.contains("not meant for"));
    }
    let mut hosted = request(URI, API_KEY);
    hosted.headers_mut().insert("host", "elsewhere.test".parse().unwrap());
    assert!(refused(hosted).await.contains("Host header"));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_key_everything_passes_and_with_another_it_counts_from_then_on() {
    let seen = Seen::default();
    let layer = layer();
    let live = layer.live();
    live.set(None);
    let mut service = layer.layer(server(&seen));
    service.ready().await.unwrap().call(request(URI, ACCOUNT)).await.unwrap();
    live.set(Some(key().algorithm(SigningAlgorithm::Ps256)));
    service.ready().await.unwrap().call(request(URI, API_KEY)).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(!seen[0].headers().contains_key("twilio-client-validation"));
    assert!(verified(token(&seen[1]), Algorithm::PS256).is_ok());
}

/// Everything that a dropped call leaves: no place taken, nothing sent, and its effect known.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_was_not_sent_and_holds_no_place() {
    let seen = Seen::default();
    let service = layer().layer(server(&seen));
    let mut sent = 0;
    for _ in 0..3 {
        let mut calls = Vec::new();
        for _ in 0..100 {
            let request = request(URI, API_KEY);
            let facts = Arc::clone(CallFacts::of(request.extensions()).unwrap());
            let mut call = tokio_test::task::spawn(service.clone().oneshot(request));
            // A thread may have been quick, and then the request is out.
            if call.poll().is_pending() {
                assert!(facts.is_queued(), "the server does not have it");
                assert_eq!(facts.effect(), Effect::None);
                calls.push(call);
            } else {
                sent += 1;
            }
        }
        assert!(calls.len() > 1, "nobody waits");
        drop(calls);
    }
    assert_eq!(seen.lock().unwrap().len(), sent);
    service.oneshot(request(URI, API_KEY)).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), sent + 1);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_signed_one_and_all() {
    let seen = Seen::default();
    let service = layer().layer(server(&seen));
    let calls = (0..50).map(|_| tokio::spawn(service.clone().oneshot(request(URI, API_KEY))));
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(seen.lock().unwrap().len(), 50);
}

/// No runtime, or none wanted: the signature is made where the call is.
#[test]
fn in_place_or_without_a_runtime_no_call_waits() {
    let seen = Seen::default();
    for layer in [layer(), layer().in_place(true)] {
        let service = layer.layer(server(&seen));
        let mut call = tokio_test::task::spawn(service.oneshot(request(URI, API_KEY)));
        assert!(call.poll().is_ready());
    }
    for request in seen.lock().unwrap().iter() {
        assert!(verified(token(request), Algorithm::RS256).is_ok());
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
}
