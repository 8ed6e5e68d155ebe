//! A bare hyper-util client in place of the transport, under layers of this crate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{ServiceBuilder, ServiceExt};
use twilio_proxy::call::{BoxError, CallFacts, Collected, Effect, Fault, FaultKind};
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::lift::LiftLayer;
use twilio_proxy::middleware::retry::{FullJitter, RetryLayer};
use twilio_proxy::transport::classify_error;

use crate::own::support::{Server, post, soon, watched};

async fn call(
    lift: LiftLayer,
    request: Request<Full<Bytes>>,
) -> Result<Response<Collected>, BoxError> {
    let schedule = FullJitter::new().base(Duration::from_millis(1));
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new().schedule(schedule))
        .layer(CollectLayer::new())
        .layer(lift)
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
    soon(stack.oneshot(request)).await
}

fn counts(facts: &Arc<CallFacts>) -> (u32, Effect) {
    (facts.attempts(), facts.effect())
}

/// Foreign errors prove nothing to the layers above, so an unkeyed create that no server had ever
/// seen was given up as one that may have been done.
#[tokio::test]
async fn a_create_that_never_left_is_tried_again_once_its_error_is_judged() {
    let server = Server::bind().await;
    let uri = server.uri("/");
    drop(server);

    let (request, facts) = watched(post(&uri));
    let error = call(LiftLayer::new(), request).await.expect_err("nobody listens");
    assert!(Fault::find(&*error).is_none(), "{error:?}");
    assert_eq!(counts(&facts), (1, Effect::Unknown));

    let (request, facts) = watched(post(&uri));
    let lift = LiftLayer::new().judged_by(classify_error);
    let error = call(lift, request).await.expect_err("nobody listens");
    let fault = error.downcast_ref::<Fault>().expect("a fault");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    assert_eq!(counts(&facts), (4, Effect::None));
}

#[tokio::test]
async fn a_create_that_may_have_arrived_is_not() {
    let server = Server::bind().await;
    let (request, facts) = watched(post(&server.uri("/")));
    let hang_up = async { server.accept().await.read().await };
    let lift = LiftLayer::new().judged_by(classify_error);
    let (answer, _) = tokio::join!(call(lift, request), hang_up);
    let error = answer.expect_err("closed");
    assert_eq!(Fault::find(&*error).map(Fault::kind), Some(FaultKind::Interrupted));
    assert_eq!(counts(&facts), (1, Effect::Unknown));
}
