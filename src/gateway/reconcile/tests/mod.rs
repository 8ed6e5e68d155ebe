#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod judgement;
mod manners;
mod names;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Layer, ServiceBuilder};

use super::*;
use crate::call::{BoxError, CallFacts, CallOptions, Effect, ServiceSid};
use crate::gateway::{Error, Gateway, GatewayExt};
use crate::sessions::{CreateSession, Participant};
use crate::wire::Endpoint;

fn service() -> ServiceSid {
    "KS00000000000000000000000000000001".parse().unwrap()
}

/// A session that was made at one endpoint may not be seen at another yet.
#[tokio::test(start_paused = true)]
async fn all_looks_go_where_the_create_went() {
    for number in [None, Some(0), Some(2)] {
        let looks = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&looks);
        let stack = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let facts = CallFacts::of(request.extensions()).unwrap();
            let pinned = facts.options().and_then(CallOptions::wanted_endpoint);
            let (status, body) = if request.method() == Method::POST {
                assert_eq!(pinned, None);
                // An attempt of unknown effect, and then the one that is refused.
                facts.mark_reached();
                facts.mark_sent();
                number.into_iter().for_each(|number| facts.set_endpoint(number));
                (400, r#"{"code":80603}"#)
            } else {
                seen.lock().unwrap().push((facts.operation(), pinned));
                match facts.operation() {
                    "sessions.fetch" => (200, FOUND),
                    _ => (503, ""),
                }
            };
            let response = Response::builder().status(status).header("date", DATE);
            let response = response.body(Full::new(Bytes::from(body))).unwrap();
            std::future::ready(Ok::<_, BoxError>(response))
        });
        let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
        let gateway = ReconcileLayer::new().compare_participants(true).layer(gateway);
        let create = CreateSession::new(service()).unique_name("order");
        gateway.send(create.participant(Participant::new("+1"))).await.unwrap_err();
        let expected = [("sessions.fetch", number), ("participants.list", number)];
        assert_eq!(*looks.lock().unwrap(), expected);
    }
}

const DATE: &str = "Fri, 02 Jan 2026 03:04:05 GMT";
const FOUND: &str =
    r#"{"sid":"KC00000000000000000000000000000001","date_created":"2026-01-02T03:04:05Z"}"#;

/// The answer was lost, and of the refusal that followed came half: its code was not in it, nobody looked,
/// and the session was there.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_broke_off_before_its_code_is_looked_into() {
    for (status, body, found) in [
        (400, r#"{"message":"A session with th"#, true),
        (409, "", true),
        (400, r#"{"code":20001}"#, false),
        (503, "", false),
    ] {
        let stack = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let facts = CallFacts::of(request.extensions()).unwrap();
            facts.mark_reached();
            facts.mark_sent();
            let (status, body) = match facts.operation() {
                "sessions.create" => (status, body),
                _ => (200, FOUND),
            };
            let response = Response::builder().status(status).header("date", DATE);
            let response = response.body(Full::new(Bytes::from(body))).unwrap();
            std::future::ready(Ok::<_, BoxError>(response))
        });
        let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
        let gateway = ReconcileLayer::new().layer(gateway);
        let created = gateway.send(CreateSession::new(service()).unique_name("order")).await;
        assert_eq!(created.is_ok(), found, "{status} {body}");
    }
}

/// The participants asked for are on the page, and there is another page: that makes more of them.
#[tokio::test(start_paused = true)]
async fn participants_on_another_page_are_too_many() {
    for (next, is_ours) in [("null", true), (r#""https://proxy.twilio.com/v1/next""#, false)] {
        let listed = format!(
            r#"{{"participants":[{{"identifier":"+1"}}],"meta":{{"next_page_url":{next}}}}}"#
        );
        let stack = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let facts = CallFacts::of(request.extensions()).unwrap();
            facts.mark_reached();
            facts.mark_sent();
            let (status, body) = match facts.operation() {
                "sessions.create" => (400, r#"{"code":80603}"#.to_owned()),
                "sessions.fetch" => (200, FOUND.to_owned()),
                _ => (200, listed.clone()),
            };
            let response = Response::builder().status(status).header("date", DATE);
            let response = response.body(Full::new(Bytes::from(body))).unwrap();
            std::future::ready(Ok::<_, BoxError>(response))
        });
        let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
        let gateway = ReconcileLayer::new().compare_participants(true).layer(gateway);
        let create = CreateSession::new(service()).unique_name("order");
        let created = gateway.send(create.participant(Participant::new("+1"))).await;
        assert_eq!(created.is_ok(), is_ours);
    }
}

/// A typed layer between the two had kept a copy of each error for its log. With that the caller got
/// the refusal as it was: effect unknown, and no word of the name that was made up.
#[tokio::test(start_paused = true)]
async fn an_error_that_somebody_keeps_a_copy_of_says_as_much() {
    let stack = tower::service_fn(|request: Request<Full<Bytes>>| {
        let facts = CallFacts::of(request.extensions()).unwrap();
        facts.mark_reached();
        facts.mark_sent();
        let (status, body) = match facts.operation() {
            "sessions.create" => (400, r#"{"code":80603}"#),
            // Of yesterday.
            _ => (200, r#"{"date_created":"2026-01-01T03:04:05Z"}"#),
        };
        let response = Response::builder().status(status).header("date", DATE);
        let response = response.body(Full::new(Bytes::from(body))).unwrap();
        std::future::ready(Ok::<_, BoxError>(response))
    });
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    let gateway = ServiceBuilder::new()
        .layer(ReconcileLayer::new().name_unnamed("shop-"))
        .map_err(move |error: Error| {
            kept.lock().unwrap().push(error.clone());
            error
        })
        .service(Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap()));
    let error = gateway.send(CreateSession::new(service())).await.unwrap_err();
    assert_eq!(error.effect(), Effect::None, "{error}");
    assert!(error.generated_name().is_some_and(|name| name.starts_with("shop-")));
    assert_eq!(log.lock().unwrap()[0].effect(), Effect::Unknown, "the copy is as it was");
}

/// Between the create and its look nobody is in flight, for as long as the stack is not ready for the
/// look. A shutdown took that for the end: the process went, and nobody was told of the session.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_look_that_the_stack_is_not_ready_for() {
    let (slots, second) = (Arc::new(Semaphore::new(1)), Duration::from_secs(1));
    let others = Arc::clone(&slots);
    let stack = tower::service_fn(move |request: Request<Full<Bytes>>| {
        let facts = CallFacts::of(request.extensions()).unwrap();
        facts.mark_reached();
        facts.mark_sent();
        let (status, body) = match facts.operation() {
            "sessions.create" => {
                // Somebody stands in line for the slot that this create will give back.
                let others = Arc::clone(&others);
                tokio::spawn(async move {
                    let slot = others.acquire().await;
                    tokio::time::sleep(second).await;
                    drop(slot);
                });
                (400, r#"{"code":80603}"#)
            }
            _ => (200, FOUND),
        };
        let response = Response::builder().status(status).header("date", DATE);
        let response = response.body(Full::new(Bytes::from(body))).unwrap();
        async move {
            tokio::time::sleep(second).await;
            Ok::<_, BoxError>(response)
        }
    });
    let stack = GlobalConcurrencyLimitLayer::with_semaphore(slots).layer(stack);
    let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
    let gateway = ReconcileLayer::new().layer(gateway);
    let call = gateway.send(CreateSession::new(service()).unique_name("order"));
    let mut call = tokio_test::task::spawn(call);
    assert!(call.poll().is_pending());
    assert_eq!(gateway.shutdown(Duration::ZERO).await.cut_off, 1);
    let closing = gateway.shutdown(60 * second);
    let begun = tokio::time::Instant::now();
    let closing = async { (closing.await.cut_off, begun.elapsed()) };
    let (created, drained) = tokio::join!(call, closing);
    assert!(created.is_ok());
    assert_eq!(drained, (0, 3 * second));
}
