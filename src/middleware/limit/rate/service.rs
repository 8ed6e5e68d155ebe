use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::time::Instant;
use tower::Service;

use super::report::{Report, Shared};
use super::table::{Arrival, Terms};
use super::turn::Turn;
use super::{Limiter, LocalLimiter, ResponseFuture};
use crate::call::{CallFacts, CallOptions, Classifier, Raise, StatusClassifier, WhenLimited};

/// A service whose calls keep to a quota. Made by [`RateLimitLayer`](super::RateLimitLayer).
pub struct RateLimit<S, L: Limiter = LocalLimiter, C = StatusClassifier> {
    inner: S,
    shared: Arc<Shared<L, C>>,
}

impl<S, L: Limiter, C> RateLimit<S, L, C> {
    pub(super) fn new(inner: S, shared: Arc<Shared<L, C>>) -> Self {
        Self { inner, shared }
    }

    fn terms(&self, facts: Option<&Arc<CallFacts>>) -> Terms {
        let settings = &self.shared.settings;
        let wish = facts.and_then(|facts| facts.options());
        let when_limited = wish.and_then(CallOptions::wanted_when_limited);
        let priority = facts.map(|facts| facts.priority()).unwrap_or_default();
        Terms {
            waits: when_limited.unwrap_or(settings.when_limited) == WhenLimited::Wait,
            began: facts.map(|facts| facts.started()),
            deadline: facts.and_then(|facts| facts.deadline()),
            headroom: settings.headroom,
            priority,
            places: priority.share_of(settings.places),
        }
    }
}

impl<S, B, R, L, C> Service<Request<B>> for RateLimit<S, L, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Raise,
    L: Limiter,
    C: Classifier<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, L, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let facts = CallFacts::of(request.extensions());
        let Shared { table, settings } = &*self.shared;
        let key = table.hashed(settings.key_by.key(&request, facts));
        let terms = self.terms(facts);
        let now = facts.map_or_else(Instant::now, |facts| facts.now());
        let turn = match table.arrive(&key, &terms, now) {
            Arrival::Go => {
                let report = Report::of(&self.shared, key.bits(), now);
                return ResponseFuture::called(self.inner.call(request), report);
            }
            Arrival::Refused(refusal) => return ResponseFuture::refused(refusal.into_fault()),
            Arrival::Ask(asking) => Turn::asking(Arc::clone(table), key, terms, asking),
            Arrival::Joined(joined) => {
                let operation = facts.map(|facts| facts.operation());
                tracing::debug!(operation, ahead = joined.ahead, "a call waits for the rate limit");
                Turn::joined(Arc::clone(table), key, terms, joined)
            }
        };
        // The readied instance goes along with the call; what stays is to be readied anew.
        let clone = self.inner.clone();
        let readied = mem::replace(&mut self.inner, clone);
        ResponseFuture::held(readied, request, Arc::clone(&self.shared), turn)
    }
}

impl<S: Clone, L: Limiter, C> Clone for RateLimit<S, L, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S: fmt::Debug, L: Limiter + fmt::Debug, C> fmt::Debug for RateLimit<S, L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("inner", &self.inner)
            .field("limiter", self.shared.table.limiter())
            .field("settings", &self.shared.settings)
            .finish()
    }
}
