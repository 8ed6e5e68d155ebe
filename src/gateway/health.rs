//! One picture of how a gateway does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::CredentialsHealth;
use crate::middleware::auth::AuthLayer;
use crate::middleware::breaker::{CircuitStatus, Circuits};
use crate::middleware::coalesce::CoalesceLayer;
use crate::middleware::failover::{self, Endpoints};
use crate::middleware::hedge::HedgeHandle;
use crate::middleware::limit::concurrency::{ConcurrencyLimitLayer, LimitPolicy};
use crate::middleware::limit::fleet::FleetStatus;
use crate::middleware::limit::rate::{Limiter, RateLimitLayer};
use crate::middleware::retry::Budget;

/// What a gateway and its layers are doing at one moment: see [`Gateway::health`](super::Gateway::health).
///
/// A part is missing where the stack has no such layer, or nobody has shown it to the [`Monitor`].
/// Times are whole milliseconds, rates are shares from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Calls under way, queues and back-off included.
    pub in_flight: usize,
    /// Whether the gateway is shutting down: it takes no new calls.
    pub closed: bool,
    /// Whoever supplies the credentials, unless they never change.
    pub credentials: Option<CredentialsHealth>,
    /// What retries may still cost.
    pub retry_budget: Option<BudgetHealth>,
    /// Which endpoints get calls. One, unless failover has more.
    pub endpoints: Vec<EndpointHealth>,
    /// The circuit of each origin that was called.
    pub circuits: Vec<CircuitHealth>,
    /// The keyed rate limit.
    pub rate_limit: Option<RateLimitHealth>,
    /// The limit on attempts under way.
    pub concurrency: Option<ConcurrencyHealth>,
    /// Second tries of slow reads.
    pub hedging: Option<HedgingHealth>,
    /// Reads that share an answer.
    pub coalescing: Option<CoalescingHealth>,
}

/// The budget of retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BudgetHealth {
    /// Tokens left.
    pub available: u32,
    /// Tokens in a full budget.
    pub capacity: u32,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EndpointHealth {
    /// Where it is.
    pub base: String,
    /// `serving`, `trial`, `ejected` or `held`.
    pub state: &'static str,
    /// How long an ejection still lasts.
    pub ejected_for_ms: Option<u64>,
    /// Attempts under way.
    pub pending: u32,
    /// How long an attempt is expected to take.
    pub latency_ms: Option<u64>,
    /// Failures since the last success.
    pub failures: u32,
}

/// One circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CircuitHealth {
    /// Whose it is.
    pub origin: String,
    /// `closed`, `open` or `half_open`.
    pub state: &'static str,
    /// Whether somebody holds it there.
    pub forced: bool,
    /// Attempts in its window.
    pub calls: u32,
    /// The share of them that failed.
    pub failure_rate: f64,
    /// The share of them that were slow.
    pub slow_rate: f64,
    /// How long an open circuit still lets nobody through.
    pub retry_after_ms: Option<u64>,
    /// Probes of a half-open circuit under way.
    pub probes: u32,
    /// How often it has opened by itself.
    pub opened: u64,
}

/// The rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RateLimitHealth {
    /// Calls that wait for their turn, over all keys.
    pub waiting: usize,
    /// Keys that are remembered.
    pub keys: usize,
    /// Keys that go slower than their quota since the server throttled them.
    pub throttled_keys: usize,
    /// The fleet that it shares its quota with, if it does.
    pub fleet: Option<FleetHealth>,
}

/// A quota that a fleet of processes shares, as this process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FleetHealth {
    /// Whether the store answers. While it does not, the process keeps to its share.
    pub connected: bool,
    /// For how long it has not.
    pub away_for_ms: Option<u64>,
    /// How often it went away.
    pub outages: u64,
    /// Questions asked so far.
    pub round_trips: u64,
    /// Those that failed.
    pub failures: u64,
    /// Calls that went by cells of the store's so far.
    pub used: u64,
    /// Cells whose time passed unused so far.
    pub expired: u64,
    /// Calls that went by the process's own share so far.
    pub alone: u64,
    /// Cells that were given and whose time is to come.
    pub leased: u64,
}

/// The concurrency limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConcurrencyHealth {
    /// How many attempts may be under way.
    pub limit: usize,
    /// How many are.
    pub in_flight: usize,
    /// How many wait.
    pub waiting: usize,
    /// How many were refused so far, for a full queue.
    pub refused: u64,
    /// How many were shed so far: for a deadline too near, or for a call of higher priority.
    pub shed: u64,
    /// How long answers take, as a moving average.
    pub latency_ms: Option<u64>,
    /// How many requests the server last said that the account has under way.
    pub account: Option<u32>,
}

/// Hedging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HedgingHealth {
    /// Whether it is on.
    pub on: bool,
    /// Whether no hedge is fired now since the layer has seen the server throttle a call. None is
    /// fired either while a circuit is not closed, or a key of the rate limit is throttled.
    pub suspended: bool,
    /// Hedges fired so far.
    pub fired: u64,
    /// Those of them that answered first.
    pub won: u64,
    /// Hedges that were due and that the budget did not pay for.
    pub denied: u64,
    /// Hedges that were due and stayed away: for a throttle, or a circuit that was not closed.
    pub held_back: u64,
}

/// Coalescing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CoalescingHealth {
    /// Whether it is on.
    pub on: bool,
    /// Reads under way that are shared, or may be.
    pub in_flight: usize,
    /// Calls that wait for these reads, those included that began them.
    pub waiting: usize,
    /// Calls that have joined another so far.
    pub joined: u64,
}

/// The handles that [`Gateway::health`](super::Gateway::health) looks through. The builder's gateway
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

    /// What the layers are doing now. Of the gateway itself it knows nothing: that is for
    /// [`Gateway::health`](super::Gateway::health) to add.
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
