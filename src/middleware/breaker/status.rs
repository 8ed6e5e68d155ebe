use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Origin;

/// Where a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CircuitState {
    /// Calls go, and are counted.
    Closed,
    /// No call goes.
    Open,
    /// Single calls go, as probes.
    HalfOpen,
}

impl CircuitState {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The lower-case name, as used in logs and metrics: `closed`, `open` or `half_open`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One circuit at one moment, for health checks and gauges.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitStatus {
    /// Whose it is.
    pub origin: Origin,
    /// Where it is. An open circuit becomes half-open with the first call after its time, not before.
    pub state: CircuitState,
    /// Whether somebody holds it there: it stays until it is released.
    pub forced: bool,
    /// How many calls the window holds.
    pub calls: u32,
    /// How many of them failed.
    pub failures: u32,
    /// How many of them were slow, failed or not.
    pub slow: u32,
    /// How long an open circuit lets nobody through; zero once the next call will be a probe.
    pub retry_after: Option<Duration>,
    /// How many probes are under way.
    pub probes: u32,
    /// How often it has opened by itself.
    pub opened: u64,
    /// Grows with each change of state: it puts changes that are seen out of order back into order.
    pub sequence: u64,
}

impl CircuitStatus {
    /// The share of the calls in the window that failed, from 0 to 1; 0 for an empty window.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        self.share(self.failures)
    }

    /// The share of the calls in the window that were slow, from 0 to 1; 0 for an empty window.
    #[must_use]
    pub fn slow_rate(&self) -> f64 {
        self.share(self.slow)
    }

    fn share(&self, part: u32) -> f64 {
        if self.calls == 0 { 0.0 } else { f64::from(part) / f64::from(self.calls) }
    }
}

/// A change of a circuit's state. It has no path, header or body in it, so it can go to any log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// Where the circuit was.
    pub from: CircuitState,
    /// The circuit right after the change. One that has closed has an empty window.
    pub circuit: CircuitStatus,
}

impl StateChange {
    /// A warning where the circuit opens, else for your information.
    pub(super) fn trace(&self) {
        let circuit = &self.circuit;
        macro_rules! tell {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    origin = %circuit.origin,
                    from = self.from.as_str(),
                    to = circuit.state.as_str(),
                    forced = circuit.forced,
                    calls = circuit.calls,
                    failure_rate = circuit.failure_rate(),
                    slow_rate = circuit.slow_rate(),
                    retry_after = circuit.retry_after.as_ref().map(tracing::field::debug),
                    $message
                )
            };
        }
        match circuit.state {
            CircuitState::Open => tell!(warn, "the circuit is open: calls fail at once"),
            CircuitState::HalfOpen => tell!(info, "the circuit is half-open: probes go"),
            CircuitState::Closed => tell!(info, "the circuit is closed: calls go"),
        }
    }
}

/// The caller's function that sees every change.
#[derive(Clone)]
pub(super) struct Hook(Arc<dyn Fn(&StateChange) + Send + Sync>);

impl Hook {
    pub(super) fn new(hook: impl Fn(&StateChange) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn see(&self, change: &StateChange) {
        (self.0)(change);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
