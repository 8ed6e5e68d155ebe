use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tower::Service;

use super::Limiter;
use super::turn::Turn;
use crate::call::{CallFacts, Fault, Raise};

pin_project! {
    /// The future of [`RateLimit`](super::RateLimit).
    ///
    /// A call that need not wait is inside this future from the start; one that must is boxed with
    /// its service and its request until it goes.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, L>
    where
        S: Service<Request<B>>,
        L: Limiter,
    {
        #[pin]
        state: State<S, B, L>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, L>
    where
        S: Service<Request<B>>,
        L: Limiter,
    {
        Called { #[pin] future: S::Future },
        Held { held: Pin<Box<Held<S, B, L>>> },
        Refused { fault: Option<Fault> },
    }
}

pin_project! {
    /// A call that waits, with the readied service that it will go to.
    struct Held<S, B, L: Limiter> {
        // Dropped in this order where nobody called it: the turn last, so that the next in line
        // finds nothing of this one.
        service: S,
        request: Option<Request<B>>,
        facts: Option<Arc<CallFacts>>,
        #[pin]
        turn: Turn<L>,
    }
}

impl<S, B, L> ResponseFuture<S, B, L>
where
    S: Service<Request<B>>,
    L: Limiter,
{
    pub(super) fn called(future: S::Future) -> Self {
        Self { state: State::Called { future } }
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) } }
    }

    pub(super) fn held(service: S, request: Request<B>, turn: Turn<L>) -> Self {
        let facts = CallFacts::of(request.extensions()).cloned();
        if let Some(facts) = &facts {
            facts.enter_queue();
        }
        let held = Box::pin(Held { service, request: Some(request), facts, turn });
        Self { state: State::Held { held } }
    }
}

impl<S, B, L> Future for ResponseFuture<S, B, L>
where
    S: Service<Request<B>>,
    S::Error: Raise,
    L: Limiter,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Called { future } => return future.poll(cx),
                StateProj::Refused { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    // OK because the future has ended, and nobody may poll it again.
                    None => return Poll::Pending,
                },
                StateProj::Held { held } => {
                    let held = held.as_mut().project();
                    let turn = ready!(held.turn.poll(cx));
                    if let Some(facts) = held.facts {
                        facts.leave_queue();
                    }
                    match (turn, held.request.take()) {
                        (Err(refusal), _) => State::Refused { fault: Some(refusal.into_fault()) },
                        (Ok(()), Some(request)) => {
                            State::Called { future: held.service.call(request) }
                        }
                        // OK because the request is there until the state changes just below.
                        (Ok(()), None) => return Poll::Pending,
                    }
                }
            };
            // Drops the place in line: the next call can go now that this one has gone.
            state.set(next);
        }
    }
}

impl<S, B, L> fmt::Debug for ResponseFuture<S, B, L>
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
