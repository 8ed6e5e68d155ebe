use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

use super::ResponseFuture;
use super::layer::Settings;
use crate::call::{CallFacts, Classifier, Raise, StatusClassifier};

/// A service that tries again; made by [`RetryLayer`](super::RetryLayer).
pub struct Retry<S, C = StatusClassifier> {
    inner: S,
    shared: Arc<Shared<S, C>>,
}

/// What a call takes along: one reference count, so that a call which goes well clones nothing.
pub(super) struct Shared<S, C> {
    pub(super) settings: Settings<C>,
    /// Never readied nor called: what further attempts are cloned from. Locked for the clone alone;
    /// a lock, since a service need not be `Sync`.
    pristine: Mutex<S>,
}

impl<S: Clone, C> Shared<S, C> {
    /// An instance for one more attempt.
    pub(super) fn instance(&self) -> S {
        // A service that panicked as it was cloned has not been touched otherwise.
        self.pristine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: Clone, C> Retry<S, C> {
    pub(super) fn new(inner: S, settings: Settings<C>) -> Self {
        let pristine = Mutex::new(inner.clone());
        Self { inner, shared: Arc::new(Shared { settings, pristine }) }
    }
}

impl<S, C, B> Service<Request<Full<Bytes>>> for Retry<S, C>
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

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> Self::Future {
        let facts = CallFacts::ensure(&mut request);
        // The instance that is ready serves the first attempt, here.
        ResponseFuture::new(&mut self.inner, request, facts, Arc::clone(&self.shared))
    }
}

impl<S: Clone, C> Clone for Retry<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Retry<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("inner", &self.inner)
            .field("settings", &self.shared.settings)
            .finish()
    }
}
