use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

use super::ResponseFuture;
use super::course::Course;
use super::layer::Common;
use super::settings::Terms;
use super::start::Start;
use crate::call::{CallFacts, CallOptions, Classifier, Idempotency, Raise, StatusClassifier};
use crate::middleware::replay::Replay;

/// A service that starts a second try beside a slow one; made by [`HedgeLayer`](super::HedgeLayer).
pub struct Hedge<S, C = StatusClassifier> {
    inner: S,
    common: Arc<Common<S, C>>,
}

impl<S, C> Hedge<S, C> {
    pub(super) fn new(inner: S, common: Arc<Common<S, C>>) -> Self {
        Self { inner, common }
    }
}

impl<S, C, B> Service<Request<Full<Bytes>>> for Hedge<S, C>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Raise,
    C: Classifier<B>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        match self.common.shared.terms() {
            None => ResponseFuture::new(self.inner.call(request), None),
            Some(terms) => self.on(&terms, request),
        }
    }
}

impl<S, C> Hedge<S, C> {
    /// Apart, so that the way past it is short enough to be inlined: then nothing is moved for it.
    #[inline(never)]
    fn on(&mut self, terms: &Terms, mut request: Request<Full<Bytes>>) -> ResponseFuture<S, C>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        let shared = &self.common.shared;
        let common = Arc::clone(&self.common);
        if !may_be_hedged(&request) {
            let facts = CallFacts::of(request.extensions()).cloned();
            let first = self.inner.call(request);
            return ResponseFuture::new(first, Some(Course::alone(common, facts)));
        }
        shared.budget.earn(terms.percent.into(), terms.burst);
        // The same facts for both tries: what they say of the call is the sum of the two.
        let facts = CallFacts::ensure(&mut request);
        let replay = Replay::of(&request);
        let start = Start::before(&facts);
        let first = self.inner.call(request);
        ResponseFuture::new(first, Some(Course::hedged(common, facts, replay, start, terms.learns)))
    }
}

/// Whether a second request at the same time does no harm, and the caller has nothing against it.
fn may_be_hedged<B>(request: &Request<B>) -> bool {
    let Some(facts) = CallFacts::of(request.extensions()) else {
        return Idempotency::of_method(request.method()) == Idempotency::Safe;
    };
    // A call that is to be tried once, or not to be repeated, must not be tried twice at once either.
    let attempts = facts.options().and_then(CallOptions::wanted_attempts);
    facts.idempotency() == Idempotency::Safe && facts.is_replayable() && attempts != Some(1)
}

impl<S: Clone, C> Clone for Hedge<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), common: Arc::clone(&self.common) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Hedge<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge")
            .field("inner", &self.inner)
            .field("shared", &self.common.shared)
            .finish()
    }
}
