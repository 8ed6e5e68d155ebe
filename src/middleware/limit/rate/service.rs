use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tokio::time::Instant;
use tower::Service;

use super::layer::Settings;
use super::table::{Arrival, Table, Terms};
use super::turn::Turn;
use super::{Limiter, LocalLimiter, ResponseFuture};
use crate::call::{CallFacts, CallOptions, Raise, WhenLimited};

/// A service whose calls keep to a quota. Made by [`RateLimitLayer`](super::RateLimitLayer).
pub struct RateLimit<S, L: Limiter = LocalLimiter> {
    inner: S,
    table: Arc<Table<L>>,
    settings: Settings,
}

impl<S, L: Limiter> RateLimit<S, L> {
    pub(super) fn new(inner: S, table: Arc<Table<L>>, settings: Settings) -> Self {
        Self { inner, table, settings }
    }

    fn terms(&self, facts: Option<&Arc<CallFacts>>) -> Terms {
        let wish = facts.and_then(|facts| facts.options());
        let when_limited = wish.and_then(CallOptions::wanted_when_limited);
        let priority = facts.map(|facts| facts.priority()).unwrap_or_default();
        Terms {
            waits: when_limited.unwrap_or(self.settings.when_limited) == WhenLimited::Wait,
            deadline: facts.and_then(|facts| facts.deadline()),
            priority,
            places: priority.share_of(self.settings.places),
        }
    }
}

impl<S, B, L> Service<Request<B>> for RateLimit<S, L>
where
    S: Service<Request<B>> + Clone,
    S::Error: Raise,
    L: Limiter,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, L>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let facts = CallFacts::of(request.extensions());
        let key = self.table.hashed(self.settings.key_by.key(&request, facts));
        let terms = self.terms(facts);
        let turn = match self.table.arrive(&key, &terms, Instant::now()) {
            Arrival::Go => return ResponseFuture::called(self.inner.call(request)),
            Arrival::Refused(refusal) => return ResponseFuture::refused(refusal.into_fault()),
            Arrival::Ask(asking) => Turn::asking(Arc::clone(&self.table), key, terms, asking),
            Arrival::Joined(joined) => {
                let operation = facts.map(|facts| facts.operation());
                tracing::debug!(operation, ahead = joined.ahead, "a call waits for the rate limit");
                Turn::joined(Arc::clone(&self.table), key, terms, joined)
            }
        };
        // The readied instance goes along with the call; what stays is to be readied anew.
        let clone = self.inner.clone();
        let readied = mem::replace(&mut self.inner, clone);
        ResponseFuture::held(readied, request, turn)
    }
}

impl<S: Clone, L: Limiter> Clone for RateLimit<S, L> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            table: Arc::clone(&self.table),
            settings: self.settings.clone(),
        }
    }
}

impl<S: fmt::Debug, L: Limiter + fmt::Debug> fmt::Debug for RateLimit<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("inner", &self.inner)
            .field("limiter", self.table.limiter())
            .field("settings", &self.settings)
            .finish()
    }
}
