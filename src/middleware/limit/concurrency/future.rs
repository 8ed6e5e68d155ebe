use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tower::Service;

use super::super::line::Place;
use crate::call::{CallFacts, Fault, Raise};

pin_project! {
    /// The future of [`ConcurrencyLimit`](super::ConcurrencyLimit).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
        // After the state: the inner future is gone before the slot is another's.
        place: Option<Place>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        Called { #[pin] future: S::Future },
        Held { held: Box<Held<S, B>> },
        Refused { fault: Option<Fault> },
    }
}

/// A call that waits, with the readied service that it will go to.
struct Held<S, B> {
    service: S,
    request: Option<Request<B>>,
    facts: Option<Arc<CallFacts>>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn called(future: S::Future, slot: Place) -> Self {
        Self { state: State::Called { future }, place: Some(slot) }
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) }, place: None }
    }

    pub(super) fn held(service: S, request: Request<B>, place: Place) -> Self {
        let facts = CallFacts::of(request.extensions()).cloned();
        if let Some(facts) = &facts {
            facts.enter_queue();
        }
        let held = Box::new(Held { service, request: Some(request), facts });
        Self { state: State::Held { held }, place: Some(place) }
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
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Called { future } => {
                    let outcome = ready!(future.poll(cx));
                    // Not only when this future is dropped: its caller may keep it for a while.
                    *this.place = None;
                    return Poll::Ready(outcome);
                }
                StateProj::Refused { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    // OK because the future has ended, and nobody may poll it again.
                    None => return Poll::Pending,
                },
                StateProj::Held { held } => {
                    if let Some(place) = this.place {
                        ready!(place.poll_slot(cx));
                    }
                    if let Some(facts) = &held.facts {
                        facts.leave_queue();
                    }
                    match held.request.take() {
                        Some(request) => State::Called { future: held.service.call(request) },
                        // OK because the request is there until the state changes just below.
                        None => return Poll::Pending,
                    }
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Called { .. } => "ResponseFuture(called)",
            State::Held { .. } => "ResponseFuture(waiting)",
            State::Refused { .. } => "ResponseFuture(refused)",
        })
    }
}
