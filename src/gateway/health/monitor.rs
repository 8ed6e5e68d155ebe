//! What looks through the layers' handles.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BudgetHealth, CircuitHealth, CoalescingHealth, ConcurrencyHealth, EndpointHealth, FleetHealth,
    Health, HedgingHealth, PoolHealth, RateLimitHealth,
};
use crate::gateway::CredentialsHealth;
use crate::middleware::auth::AuthLayer;
use crate::middleware::breaker::{CircuitStatus, Circuits};
use crate::middleware::coalesce::CoalesceLayer;
use crate::middleware::failover::{self, Endpoints};
use crate::middleware::hedge::HedgeHandle;
use crate::middleware::limit::concurrency::{ConcurrencyLimitLayer, LimitPolicy};
use crate::middleware::limit::fleet::FleetStatus;
use crate::middleware::limit::rate::{Limiter, RateLimitLayer};
use crate::middleware::retry::Budget;
use crate::transport::{Connect, PoolStats, ProxyTransport};

/// The handles that [`Gateway::health`](crate::gateway::Gateway::health) looks through. The builder's gateway
/// has one; show a gateway over a stack of your own the layers that it is made of.
///
/// ```
/// use twilio_proxy::gateway::Monitor;
/// use twilio_proxy::middleware::breaker::BreakerLayer;
/// use twilio_proxy::middleware::retry::Budget;
///
/// let (budget, breaker) = (Budget::default(), BreakerLayer::default());
/// let monitor = Monitor::new().retry_budget(&budget).circuits(breaker.circuits());
/// let health = monitor.look();
/// assert_eq!(health.retry_budget.map(|budget| budget.available), Some(Budget::CAPACITY));
/// assert!(health.circuits.is_empty(), "nothing was called yet");
/// ```
#[derive(Clone, Default)]
pub struct Monitor {
    looks: Vec<Arc<Look>>,
}

type Look = dyn Fn(&mut Health) + Send + Sync;

/// What sees a transport's connections.
pub(in crate::gateway) type PoolWatch = dyn Fn() -> PoolStats + Send + Sync;

impl Monitor {
    /// One that knows of no layer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at whoever supplies the credentials of an auth layer.
    #[must_use]
    pub fn credentials(self, layer: &AuthLayer) -> Self {
        let layer = layer.clone();
        self.with(move |health| {
            health.credentials = layer.provider_status().map(CredentialsHealth::from);
        })
    }

    /// Looks at a retry layer's budget.
    #[must_use]
    pub fn retry_budget(self, budget: &Budget) -> Self {
        let budget = budget.clone();
        self.with(move |health| {
            let (available, capacity) = (budget.available(), budget.capacity());
            health.retry_budget = Some(BudgetHealth { available, capacity });
        })
    }

    /// Looks at the endpoints of a failover layer.
    #[must_use]
    pub fn endpoints(self, endpoints: &Endpoints) -> Self {
        let endpoints = endpoints.clone();
        self.with(move |health| {
            health.endpoints = endpoints.health().iter().map(EndpointHealth::from).collect();
        })
    }

    /// Looks at the circuits of a breaker.
    #[must_use]
    pub fn circuits(self, circuits: &Circuits) -> Self {
        let circuits = circuits.clone();
        self.with(move |health| {
            health.circuits = circuits.list().iter().map(CircuitHealth::from).collect();
        })
    }

    /// Looks at a rate limit.
    #[must_use]
    pub fn rate_limit<L: Limiter, C>(self, layer: &RateLimitLayer<L, C>) -> Self
    where
        RateLimitLayer<L, C>: Clone + Send + Sync + 'static,
    {
        let layer = layer.clone();
        self.with(move |health| {
            health.rate_limit = Some(RateLimitHealth {
                waiting: layer.waiting(),
                keys: layer.keys(),
                throttled_keys: layer.throttled_keys(),
                fleet: layer.fleet().as_ref().map(FleetHealth::from),
            });
        })
    }

    /// Looks at a concurrency limit.
    #[must_use]
    pub fn concurrency<P: LimitPolicy, C>(self, layer: &ConcurrencyLimitLayer<P, C>) -> Self
    where
        ConcurrencyLimitLayer<P, C>: Clone + Send + Sync + 'static,
    {
        let layer = layer.clone();
        self.with(move |health| {
            let stats = layer.stats();
            health.concurrency = Some(ConcurrencyHealth {
                limit: stats.limit,
                in_flight: stats.in_flight,
                waiting: stats.waiting,
                refused: stats.refused,
                shed: stats.shed,
                latency_ms: stats.latency.map(millis),
                account: stats.account,
            });
        })
    }

    /// Looks at the hedges of a hedge layer.
    #[must_use]
    pub fn hedging(self, hedges: &HedgeHandle) -> Self {
        let hedges = hedges.clone();
        self.with(move |health| {
            let counts = hedges.counts();
            health.hedging = Some(HedgingHealth {
                on: hedges.settings().is_on(),
                suspended: hedges.is_suspended(),
                fired: counts.fired,
                won: counts.won,
                denied: counts.denied,
                held_back: counts.suspended,
            });
        })
    }

    /// Looks at a coalesce layer.
    #[must_use]
    pub fn coalescing(self, layer: &CoalesceLayer) -> Self {
        let layer = layer.clone();
        self.with(move |health| {
            health.coalescing = Some(CoalescingHealth {
                on: layer.is_enabled(),
                in_flight: layer.in_flight(),
                waiting: layer.waiting(),
                joined: layer.joined(),
            });
        })
    }

    /// Looks at the connections of a transport, without keeping it alive.
    #[must_use]
    pub fn pool<C: Connect>(self, transport: &ProxyTransport<C>) -> Self {
        self.pool_of(Arc::new(transport.watch()))
    }

    /// The same with what sees them.
    pub(in crate::gateway) fn pool_of(self, watch: Arc<PoolWatch>) -> Self {
        self.with(move |health| {
            let PoolStats { open, idle, opened, reused, .. } = watch();
            health.pool = Some(PoolHealth { open, idle, opened, reused });
        })
    }

    /// What the layers are doing now. Of the gateway itself it knows nothing: that is for
    /// [`Gateway::health`](crate::gateway::Gateway::health) to add.
    #[must_use]
    pub fn look(&self) -> Health {
        let mut health = Health::default();
        self.looks.iter().for_each(|look| look(&mut health));
        health
    }

    fn with(mut self, look: impl Fn(&mut Health) + Send + Sync + 'static) -> Self {
        self.looks.push(Arc::new(look));
        self
    }
}

impl From<&failover::EndpointHealth> for EndpointHealth {
    fn from(endpoint: &failover::EndpointHealth) -> Self {
        Self {
            base: endpoint.base.to_string(),
            state: endpoint.state.as_str(),
            ejected_for_ms: endpoint.ejected_for.map(millis),
            pending: endpoint.pending,
            latency_ms: endpoint.latency.map(millis),
            failures: endpoint.failures,
        }
    }
}

impl From<&FleetStatus> for FleetHealth {
    fn from(fleet: &FleetStatus) -> Self {
        Self {
            connected: fleet.away_for.is_none(),
            away_for_ms: fleet.away_for.map(millis),
            outages: fleet.outages,
            round_trips: fleet.round_trips,
            failures: fleet.failures,
            used: fleet.used,
            expired: fleet.expired,
            alone: fleet.alone,
            leased: fleet.leased(),
        }
    }
}

impl From<&CircuitStatus> for CircuitHealth {
    fn from(circuit: &CircuitStatus) -> Self {
        Self {
            origin: circuit.origin.to_string(),
            state: circuit.state.as_str(),
            forced: circuit.forced,
            calls: circuit.calls,
            failure_rate: circuit.failure_rate(),
            slow_rate: circuit.slow_rate(),
            retry_after_ms: circuit.retry_after.map(millis),
            probes: circuit.probes,
            opened: circuit.opened,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("layers", &self.looks.len()).finish()
    }
}
