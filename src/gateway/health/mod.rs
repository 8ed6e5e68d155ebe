//! One picture of how a gateway does.

mod monitor;
#[cfg(feature = "metrics")]
mod record;

use serde::Serialize;

pub use monitor::Monitor;
pub(in crate::gateway) use monitor::PoolWatch;

use super::CredentialsHealth;

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
    /// The transport's connections.
    pub pool: Option<PoolHealth>,
}

/// The connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolHealth {
    /// Open now.
    pub open: u64,
    /// Open, and used by nobody.
    pub idle: u64,
    /// Opened so far.
    pub opened: u64,
    /// Answers so far that came over a connection which had been used before.
    pub reused: u64,
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
