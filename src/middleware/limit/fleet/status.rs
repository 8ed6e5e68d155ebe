use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How the sharing of a quota goes, in this process: see [`FleetLimiter::status`](super::FleetLimiter::status).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetStatus {
    /// For how long the store has been away, if it is: the process keeps to its share of the quota.
    pub away_for: Option<Duration>,
    /// How often it went away.
    pub outages: u64,
    /// Questions asked.
    pub round_trips: u64,
    /// Those that failed or took too long.
    pub failures: u64,
    /// Cells that the store gave this process.
    pub granted: u64,
    /// Those of them that calls went by.
    pub used: u64,
    /// Those whose time passed before a call came for them.
    pub expired: u64,
    /// Calls that went by this process's own share, while the store was away.
    pub alone: u64,
}

impl FleetStatus {
    /// Cells that were given and whose time has not come, or that nobody has looked for since it passed.
    #[must_use]
    pub fn leased(&self) -> u64 {
        self.granted.saturating_sub(self.used).saturating_sub(self.expired)
    }

    /// Round trips for each call that went.
    #[must_use]
    pub fn round_trips_per_call(&self) -> f64 {
        self.round_trips as f64 / (self.used + self.alone).max(1) as f64
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) round_trips: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) granted: AtomicU64,
    pub(super) used: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) alone: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.fetch_add(by, Relaxed);
    }
}

impl Counts {
    pub(super) fn read(&self) -> FleetStatus {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        FleetStatus {
            round_trips: read(&self.round_trips),
            failures: read(&self.failures),
            // In this order, so that no more are used than were granted.
            used: read(&self.used),
            expired: read(&self.expired),
            granted: read(&self.granted),
            alone: read(&self.alone),
            ..FleetStatus::default()
        }
    }
}
