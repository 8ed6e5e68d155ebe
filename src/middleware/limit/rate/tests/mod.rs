//! What the tests of the rate limit share: calls, an inner service that keeps a log, a limiter that counts.

mod arithmetic;
mod changes;
mod headroom;
mod keys;
mod refusals;
mod remote;
mod throttle;
mod waiting;

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::Instant;
use tower::Service;

use super::{Check, Key, Limiter, LocalLimiter, Quota, RateLimit, RateLimitLayer};
use crate::call::{BoxError, CallFacts, CallOptions, Fault, Idempotency, StatusClassifier};

const MS: Duration = Duration::from_millis(1);

/// A call of an operation, numbered, with wishes of its own.
fn call(operation: &'static str, number: u32, options: CallOptions) -> Request<u32> {
    let facts = CallFacts::new(operation, Idempotency::Safe).with_options(Some(Box::new(options)));
    let mut request = Request::new(number);
    request.extensions_mut().insert(Arc::new(facts));
    request
}

fn plain(number: u32) -> Request<u32> {
    call("sessions.fetch", number, CallOptions::new())
}

fn facts(request: &Request<u32>) -> Arc<CallFacts> {
    Arc::clone(CallFacts::of(request.extensions()).expect("facts"))
}

/// Keeps a log of what was called and when, and insists on being ready: like a service that
/// reserves something in `poll_ready`, a clone of it is not.
struct Log {
    begun: Instant,
    calls: Arc<Mutex<Vec<(u32, Duration)>>>,
    is_ready: bool,
}

impl Log {
    fn new() -> Self {
        Self { begun: Instant::now(), calls: Arc::default(), is_ready: false }
    }

    fn calls(&self) -> Vec<(u32, Duration)> {
        self.calls.lock().expect("unpoisoned").clone()
    }

    fn numbers(&self) -> Vec<u32> {
        self.calls().into_iter().map(|(number, _)| number).collect()
    }
}

impl Clone for Log {
    fn clone(&self) -> Self {
        Self { begun: self.begun, calls: Arc::clone(&self.calls), is_ready: false }
    }
}

impl Service<Request<u32>> for Log {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<u32>) -> Self::Future {
        assert!(mem::take(&mut self.is_ready), "another instance was called than was readied");
        self.calls.lock().expect("unpoisoned").push((request.into_body(), self.begun.elapsed()));
        std::future::ready(Ok(Response::new(())))
    }
}

/// A local limiter that counts its checks.
#[derive(Debug)]
struct Counting {
    inner: LocalLimiter,
    checks: Arc<AtomicUsize>,
}

impl Counting {
    fn new(quota: Quota) -> (Self, Arc<AtomicUsize>) {
        let checks = Arc::<AtomicUsize>::default();
        (Self { inner: LocalLimiter::new(quota), checks: Arc::clone(&checks) }, checks)
    }
}

impl Limiter for Counting {
    type State = <LocalLimiter as Limiter>::State;
    type Asking = <LocalLimiter as Limiter>::Asking;

    fn untouched(&self, now: Instant) -> Self::State {
        self.inner.untouched(now)
    }

    fn check(&self, key: &Key, state: &mut Self::State, now: Instant) -> Check<Self::Asking> {
        self.checks.fetch_add(1, SeqCst);
        self.inner.check(key, state, now)
    }

    fn earliest(&self, state: &mut Self::State, ahead: usize, now: Instant) -> Instant {
        self.inner.earliest(state, ahead, now)
    }

    fn is_idle(&self, state: &mut Self::State, now: Instant) -> bool {
        self.inner.is_idle(state, now)
    }
}

type Calling<L> = super::ResponseFuture<Log, u32, L, StatusClassifier>;

/// Readies the service and calls it, once, with a poll by hand in between.
fn start<L: Limiter>(service: &mut RateLimit<Log, L>, request: Request<u32>) -> Calling<L> {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    service.call(request)
}

/// The fault that a refused call got.
async fn refusal<L: Limiter>(calling: Calling<L>) -> BoxError {
    let begun = Instant::now();
    let error = calling.await.expect_err("refused");
    assert_eq!(begun.elapsed(), Duration::ZERO, "refused late");
    error
}

fn fault(error: &BoxError) -> &Fault {
    Fault::find(error.as_ref()).expect("a fault")
}
