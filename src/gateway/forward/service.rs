use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

use super::{ForwardLayer, Forwards, ResponseFuture};

/// A gateway that other programs send their requests through. Made by [`ForwardLayer`].
///
/// Always ready: each request waits for a clone of the gateway to be ready in its own future, within
/// its own deadline.
#[derive(Clone, Debug)]
pub struct Forward<G> {
    gateway: G,
    settings: ForwardLayer,
}

impl<G> Forward<G> {
    pub(super) fn new(gateway: G, settings: ForwardLayer) -> Self {
        Self { gateway, settings }
    }

    /// The gateway, to be asked how it is or to be shut down.
    pub fn gateway(&self) -> &G {
        &self.gateway
    }
}

impl<G: Forwards> Service<Request<Full<Bytes>>> for Forward<G> {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ResponseFuture<G>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> ResponseFuture<G> {
        ResponseFuture::new(&self.gateway, self.settings.plan(request))
    }
}
