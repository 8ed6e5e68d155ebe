use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Request;
use tower::Service;

use super::ResponseFuture;
use crate::call::{CallFacts, CallOptions, Live, Raise};

/// A service whose calls end by a deadline; made by [`DeadlineLayer`](super::DeadlineLayer).
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
    within: Live<Duration>,
}

impl<S> Deadline<S> {
    pub(super) fn new(inner: S, within: Live<Duration>) -> Self {
        Self { inner, within }
    }
}

impl<S, B> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>> + Clone,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    /// Always ready: the clock of a call must run while the service inside is not.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let facts = CallFacts::ensure(&mut request);
        let wish = facts.options().and_then(CallOptions::wanted_deadline);
        let within = wish.unwrap_or_else(|| self.within.read(|within| *within));
        // A moment that no clock will show is no deadline.
        if let Some(at) = facts.started().checked_add(within) {
            facts.tighten_deadline(at);
        }
        let deadline = facts.deadline();
        if deadline.is_some_and(|deadline| deadline <= facts.now()) {
            return ResponseFuture::over(facts);
        }
        // Most services are ready at once. Asked here, they need no clone, whose reference counts cost
        // more than the rest of this layer; nobody is to be woken, since the future asks again.
        let mut nobody = Context::from_waker(Waker::noop());
        match self.inner.poll_ready(&mut nobody) {
            Poll::Ready(Ok(())) => ResponseFuture::called(self.inner.call(request), facts),
            Poll::Ready(Err(error)) => ResponseFuture::failed(error, facts),
            Poll::Pending => {
                // The instance that has begun to wait goes along: its place in a queue is this call's.
                let clone = self.inner.clone();
                let waiting = mem::replace(&mut self.inner, clone);
                ResponseFuture::readying(waiting, request, facts)
            }
        }
    }
}
