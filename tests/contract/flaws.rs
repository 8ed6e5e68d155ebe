//! The suite against layers that break a promise: a check that can't fail holds nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::util::{MapErrLayer, MapRequestLayer};
use tower::{Layer as _, Service};
use twilio_proxy::call::BoxError;

use crate::checks;
use crate::probe::{Chunks, PAUSES, Probe};

/// Readies one instance and calls another, as many a layer did that clones in `call`.
#[derive(Clone, Debug)]
struct CallsAClone(Probe);

impl Service<Request<Full<Bytes>>> for CallsAClone {
    type Response = Response<Chunks>;
    type Error = BoxError;
    type Future = <Probe as Service<Request<Full<Bytes>>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.0.clone().call(request)
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "not ready")]
async fn a_clone_that_was_not_readied() {
    let probe = Probe::new();
    checks::readied(CallsAClone(probe.clone()), &probe).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "stuck")]
async fn a_permit_taken_in_poll_ready() {
    checks::idle(GlobalConcurrencyLimitLayer::new(1).layer(Probe::new())).await;
}

/// Runs the call in a task of its own, which goes on when nobody waits for it any more.
#[derive(Clone, Debug)]
struct Spawns(Probe);

impl Service<Request<Full<Bytes>>> for Spawns {
    type Response = Response<Chunks>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Chunks>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let call = self.0.call(request);
        Box::pin(async {
            for _ in 0..PAUSES {
                tokio::task::yield_now().await;
            }
            tokio::spawn(call).await?
        })
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "after a call that was dropped at poll")]
async fn a_task_that_outlives_its_call_is_seen_by_polls() {
    let probe = Probe::new();
    checks::dropped_at_any_poll(Spawns(probe.clone()), &probe).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "after a call that was dropped at")]
async fn a_task_that_outlives_its_call_is_seen_by_time() {
    let probe = Probe::new();
    checks::dropped_at_any_time(Spawns(probe.clone()), &probe).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "another error")]
async fn an_error_that_is_wrapped() {
    let wrap = |error: BoxError| BoxError::from(format!("wrapped: {error}"));
    checks::foreign_error(MapErrLayer::new(wrap).layer(Probe::new().failing())).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a fault")]
async fn a_fault_that_is_flattened_to_text() {
    let flatten = |error: BoxError| BoxError::from(error.to_string());
    checks::fault(MapErrLayer::new(flatten).layer(Probe::new().faulty(usize::MAX))).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the facts are shared")]
async fn facts_that_get_lost_on_the_way() {
    let forget = |mut request: Request<Full<Bytes>>| {
        request.extensions_mut().clear();
        request
    };
    let probe = Probe::new();
    checks::whole(MapRequestLayer::new(forget).layer(probe.clone()), &probe).await;
}
