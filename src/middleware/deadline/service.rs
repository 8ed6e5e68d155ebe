use std::task::{Context, Poll};
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
        // OK because this instance was never readied: a clone is as good, and the future readies it.
        ResponseFuture::new(self.inner.clone(), request, facts)
    }
}
