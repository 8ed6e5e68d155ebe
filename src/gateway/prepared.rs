//! Between the builder and the gateway: the layers are there, the transport is not.

use std::sync::Arc;

use tower::Layer;

use super::health::PoolWatch;

use super::{DefaultGateway, Gateway, Reconcile, ReconcileLayer, StackLayers};
use crate::call::{Clock, Rng, Sid};
use crate::middleware::collect::CollectLayer;
use crate::middleware::limit::rate::{Limiter, LocalLimiter};
use crate::wire::Endpoint;

/// All that a gateway is made of but for the transport.
pub(super) struct Prepared<L: Limiter = LocalLimiter> {
    pub(super) layers: StackLayers<L>,
    pub(super) endpoint: Endpoint,
    pub(super) account: Option<Sid>,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
    pub(super) reconcile: ReconcileLayer,
    /// What sees the transport's connections, where it is one of ours.
    pub(super) pool: Option<Arc<PoolWatch>>,
}

impl<L: Limiter> Prepared<L> {
    /// The same with another limiter behind the rate limit.
    pub(super) fn limited_by<M: Limiter>(self, limiter: M) -> Prepared<M> {
        let Self { layers, endpoint, account, clock, rng, reconcile, pool } = self;
        let layers = layers.limited_by(limiter);
        Prepared { layers, endpoint, account, clock, rng, reconcile, pool }
    }

    /// The default stack over a transport.
    pub(super) fn over<T: Clone>(self, transport: T) -> DefaultGateway<T, L> {
        self.with(|layers| layers.over(transport))
    }

    /// The gateway over what `stack` makes of the layers.
    pub(super) fn with<S>(self, stack: impl FnOnce(StackLayers<L>) -> S) -> Reconcile<Gateway<S>> {
        let Self { layers, endpoint, account, clock, rng, reconcile, pool } = self;
        let (layers, mut monitor) = layers.watched();
        if let Some(pool) = pool {
            monitor = monitor.pool_of(pool);
        }
        // The stack has its own cap, whatever that is.
        let uncapped = CollectLayer::new().limit(usize::MAX);
        let gateway = Gateway::assemble(stack(layers), uncapped, endpoint, account, clock, &rng);
        reconcile.layer(gateway.with_monitor(monitor))
    }
}
