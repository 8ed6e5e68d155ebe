//! The faults that the layers of this suite raise themselves, found from outside foreign layers.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use twilio_proxy::call::{BoxError, Effect, Fault, FaultKind};
use twilio_proxy::middleware::auth::{AuthLayer, FnCredentials, Grant};
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::lift::LiftLayer;

use crate::probe::{Probe, origin, request};
use crate::secrets::credentials;

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_found() {
    let stack = ServiceBuilder::new()
        .concurrency_limit(1)
        .timeout(Duration::from_secs(1))
        .layer(CollectLayer::new().limit(3))
        .service(Probe::new());
    let error = stack.oneshot(request()).await.expect_err("two frames of five bytes");
    let fault = Fault::find(&*error).expect("a fault");
    assert_eq!(fault.kind(), FaultKind::BodyTooLarge { limit: 3 });
    assert_eq!(fault.effect(), Effect::Applied);
}

#[tokio::test(start_paused = true)]
async fn credentials_kept_back_are_found_and_nothing_was_sent() {
    let probe = Probe::new();
    let stack = ServiceBuilder::new()
        .concurrency_limit(1)
        .timeout(Duration::from_secs(1))
        .layer(AuthLayer::new(&credentials(), [origin()]))
        .service(probe.clone());
    let mut elsewhere = request();
    *elsewhere.uri_mut() = "https://evil.test/".parse().unwrap();
    let error = stack.oneshot(elsewhere).await.expect_err("another origin");
    let fault = Fault::find(&*error).expect("a fault");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Config, Effect::None));
    assert!(probe.take_seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn credentials_that_cannot_be_had_are_found_with_their_cause() {
    let probe = Probe::new();
    let sealed = FnCredentials::new(|| async { Err::<Grant, _>(BoxError::from("sealed")) });
    let stack = ServiceBuilder::new()
        .concurrency_limit(1)
        .timeout(Duration::from_secs(1))
        .layer(AuthLayer::from_provider(sealed, [origin()]))
        .service(probe.clone());
    let error = stack.oneshot(request()).await.expect_err("no credentials");
    let fault = Fault::find(&*error).expect("a fault").clone();
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Credentials, Effect::None));
    assert_eq!(fault.into_source().expect("a cause").to_string(), "sealed");
    assert!(probe.take_seen().is_empty());
}

/// A stack over a service whose error knows nothing of ours, as a bare HTTP client's.
#[tokio::test(start_paused = true)]
async fn a_service_with_an_error_of_its_own_is_lifted_into_the_stack() {
    let bare = service_fn(|_: Request<Full<Bytes>>| async {
        Err::<Response<Full<Bytes>>, _>(std::io::Error::other("reset"))
    });
    let stack = ServiceBuilder::new()
        .layer(AuthLayer::new(&credentials(), [origin()]))
        .layer(CollectLayer::new())
        .layer(LiftLayer::new())
        .service(bare);
    let error: BoxError = stack.clone().oneshot(request()).await.expect_err("reset");
    assert!(error.downcast_ref::<std::io::Error>().is_some());
    let mut elsewhere = request();
    *elsewhere.uri_mut() = "https://evil.test/".parse().unwrap();
    let error = stack.oneshot(elsewhere).await.expect_err("another origin");
    assert!(Fault::find(&*error).is_some());
}
