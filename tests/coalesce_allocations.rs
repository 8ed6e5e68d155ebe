//! What coalescing costs in allocations: none for calls that it lets pass, three for a read.
//!
//! One test in a file of its own, so that nobody else allocates while it counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::System;
use std::future::{Ready, ready};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, ServiceExt};
use twilio_proxy::call::{BoxError, CallOptions, Collected};
use twilio_proxy::middleware::coalesce::CoalesceLayer;
use twilio_proxy::wire::{Encoder, Endpoint, OperationMeta};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Call = Request<Full<Bytes>>;
type Answer = Response<Collected>;

fn call(method: Method, options: Option<CallOptions>) -> Call {
    let endpoint = Endpoint::new(Endpoint::TWILIO).unwrap();
    let meta = OperationMeta::new("sessions", method, "/v1/Services/{ServiceSid}/Sessions");
    let mut encoder = Encoder::new(&endpoint, meta);
    encoder.literal("/v1/Services").segment("service", "KS0123456789abcdef").unwrap();
    if let Some(options) = options {
        encoder.options(options);
    }
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

#[tokio::test]
async fn what_passes_allocates_nothing_and_a_read_three_times() {
    let read = || call(Method::GET, None);
    let write = || call(Method::POST, None);
    for request in [&read as &dyn Fn() -> Call, &write] {
        assert_eq!(allocations(tower::service_fn(answers), request).await, 0, "bare");
        let off = CoalesceLayer::off().layer(tower::service_fn(answers));
        assert_eq!(allocations(off, request).await, 0, "off");
    }
    let on = CoalesceLayer::new().layer(tower::service_fn(answers));
    assert_eq!(allocations(on.clone(), write).await, 0, "a write");
    assert_eq!(allocations(on.clone(), read).await, 3, "a read");

    let with_wishes = || call(Method::GET, Some(CallOptions::new().max_attempts(2)));
    assert_eq!(allocations(on.clone(), with_wishes).await, 4, "a read with wishes");

    // What is said of headers: they are copied, and only they.
    let with_header = || {
        let mut call = read();
        let name = HeaderName::from_static("x-extra");
        call.headers_mut().insert(name, HeaderValue::from_static("one"));
        call
    };
    assert_eq!(allocations(on, with_header).await, 5, "a read with a header");
}
