use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tower::{Layer, Service};

use crate::call::{CallFacts, Effect, Fault, FaultKind, Live, Raise};

/// Gives up an attempt that takes too long, so that there is time for another.
///
/// Give it a good deal less than the call's deadline, or there is never time to retry, and
/// more than the slowest answer that is worth waiting for.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::middleware::deadline::AttemptTimeoutLayer;
///
/// let layer = AttemptTimeoutLayer::new(Duration::from_secs(10));
/// # let _ = layer;
/// ```
///
/// # Errors
///
/// [`FaultKind::AttemptTimeout`], which retry repeats where that is safe: for any operation if the
/// transport proves that this attempt was not sent (effect `None`), else if the call is replayable.
///
/// # Panics
///
/// Where the future has to wait and is polled outside a tokio runtime with timers.
///
/// # Layer order
///
/// Inside limits, so that waiting for a permit isn't taken for a slow server; inside authorization
/// and signing, which may fetch a token; outside collecting, so that an answer whose body stalls is
/// covered. It needs no regard for the call's deadline, which cuts it off from further out.
///
/// # Cancellation
///
/// A dropped future drops the attempt inside, as the time-out itself does.
#[derive(Clone, Debug)]
pub struct AttemptTimeoutLayer {
    timeout: Live<Duration>,
}

impl AttemptTimeoutLayer {
    /// So long for one attempt, from its request to the end of what is inside.
    #[must_use]
    pub fn new(timeout: impl Into<Live<Duration>>) -> Self {
        Self { timeout: timeout.into() }
    }
}

impl<S> Layer<S> for AttemptTimeoutLayer {
    type Service = AttemptTimeout<S>;

    fn layer(&self, inner: S) -> AttemptTimeout<S> {
        AttemptTimeout { inner, timeout: self.timeout.clone() }
    }
}

/// A service that gives up slow attempts; made by [`AttemptTimeoutLayer`].
#[derive(Clone, Debug)]
pub struct AttemptTimeout<S> {
    inner: S,
    timeout: Live<Duration>,
}

impl<S, B> Service<Request<B>> for AttemptTimeout<S>
where
    S: Service<Request<B>>,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AttemptResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let timeout = self.timeout.read(|timeout| *timeout);
        let before = Progress::of(CallFacts::ensure(&mut request));
        // A moment that no clock will show is none.
        let now = before.facts.now();
        before.facts.mark_attempt_started(now);
        let until = now.checked_add(timeout);
        let attempt = Step::Trying { attempt: self.inner.call(request) };
        AttemptResponseFuture { attempt, until, timer: None, timeout, before }
    }
}

/// How far the call had come when the attempt began.
#[derive(Debug)]
struct Progress {
    facts: Arc<CallFacts>,
    reached: u32,
    sent: u32,
}

impl Progress {
    fn of(facts: Arc<CallFacts>) -> Self {
        Self { reached: facts.reached(), sent: facts.sent(), facts }
    }

    /// What may have come of this one attempt, once it is dropped.
    ///
    /// Nothing, if a transport that reports what it sends has the attempt and reported nothing.
    /// Attempts side by side share the facts; then one that was sent speaks for all: unknown.
    fn effect_since(&self) -> Effect {
        let reported = self.facts.reached() > self.reached;
        let sent = self.facts.sent() > self.sent;
        if reported && !sent { Effect::None } else { Effect::Unknown }
    }
}

pin_project! {
    /// The response of an [`AttemptTimeout`], or the error that it took too long.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AttemptResponseFuture<F> {
        #[pin]
        attempt: Step<F>,
        until: Option<Instant>,
        // Made when the attempt first has to wait, inside a poll: a timer needs a runtime around it.
        #[pin]
        timer: Option<Sleep>,
        timeout: Duration,
        before: Progress,
    }
}

pin_project! {
    #[project = StepProjection]
    #[derive(Debug)]
    enum Step<F> {
        Trying { #[pin] attempt: F },
        Dropped,
    }
}

impl<F, T, E> Future for AttemptResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Raise,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StepProjection::Trying { attempt } = this.attempt.as_mut().project()
            && let Poll::Ready(result) = attempt.poll(cx)
        {
            return Poll::Ready(result);
        }
        let facts = &this.before.facts;
        let (until, deadline) = (*this.until, facts.deadline());
        if this.timer.is_none() {
            let Some(first) = until.into_iter().chain(deadline).min() else { return Poll::Pending };
            this.timer.set(Some(tokio::time::sleep_until(first)));
        }
        let Some(mut timer) = this.timer.as_pin_mut() else { return Poll::Pending };
        if timer.as_mut().poll(cx).is_pending() {
            if deadline.is_some_and(|deadline| timer.deadline() <= deadline) {
                facts.keep_vigil(cx);
            }
            return Poll::Pending;
        }
        // The call's deadline is for those outside to say; should there be nobody, the attempt goes on.
        let Some(until) = until else { return Poll::Pending };
        if timer.deadline() < until {
            timer.as_mut().reset(until);
            ready!(timer.poll(cx));
        }
        // First drop, then judge: until it is dropped, the attempt may still go out.
        this.attempt.set(Step::Dropped);
        let detail = format!("the attempt did not end within {:?}", this.timeout);
        let fault = Fault::new(FaultKind::AttemptTimeout, detail);
        Poll::Ready(Err(fault.with_effect(this.before.effect_since()).into()))
    }
}
