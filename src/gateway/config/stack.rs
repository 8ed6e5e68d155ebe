//! A stack in the order that a configuration names.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};

use super::{Carrier, LayerName};
use crate::call::{BoxError, Collected};
use crate::gateway::StackLayers;
use crate::middleware::limit::rate::Limiter;

/// A layer with all that is inside it, behind a count: whatever clones it touches that count, and not
/// each layer further in. A `BoxCloneSyncService` would allocate for each of them with each clone.
///
/// It is always ready, and readies the clone that it calls inside its own future. That takes nothing
/// away: the layers of this crate acquire in `call` and not in `poll_ready`.
#[derive(Clone)]
pub(super) struct Link(Arc<dyn Erased>);

type Pending = Pin<Box<dyn Future<Output = Result<Response<Collected>, BoxError>> + Send>>;

trait Erased: Send + Sync {
    fn call(&self, request: Request<Full<Bytes>>) -> Pending;
}

impl<S> Erased for S
where
    S: Service<Request<Full<Bytes>>, Response = Response<Collected>, Error = BoxError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    fn call(&self, request: Request<Full<Bytes>>) -> Pending {
        Box::pin(self.clone().oneshot(request))
    }
}

impl Service<Request<Full<Bytes>>> for Link {
    type Response = Response<Collected>;
    type Error = BoxError;
    type Future = Pending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Pending {
        self.0.call(request)
    }
}

/// The layers over a transport, the first of `order` outermost. What is not in the order is left out,
/// but for the cap on bodies.
pub(super) fn over<T: Carrier, L: Limiter>(
    layers: &StackLayers<L>,
    order: &[LayerName],
    transport: T,
) -> Link {
    // In one error type from the bottom up; a fault in a box is found there.
    let collected = layers.collect.layer(transport).map_err(Into::into as fn(T::Error) -> BoxError);
    let bottom = Link(Arc::new(collected));
    order.iter().rev().fold(bottom, |inner, layer| match layer {
        LayerName::CallSpan => link(&layers.call_span, inner),
        LayerName::Deadline => link(&layers.deadline, inner),
        LayerName::Coalesce => link(&layers.coalesce, inner),
        LayerName::Hedge => link(&layers.hedge, inner),
        LayerName::Retry => link(&layers.retry, inner),
        LayerName::Failover => link(&layers.failover, inner),
        LayerName::Breaker => link(&layers.breaker, inner),
        LayerName::RateLimit => link(&layers.rate_limit, inner),
        LayerName::Concurrency => link(&layers.concurrency, inner),
        LayerName::AttemptSpan => link(&layers.attempt_span, inner),
        LayerName::Headers => link(&layers.headers, inner),
        LayerName::Auth => link(&layers.auth, inner),
        LayerName::Signing => link(&layers.signing, inner),
        LayerName::AttemptTimeout => link(&layers.attempt_timeout, inner),
        // It is the bottom already.
        LayerName::Collect => inner,
    })
}

fn link<L>(layer: &L, inner: Link) -> Link
where
    L: Layer<Link>,
    L::Service: Erased + 'static,
{
    Link(Arc::new(layer.layer(inner)))
}
