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
use crate::sessions::CreateSession;
use crate::wire::Endpoint;

fn service() -> ServiceSid {
    "KS00000000000000000000000000000001".parse().unwrap()
}

/// A session that was made at one endpoint may not be seen at another yet.
#[tokio::test(start_paused = true)]
async fn the_look_goes_where_the_create_went() {
    for number in [None, Some(0), Some(2)] {
        let looks = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&looks);
        let stack = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let facts = CallFacts::of(request.extensions()).unwrap();
            let (status, body) = if request.method() == Method::POST {
                // An attempt of unknown effect, and then the one that is refused.
                facts.mark_reached();
                facts.mark_sent();
                number.into_iter().for_each(|number| facts.set_endpoint(number));
                (400, r#"{"code":80603}"#)
            } else {
                let pinned = facts.options().and_then(CallOptions::wanted_endpoint);
                seen.lock().unwrap().push(pinned);
                (503, "")
            };
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            std::future::ready(Ok::<_, BoxError>(response))
        });
        let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
        let gateway = ReconcileLayer::new().layer(gateway);
        gateway.send(CreateSession::new(service()).unique_name("order")).await.unwrap_err();
        assert_eq!(*looks.lock().unwrap(), [number]);
    }
}
