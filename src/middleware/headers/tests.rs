use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use tower::{Layer, Service, service_fn};

use super::{HeadersLayer, UserAgent, UserAgentError};
use crate::call::{BoxError, CallFacts, CallIds, Idempotency, Rng};

/// The headers that arrive below the layer.
async fn sent(layer: &HeadersLayer, request: Request<()>) -> HeaderMap {
    let mut service = layer.layer(service_fn(|request: Request<()>| async move {
        let mut response = Response::new(());
        *response.headers_mut() = request.headers().clone();
        Ok::<_, BoxError>(response)
    }));
    let response = service.call(request).await.expect("an answer");
    response.into_parts().0.headers
}

fn request(facts: CallFacts, headers: &[(&'static str, &'static str)]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    request.extensions_mut().insert(Arc::new(facts));
    request
}

fn facts() -> CallFacts {
    CallFacts::new("test", Idempotency::Safe)
}

fn form() -> CallFacts {
    facts().with_content_type("application/x-www-form-urlencoded")
}

fn agent(text: &str) -> Result<String, UserAgentError> {
    UserAgent::new("name", "1.2").and_then(|agent| agent.with(text)).map(|a| a.as_str().to_owned())
}

#[tokio::test]
async fn every_request_says_who_asks_and_for_what() {
    let id = CallIds::new(&Rng::seeded(1)).next();
    let headers = sent(&HeadersLayer::default(), request(facts().with_id(id), &[])).await;
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(headers["user-agent"], format!("twilio-proxy/{version} ({os} {arch})"));
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["x-request-id"], id.to_string());
    assert_eq!(headers.len(), 3, "and no content type, for there is no body: {headers:?}");
}

#[tokio::test]
async fn a_form_names_its_type_even_when_it_is_empty() {
    let headers = sent(&HeadersLayer::default(), request(form(), &[])).await;
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    // A type that is no header value is left out; it must not take the process down.
    let broken = facts().with_content_type("two\nlines");
    let headers = sent(&HeadersLayer::default(), request(broken, &[])).await;
    assert!(!headers.contains_key("content-type"));
}

#[tokio::test]
async fn the_stack_keeps_its_own_values_and_the_caller_his_request_id() {
    let theirs = [
        ("user-agent", "theirs"),
        ("accept", "text/html"),
        ("accept", "text/plain"),
        ("content-type", "text/csv"),
        ("x-request-id", "ticket-7"),
        ("x-other", "kept"),
    ];
    let headers = sent(&HeadersLayer::default(), request(form(), &theirs)).await;
    let all = |name: &str| headers.get_all(name).iter().collect::<Vec<_>>();
    assert!(headers["user-agent"].to_str().expect("text").starts_with("twilio-proxy/"));
    assert_eq!(all("accept"), ["application/json"]);
    assert_eq!(all("content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(all("x-request-id"), ["ticket-7"]);
    assert_eq!(all("x-other"), ["kept"]);

    let headers = sent(&HeadersLayer::default(), request(facts(), &theirs)).await;
    assert_eq!(headers["content-type"], "text/csv", "nothing else says what the body is");
}

#[tokio::test]
async fn a_request_id_is_the_calls_own_or_drawn_from_a_seed() {
    let layer = HeadersLayer::default().rng(&Rng::seeded(7));
    let first = sent(&layer, Request::new(())).await;
    let second = sent(&layer.clone(), request(facts(), &[])).await;
    let again = sent(&HeadersLayer::default().rng(&Rng::seeded(7)), Request::new(())).await;
    assert_eq!(first["x-request-id"], again["x-request-id"]);
    assert_ne!(first["x-request-id"], second["x-request-id"], "clones count on together");
    assert_eq!(first["x-request-id"].len(), 32);
}

#[tokio::test]
async fn the_request_id_may_have_another_header_or_none() {
    let layer = HeadersLayer::default().request_id_header(HeaderName::from_static("x-trace"));
    let headers = sent(&layer, Request::new(())).await;
    assert!(headers.contains_key("x-trace") && !headers.contains_key("x-request-id"));
    let headers = sent(&layer.without_request_id(), request(facts(), &[("x-trace", "1")])).await;
    assert_eq!(headers["x-trace"], "1", "one that the caller set is his");
    assert!(!headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn headers_of_the_stacks_own_can_be_added_and_replaced() {
    let layer = HeadersLayer::default()
        .header(header::ACCEPT, HeaderValue::from_static("*/*"))
        .header(HeaderName::from_static("x-team"), HeaderValue::from_static("checkout"));
    let headers = sent(&layer, request(facts(), &[("x-team", "other")])).await;
    assert_eq!(
        (&headers["accept"], &headers["x-team"]),
        (&HeaderValue::from_static("*/*"), &HeaderValue::from_static("checkout"),)
    );
}

/// What hyper and the auth layer add further down must not make the map grow: that would double
/// the allocations of every request.
#[tokio::test]
async fn the_map_has_room_for_what_comes_below() {
    for (facts, below) in [
        (facts(), &["authorization", "host"][..]),
        (form(), &["authorization", "host", "content-length"][..]),
    ] {
        let mut service =
            HeadersLayer::default().layer(service_fn(|mut request: Request<()>| async move {
                let headers = request.headers_mut();
                let before = headers.capacity();
                for name in below {
                    headers.insert(*name, HeaderValue::from_static("x"));
                }
                assert_eq!(headers.capacity(), before, "it grew at {} headers", headers.len());
                Ok::<_, BoxError>(Response::new(()))
            }));
        service.call(request(facts, &[])).await.expect("an answer");
    }
}

#[test]
fn an_agent_is_made_of_printable_parts() {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let whole = format!("name/1.2 ({os} {arch}) app/3 (beta)");
    assert_eq!(agent("app/3 (beta)"), Ok(whole));
    for bad in ["", " ", "app ", "app\r\nx-evil: 1", "café", "\0"] {
        assert_eq!(agent(bad), Err(UserAgentError), "{bad:?}");
    }
    for (name, version) in [("", "1"), ("name", ""), ("two words", "1"), ("a/b", "1"), ("a", "1)")]
    {
        assert!(UserAgent::new(name, version).is_err(), "{name:?} {version:?}");
    }
}
