use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;

use super::super::headroom;
use super::super::line::Dismissal;
use super::permit::Permit;
use super::shared::Rig;
use super::{Fixed, LimitPolicy};
use crate::call::{
    CallFacts, Classifier, Effect, Fault, FaultKind, Raise, Rejection, StatusClassifier,
};
use crate::middleware::observe::meter::Wait;

pin_project! {
    /// The future of [`ConcurrencyLimit`](super::ConcurrencyLimit).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, P = Fixed, C = StatusClassifier>
    where
        S: Service<Request<B>>,
        P: LimitPolicy,
    {
        #[pin]
        state: State<S, B, P, C>,
        // After the state: the inner future is gone before the slot is another's.
        permit: Option<Permit<P, C>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, P, C>
    where
        S: Service<Request<B>>,
    {
        Called { #[pin] future: S::Future },
        Held { held: Box<Held<S, B, P, C>> },
        Refused { fault: Option<Fault> },
    }
}

/// A call that waits, with the readied service that it will go to.
struct Held<S, B, P, C> {
    service: S,
    request: Option<Request<B>>,
    facts: Option<Arc<CallFacts>>,
    rig: Arc<Rig<P, C>>,
    wait: Wait,
}

impl<S, B, P, C> ResponseFuture<S, B, P, C>
where
    S: Service<Request<B>>,
    P: LimitPolicy,
{
    pub(super) fn called(future: S::Future, permit: Permit<P, C>) -> Self {
        Self { state: State::Called { future }, permit: Some(permit) }
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) }, permit: None }
    }

    pub(super) fn held(
        service: S,
        request: Request<B>,
        permit: Permit<P, C>,
        rig: Arc<Rig<P, C>>,
    ) -> Self {
        let facts = CallFacts::of(request.extensions()).cloned();
        if let Some(facts) = &facts {
            facts.enter_queue();
        }
        let held = Box::new(Held {
            service,
            request: Some(request),
            facts,
            rig,
            wait: Wait::begin("concurrency"),
        });
        Self { state: State::Held { held }, permit: Some(permit) }
    }
}

impl<S, B, R, P, C> Future for ResponseFuture<S, B, P, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Raise,
    P: LimitPolicy,
    C: Classifier<R>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Called { future } => {
                    let outcome = ready!(future.poll(cx));
                    // Not only when this future is dropped: its caller may keep it for a while.
                    if let Some(permit) = this.permit.take() {
                        permit.end(&outcome);
                    }
                    return Poll::Ready(outcome);
                }
                StateProj::Refused { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    // OK because the future has ended, and nobody may poll it again.
                    None => return Poll::Pending,
                },
                StateProj::Held { held } => {
                    let Some(permit) = this.permit else { return Poll::Pending };
                    let called = ready!(permit.poll_slot(cx)).map_err(fault);
                    let called = called.and_then(|()| held.begin(permit));
                    held.wait.end(called.is_ok());
                    if let Some(facts) = &held.facts {
                        facts.leave_queue();
                    }
                    match (called, held.request.take()) {
                        (Err(fault), _) => {
                            *this.permit = None;
                            State::Refused { fault: Some(fault) }
                        }
                        (Ok(()), Some(request)) => {
                            State::Called { future: held.service.call(request) }
                        }
                        // OK because the request is there until the state changes just below.
                        (Ok(()), None) => return Poll::Pending,
                    }
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, B, P: LimitPolicy, C> Held<S, B, P, C> {
    /// The call goes, unless its time is up: then the slot is better used by the next. A call that
    /// has waited is measured whatever the policy: it says how long the others will have to.
    fn begin(&self, permit: &mut Permit<P, C>) -> Result<(), Fault> {
        let now = Instant::now();
        let shared = &self.rig.shared;
        let deadline = self.facts.as_ref().and_then(|facts| facts.deadline());
        let refused = if deadline.is_some_and(|deadline| deadline <= now) {
            fault(Dismissal::Dead)
        } else if headroom::is_too_late(now, shared.headroom(self.facts.as_ref()), deadline) {
            // Those in line now are before it when it comes back.
            let after = shared.pace()(shared.line.waiting(), shared.line.slots());
            shed("the call's slot came too shortly before its deadline", after)
        } else {
            permit.begin(&self.rig, now);
            return Ok(());
        };
        shared.line.count_shed();
        Err(refused)
    }
}

fn fault(dismissal: Dismissal) -> Fault {
    match dismissal {
        Dismissal::Displaced(after) => {
            let detail = "a call of higher priority has the place in the queue before the \
                          concurrency limit";
            shed(detail, after)
        }
        Dismissal::Dead => {
            let detail = "the call's deadline passed in the queue before the concurrency limit";
            Fault::new(FaultKind::Deadline, detail).with_effect(Effect::None)
        }
    }
}

fn shed(detail: &'static str, after: Option<Duration>) -> Fault {
    let fault = Fault::new(FaultKind::Rejected(Rejection::Shed), detail);
    match after {
        Some(after) => fault.with_retry_after(after),
        None => fault,
    }
}

impl<S, B, P, C> fmt::Debug for ResponseFuture<S, B, P, C>
where
    S: Service<Request<B>>,
    P: LimitPolicy,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Called { .. } => "ResponseFuture(called)",
            State::Held { .. } => "ResponseFuture(waiting)",
            State::Refused { .. } => "ResponseFuture(refused)",
        })
    }
}
