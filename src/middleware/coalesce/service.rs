use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::Service;

use super::ResponseFuture;
use super::future::Caller;
use super::key::{Ask, Key};
use super::ledger::{Ledger, Write};
use super::table::Table;
use crate::call::{CallFacts, Idempotency, Raise};

/// A service whose equal reads become one. Made by [`CoalesceLayer`](super::CoalesceLayer).
#[derive(Clone)]
pub struct Coalesce<S> {
    inner: S,
    ledger: Arc<Ledger>,
    /// The table of this service and its clones, made by the first read. Its type speaks of futures
    /// and responses. Were it written out, so would be the bounds, wherever a stack with this
    /// layer in it is named.
    table: Arc<OnceLock<Arc<dyn Any + Send + Sync>>>,
}

impl<S> Coalesce<S> {
    /// With a table of its own: two services may be two servers.
    pub(super) fn new(inner: S, ledger: Arc<Ledger>) -> Self {
        Self { inner, ledger, table: Arc::default() }
    }

    fn table<F, R>(&self) -> Option<Arc<Table<F, R>>>
    where
        F: Send + 'static,
        R: Send + Sync + 'static,
    {
        let new = || Arc::new(Table::<F, R>::new(Arc::clone(&self.ledger))) as _;
        // Never `None`: one inner service has one type of future and of response.
        Arc::clone(self.table.get_or_init(new)).downcast().ok()
    }
}

impl<S> Service<Request<Full<Bytes>>> for Coalesce<S>
where
    S: Service<Request<Full<Bytes>>> + Clone,
    S::Future: Send + 'static,
    S::Response: Clone + Send + Sync + 'static,
    S::Error: Raise + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let idempotency = CallFacts::of(request.extensions())
            .map_or_else(|| Idempotency::of_method(request.method()), |facts| facts.idempotency());
        if idempotency != Idempotency::Safe {
            // Also while it is off: it may be on again before the write ends.
            let write = Write::begun(&self.ledger);
            return ResponseFuture::passed(self.inner.call(request), Some(write));
        }
        let shared = self.ledger.is_on().then(|| self.table()).flatten();
        let asked = shared.and_then(|table| Some((Key::of(&request, table.hasher())?, table)));
        let Some((key, table)) = asked else {
            return ResponseFuture::passed(self.inner.call(request), None);
        };
        // The readied instance makes the read, if it is made here. The clone holds nothing until it
        // has to be made anew.
        let later = self.inner.clone();
        let ask = Ask::first(key);
        ResponseFuture::shared(Caller::enter(table, ask, &mut self.inner, request, later))
    }
}

impl<S: fmt::Debug> fmt::Debug for Coalesce<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesce")
            .field("inner", &self.inner)
            .field("enabled", &self.ledger.is_on())
            .finish_non_exhaustive()
    }
}
