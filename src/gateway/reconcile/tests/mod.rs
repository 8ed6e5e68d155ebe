#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod judgement;
mod names;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use tower::Layer;

use super::*;
use crate::call::{BoxError, CallFacts, CallOptions, ServiceSid};
use crate::gateway::{Gateway, GatewayExt};
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
