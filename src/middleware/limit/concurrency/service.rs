use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower::Service;

use super::super::line::Line;
use super::ResponseFuture;
use crate::call::{CallFacts, Fault, FaultKind, Raise, Rejection};

/// A service with a limit on calls under way. Made by [`ConcurrencyLimitLayer`](super::ConcurrencyLimitLayer).
#[derive(Clone)]
pub struct ConcurrencyLimit<S> {
    inner: S,
    line: Arc<Line>,
    places: usize,
}

impl<S> ConcurrencyLimit<S> {
    pub(super) fn new(inner: S, line: Arc<Line>, places: usize) -> Self {
        Self { inner, line, places }
    }
}

impl<S, B> Service<Request<B>> for ConcurrencyLimit<S>
where
    S: Service<Request<B>> + Clone,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let facts = CallFacts::of(request.extensions());
        let priority = facts.map(|facts| facts.priority()).unwrap_or_default();
        let Some(place) = self.line.enter(priority.share_of(self.places)) else {
            return ResponseFuture::refused(Fault::new(
                FaultKind::Rejected(Rejection::QueueFull),
                "the queue before the concurrency limit is full",
            ));
        };
        if place.has_slot() {
            return ResponseFuture::called(self.inner.call(request), place);
        }
        let operation = facts.map(|facts| facts.operation());
        tracing::debug!(operation, "a call waits for the concurrency limit");
        // The readied instance goes along with the call; what stays is to be readied anew.
        let clone = self.inner.clone();
        let readied = mem::replace(&mut self.inner, clone);
        ResponseFuture::held(readied, request, place)
    }
}

impl<S: fmt::Debug> fmt::Debug for ConcurrencyLimit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("inner", &self.inner)
            .field("limit", &self.line.slots())
            .field("max_waiting", &self.places)
            .finish()
    }
}
