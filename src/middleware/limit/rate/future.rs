use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::Service;

use super::Limiter;
use super::report::{Report, Shared};
use super::turn::Turn;
use crate::call::{CallFacts, Classifier, Fault, Raise};
use crate::middleware::observe::meter::Wait;

pin_project! {
    /// The future of [`RateLimit`](super::RateLimit).
    ///
    /// A call that need not wait is inside this future from the start; one that must is boxed with
    /// its service and its request until it goes.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, L, C>
    where
        S: Service<Request<B>>,
        L: Limiter,
    {
        #[pin]
        state: State<S, B, L, C>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, L, C>
    where
        S: Service<Request<B>>,
        L: Limiter,
    {
        Called { #[pin] future: S::Future, report: Option<Report<L, C>> },
        Held { held: Pin<Box<Held<S, B, L, C>>> },
        Refused { fault: Option<Fault> },
    }
}

pin_project! {
    /// A call that waits, with the readied service that it will go to.
    struct Held<S, B, L: Limiter, C> {
        // Dropped in this order where nobody called it: the turn last, so that the next in line
        // finds nothing of this one.
        service: S,
        request: Option<Request<B>>,
        facts: Option<Arc<CallFacts>>,
        shared: Arc<Shared<L, C>>,
        #[pin]
        turn: Turn<L>,
        wait: Wait,
    }
}

impl<S, B, L, C> ResponseFuture<S, B, L, C>
where
    S: Service<Request<B>>,
    L: Limiter,
{
    pub(super) fn called(future: S::Future, report: Option<Report<L, C>>) -> Self {
        Self { state: State::Called { future, report } }
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) } }
    }

    pub(super) fn held(
        service: S,
        request: Request<B>,
        shared: Arc<Shared<L, C>>,
        turn: Turn<L>,
    ) -> Self {
        let facts = CallFacts::of(request.extensions()).cloned();
        if let Some(facts) = &facts {
            facts.enter_queue();
        }
        let wait = Wait::begin("rate");
        let held = Box::pin(Held { service, request: Some(request), facts, shared, turn, wait });
        Self { state: State::Held { held } }
    }
}

impl<S, B, R, L, C> Future for ResponseFuture<S, B, L, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Raise,
    L: Limiter,
    C: Classifier<R>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Called { future, report } => {
                    let result = ready!(future.poll(cx));
                    if let (Ok(response), Some(report)) = (&result, report.take()) {
                        report.hear(response);
                    }
                    return Poll::Ready(result);
                }
                StateProj::Refused { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    // OK because the future has ended, and nobody may poll it again.
                    None => return Poll::Pending,
                },
                StateProj::Held { held } => {
                    let held = held.as_mut().project();
                    let mut turn = held.turn;
                    let gone = ready!(turn.as_mut().poll(cx));
                    held.wait.end(gone.is_ok());
                    if let Some(facts) = held.facts {
                        facts.leave_queue();
                    }
                    match (gone, held.request.take()) {
                        (Err(refusal), _) => State::Refused { fault: Some(refusal.into_fault()) },
                        (Ok(granted), Some(request)) => State::Called {
                            future: held.service.call(request),
                            report: Report::of(held.shared, turn.bits(), granted),
                        },
                        // OK because the request is there until the state changes just below.
                        (Ok(_), None) => return Poll::Pending,
                    }
                }
            };
            // Drops the place in line: the next call can go now that this one has gone.
            state.set(next);
        }
    }
}

impl<S, B, L, C> fmt::Debug for ResponseFuture<S, B, L, C>
where
    S: Service<Request<B>>,
    L: Limiter,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Called { .. } => "ResponseFuture(called)",
            State::Held { .. } => "ResponseFuture(waiting)",
            State::Refused { .. } => "ResponseFuture(refused)",
        })
    }
}
