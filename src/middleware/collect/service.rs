use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower::Service;

use super::ResponseFuture;
use crate::call::{BoxError, CallFacts, Collected, Raise};

/// Gathers the bodies of the service inside. Made by [`CollectLayer`](super::CollectLayer).
#[derive(Clone, Debug)]
pub struct Collect<S> {
    inner: S,
    limit: usize,
    tracks: bool,
}

impl<S> Collect<S> {
    pub(super) fn new(inner: S, limit: usize, tracks: bool) -> Self {
        Self { inner, limit, tracks }
    }

    /// The same with another cap, in bytes.
    pub(crate) fn with_limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }
}

impl<S, Out, In> Service<Request<Out>> for Collect<S>
where
    S: Service<Request<Out>, Response = Response<In>>,
    S::Error: Raise,
    In: Body<Data = Bytes>,
    In::Error: Into<BoxError>,
{
    type Response = Response<Collected>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, In>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Out>) -> Self::Future {
        let bodiless = request.method() == Method::HEAD;
        let facts = self.tracks.then(|| CallFacts::of(request.extensions()).cloned()).flatten();
        let Some(facts) = facts else {
            return ResponseFuture::new(self.inner.call(request), None, self.limit, bodiless);
        };
        // Attempts of one call that run side by side share these facts, and one that reports
        // between these two reads could pass for this one. Such attempts are of calls that change
        // nothing, for which the count decides nothing.
        let before = facts.reached();
        let future = self.inner.call(request);
        let unreported = facts.reached() == before;
        if unreported {
            facts.mark_reached();
            facts.mark_sent();
        }
        ResponseFuture::new(future, unreported.then_some(facts), self.limit, bodiless)
    }
}
