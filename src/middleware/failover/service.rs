use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

use super::ResponseFuture;
use super::layer::Settings;
use crate::call::{Classifier, Raise, StatusClassifier};

/// A service with several endpoints. Made by [`FailoverLayer`](super::FailoverLayer).
pub struct Failover<S, C = StatusClassifier> {
    inner: S,
    settings: Arc<Settings<C>>,
}

impl<S, C> Failover<S, C> {
    pub(super) fn new(inner: S, settings: Arc<Settings<C>>) -> Self {
        Self { inner, settings }
    }
}

impl<S, C, B> Service<Request<Full<Bytes>>> for Failover<S, C>
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
        let endpoints = &self.settings.endpoints;
        if !endpoints.is_several() || !endpoints.base().covers(request.uri()) {
            return ResponseFuture::through(self.inner.call(request));
        }
        self.choose(request)
    }
}

impl<S, C> Failover<S, C> {
    /// Apart, so that the way past it is short enough to be inlined: then nothing is moved for it.
    #[inline(never)]
    fn choose(&mut self, request: Request<Full<Bytes>>) -> ResponseFuture<S, C>
    where
        S: Service<Request<Full<Bytes>>> + Clone,
    {
        // The instance that is ready serves the endpoint that is chosen first, here. The clone holds
        // nothing until another endpoint's turn readies it.
        let later = self.inner.clone();
        ResponseFuture::chosen(&mut self.inner, later, request, Arc::clone(&self.settings))
    }
}

impl<S: Clone, C> Clone for Failover<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: Arc::clone(&self.settings) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Failover<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover")
            .field("inner", &self.inner)
            .field("endpoints", &self.settings.endpoints)
            .finish()
    }
}
