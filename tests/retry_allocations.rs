//! What the layers cost a call that goes well: no allocation at all, as long as no hedge may come.
//!
//! One test in a file of its own, so that nobody else allocates while it counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::System;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, ServiceExt};
use twilio_proxy::call::{BoxError, CallOptions, Collected};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials, FnCredentials, Grant};
use twilio_proxy::middleware::breaker::BreakerLayer;
use twilio_proxy::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use twilio_proxy::middleware::hedge::HedgeLayer;
use twilio_proxy::middleware::retry::RetryLayer;
use twilio_proxy::wire::{Encoder, Endpoint, OperationMeta};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Call = Request<Full<Bytes>>;
type Answer = Response<Collected>;

const CREATE: OperationMeta =
    OperationMeta::new("sessions.create", Method::POST, "/v1/Services/{ServiceSid}/Sessions");

const LIST: OperationMeta =
    OperationMeta::new("sessions.list", Method::GET, "/v1/Services/{ServiceSid}/Sessions");

fn create(endpoint: &Endpoint) -> Call {
    let mut encoder = Encoder::new(endpoint, CREATE);
    encoder.literal("/v1/Services").segment("service", "KS0123456789abcdef").unwrap();
    encoder.literal("/Sessions").field("UniqueName", "order 1234").field("Ttl", 60);
    encoder.options(CallOptions::new().deadline(Duration::from_secs(5)));
    encoder.finish(None).unwrap()
}

fn list(endpoint: &Endpoint) -> Call {
    let mut encoder = Encoder::new(endpoint, LIST);
    encoder.literal("/v1/Services").segment("service", "KS0123456789abcdef").unwrap();
    encoder.literal("/Sessions").query("PageSize", 50);
    encoder.finish(None).unwrap()
}

fn answers(_: Call) -> Ready<Result<Answer, BoxError>> {
    ready(Ok(Response::new(Collected::default())))
}

/// Allocations of one call, from the request's arrival to the end of its future, once all that is
/// set up on first use is set up. The least of several, in case the harness allocates meanwhile.
async fn allocations<S>(mut service: S, request: impl Fn() -> Call) -> usize
where
    S: Service<Call, Response = Answer>,
    S::Error: std::fmt::Debug,
{
    let mut least = usize::MAX;
    for _ in 0..20 {
        let request = request();
        let region = Region::new(ALLOCATOR);
        let response = service.ready().await.unwrap().call(request).await;
        least = least.min(region.change().allocations);
        assert!(response.is_ok());
    }
    least
}

/// The harness itself: it must see an allocation where there is one.
async fn the_counter_counts() {
    let service = tower::service_fn(|_: Call| {
        ready(Ok::<_, Infallible>(Response::new(Collected::new(Bytes::from(vec![0; 100])))))
    });
    assert_eq!(allocations(service, || Request::new(Full::default())).await, 1);
}

#[tokio::test]
async fn a_call_that_goes_well_allocates_nothing_more() {
    the_counter_counts().await;

    let endpoint = Endpoint::new(Endpoint::TWILIO).unwrap();
    for request in [create as fn(&Endpoint) -> Call, list] {
        let request = || request(&endpoint);
        let bare = allocations(tower::service_fn(answers), request).await;

        let retry = RetryLayer::new().layer(tower::service_fn(answers));
        assert_eq!(allocations(retry, request).await - bare, 0, "retry");

        let deadline = DeadlineLayer::new(Duration::from_secs(30));
        let deadline = deadline.layer(tower::service_fn(answers));
        assert_eq!(allocations(deadline, request).await - bare, 0, "deadline");

        let breaker = BreakerLayer::default().layer(tower::service_fn(answers));
        assert_eq!(allocations(breaker, request).await - bare, 0, "breaker");
        // On, what is kept for a second try is boxed, or every call would carry room for it.
        for (layer, more) in [(HedgeLayer::off(), 0), (HedgeLayer::default(), 1)] {
            let hedge = layer.layer(tower::service_fn(answers));
            assert_eq!(allocations(hedge, request).await - bare, more, "{layer:?}");
        }

        let timeout = AttemptTimeoutLayer::new(Duration::from_secs(10));
        let all = tower::ServiceBuilder::new()
            .layer(DeadlineLayer::new(Duration::from_secs(30)))
            .layer(RetryLayer::new())
            .layer(timeout)
            .service_fn(answers);
        assert_eq!(allocations(all, request).await - bare, 0, "all three");
    }

    // What is said of the exception: headers set above the layer are copied, and only they.
    let with_header = || {
        let mut call = list(&endpoint);
        let name = HeaderName::from_static("x-extra");
        call.headers_mut().insert(name, HeaderValue::from_static("one"));
        call
    };
    let bare = allocations(tower::service_fn(answers), with_header).await;
    let retry = RetryLayer::new().layer(tower::service_fn(answers));
    assert_eq!(allocations(retry, with_header).await - bare, 3, "with a header");

    // Where there are headers already, fixed credentials cost nothing; those of a provider one box.
    let account = "AC0123456789abcdef0123456789abcdef".parse().unwrap();
    let credentials = Credentials::auth_token(account, "hush");
    let origins = [endpoint.origin().clone()];
    let fixed = AuthLayer::new(&credentials, origins.clone()).layer(tower::service_fn(answers));
    assert_eq!(allocations(fixed, with_header).await - bare, 0, "fixed credentials");
    let grant = Grant::from(&credentials);
    let function = FnCredentials::new(move || ready(Ok(grant.clone())));
    let supplied = AuthLayer::from_provider(function, origins).layer(tower::service_fn(answers));
    assert_eq!(allocations(supplied, with_header).await - bare, 1, "a provider's credentials");
}
