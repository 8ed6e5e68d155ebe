use std::fmt;
use std::sync::Arc;
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
    settings: Arc<Settings<C>>,
}

impl<S, C> Retry<S, C> {
    pub(super) fn new(inner: S, settings: Arc<Settings<C>>) -> Self {
        Self { inner, settings }
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
        // The instance that is ready serves the first attempt, here. The clone holds nothing until
        // a later attempt readies it.
        let later = self.inner.clone();
        ResponseFuture::new(&mut self.inner, later, request, facts, Arc::clone(&self.settings))
    }
}

impl<S: Clone, C> Clone for Retry<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: Arc::clone(&self.settings) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Retry<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish()
    }
}
