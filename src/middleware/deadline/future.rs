use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tower::Service;

use crate::call::{CallFacts, Effect, Fault, FaultKind, Raise};

pin_project! {
    /// The response of a [`Deadline`](super::Deadline), or the error that its time is up.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        step: Step<S, S::Future, S::Error, B>,
        deadline: Option<Instant>,
        // Made when the call has to wait and nobody inside keeps vigil, inside a poll: a timer needs a
        // runtime around it. Boxed, since every layer above moves this future, and mostly there is none.
        timer: Option<Pin<Box<Sleep>>>,
        facts: Arc<CallFacts>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, F, E, B> {
        /// Waiting until the service inside takes the request.
        Readying { service: S, request: Option<Request<B>> },
        /// It has taken it.
        Called { #[pin] response: F },
        /// It will never take one.
        Failed { error: Option<E> },
        /// Everything inside is dropped.
        Dropped,
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn new(step: Step<S, S::Future, S::Error, B>, facts: Arc<CallFacts>) -> Self {
        Self { step, deadline: facts.deadline(), timer: None, facts }
    }

    /// The service inside has the request.
    pub(super) fn called(response: S::Future, facts: Arc<CallFacts>) -> Self {
        Self::new(Step::Called { response }, facts)
    }

    /// The service inside is not ready for it yet.
    pub(super) fn readying(service: S, request: Request<B>, facts: Arc<CallFacts>) -> Self {
        Self::new(Step::Readying { service, request: Some(request) }, facts)
    }

    /// The service inside said that it never will be.
    pub(super) fn failed(error: S::Error, facts: Arc<CallFacts>) -> Self {
        Self::new(Step::Failed { error: Some(error) }, facts)
    }

    /// The time was up before anybody inside saw the request.
    pub(super) fn over(facts: Arc<CallFacts>) -> Self {
        Self::new(Step::Dropped, facts)
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
    S::Error: Raise,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StepProjection::Failed { error } = this.step.as_mut().project()
            && let Some(error) = error.take()
        {
            return Poll::Ready(Err(error));
        }
        if let StepProjection::Readying { service, request } = this.step.as_mut().project()
            // A call that waited too long for the service is not begun.
            && this.deadline.is_none_or(|deadline| deadline > Instant::now())
            && let Poll::Ready(readied) = service.poll_ready(cx)
        {
            readied?;
            if let Some(request) = request.take() {
                let response = service.call(request);
                this.step.set(Step::Called { response });
            }
        }
        let mut called = false;
        let vigils = this.facts.vigils();
        if let StepProjection::Called { response } = this.step.as_mut().project() {
            // Before the timer: an answer that is here is not thrown away for being late.
            if let Poll::Ready(result) = response.poll(cx) {
                return Poll::Ready(result);
            }
            if this.facts.is_vigil_kept(vigils, cx) {
                return Poll::Pending;
            }
            called = true;
        }
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        if deadline > Instant::now() {
            let new = || Box::pin(tokio::time::sleep_until(deadline));
            ready!(this.timer.get_or_insert_with(new).as_mut().poll(cx));
        }
        // First drop, then judge: until it is dropped, an attempt may still go out.
        this.step.set(Step::Dropped);
        Poll::Ready(Err(late(this.facts, called).into()))
    }
}

/// The error that a call's time is up; `called`: the service inside had taken the request.
fn late(facts: &CallFacts, called: bool) -> Fault {
    // A request that nobody inside has seen did nothing, unless it was tried before it came here.
    let effect = if called || facts.attempts() > 0 { facts.effect() } else { Effect::None };
    let within = facts.deadline().map(|at| at.saturating_duration_since(facts.started()));
    Fault::new(
        FaultKind::Deadline,
        format!("the call did not end within {:?} of its beginning", within.unwrap_or_default()),
    )
    .with_effect(effect)
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Readying { .. } => "readying",
            Step::Called { .. } => "called",
            Step::Failed { .. } => "failed",
            Step::Dropped => "dropped",
        };
        f.debug_struct("ResponseFuture")
            .field("step", &step)
            .field("deadline", &self.deadline)
            .field("has_timer", &self.timer.is_some())
            .finish_non_exhaustive()
    }
}
