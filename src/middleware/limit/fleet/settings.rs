use std::time::Duration;

use super::pace;
use crate::call::{Live, Rng};
use crate::middleware::limit::Quota;

/// How a fleet shares its quota: the same in all its processes.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::middleware::limit::Quota;
/// use twilio_proxy::middleware::limit::fleet::FleetSettings;
///
/// let quota = Quota::per_second(29).burst(5);
/// let settings = FleetSettings::new(quota).processes(8);
/// // As long as the store answers, the fleet is like one process with this quota.
/// let window = Duration::from_secs(5);
/// assert_eq!(settings.most_in(window), quota.most_in(window));
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing by themselves"]
pub struct FleetSettings {
    pub(super) quota: Live<Quota>,
    pub(super) processes: Live<u32>,
    pub(super) prefix: String,
    pub(super) horizon: Duration,
    pub(super) lease: Duration,
    pub(super) lateness: Duration,
    pub(super) patience: Duration,
    pub(super) rng: Rng,
}

impl FleetSettings {
    /// How many processes a fleet is taken for unless it says so.
    pub const PROCESSES: u32 = 10;

    /// No setting is longer: what is meant as never is long enough with an hour.
    pub(crate) const LONGEST: Duration = Duration::from_secs(60 * 60);

    /// A fleet with this quota, or with a handle on it. Each question carries it, so the newest holds.
    ///
    /// Give it a burst that takes at least as long to save as cells may be [late](Self::lateness), or
    /// the [bound](Self::most_in) is a little above the quota's own.
    pub fn new(quota: impl Into<Live<Quota>>) -> Self {
        Self {
            quota: quota.into(),
            processes: Live::new(Self::PROCESSES),
            prefix: "twilio-proxy".to_owned(),
            horizon: Duration::from_secs(4),
            lease: Duration::from_millis(500),
            lateness: Duration::from_millis(40),
            patience: Duration::from_millis(100),
            rng: Rng::random(),
        }
    }

    /// How many processes the fleet has, at most; 10 by default, 0 counts as 1. While the store is away
    /// each keeps to its part of the quota, so with more than these the fleet goes over it.
    pub fn processes(mut self, processes: impl Into<Live<u32>>) -> Self {
        self.processes = processes.into();
        self
    }

    /// What the names of the keys begin with; `twilio-proxy` by default. Fleets that share a store and
    /// no quota need different ones.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How far ahead cells are given out, 4 s by default. It is what a call may wait for its cell once
    /// its process has been given it, so keep it well below the calls' deadlines; the shorter it is, the
    /// smaller are the leases of a busy fleet, and the more questions it asks.
    pub fn horizon(mut self, horizon: Duration) -> Self {
        self.horizon = horizon.min(Self::LONGEST);
        self
    }

    /// How much of the whole quota one lease may take: so many cells as come in this time, 500 ms by default.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.min(Self::LONGEST);
        self
    }

    /// How long after its moment a cell may be used, 40 ms by default. More than the way to the store
    /// and back takes; it is paid for by the burst.
    pub fn lateness(mut self, lateness: Duration) -> Self {
        self.lateness = lateness.min(Self::LONGEST);
        self
    }

    /// How long a question may take, 100 ms by default. Then the store counts as away. The very first may
    /// take ten times as long: it waits for a connection.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.min(Self::LONGEST);
        self
    }

    /// The generator of all jitter, for a run that is to be replayed.
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }

    /// The most calls that the fleet sends in any span of this length, both its ends included, while
    /// the store answers.
    #[must_use]
    pub fn most_in(&self, window: Duration) -> u128 {
        pace::most_in(self.quota.read(|quota| *quota), self.lateness, window)
    }

    /// The same for a span in which the store was away, whether or not it has forgotten everything
    /// meanwhile: each process may have its first cell at any time, and on top comes what others had been
    /// given just before the store went, [a horizon](Self::horizon) of the quota at the worst.
    ///
    /// A fleet that was evenly busy until then is held back for as long as its leases last, and stays within
    /// the bound without that last part. A store that forgets and never was away (somebody has emptied it, or a
    /// replica that lagged has taken over) gives out once more what it has given: a horizon each time.
    #[must_use]
    pub fn most_in_outage(&self, window: Duration) -> u128 {
        let processes = self.processes.read(|processes| *processes).max(1);
        let quota = self.quota.read(|quota| *quota);
        let given = self.horizon.as_nanos().div_ceil(quota.interval().as_nanos().max(1));
        self.most_in(window + self.patience) + u128::from(processes) + 1 + given
    }
}
