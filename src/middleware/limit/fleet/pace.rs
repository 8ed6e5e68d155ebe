use std::time::Duration;

use super::settings::FleetSettings;
use super::store::micros;
use crate::middleware::limit::Quota;

/// The longest interval of a share, in microseconds: a hundred years, as a quota's.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000;

/// A quota as it is asked for: in whole microseconds, rounded in nobody's favour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// From one cell to the next.
    pub(super) interval: u64,
    /// How long before its moment a cell may be used.
    pub(super) tolerance: u64,
    /// How long after it.
    pub(super) lateness: u64,
    /// How far ahead cells are given out.
    pub(super) horizon: u64,
    /// The largest lease.
    pub(super) most: u32,
    /// A process's own interval, and what it may save, while the store is away.
    pub(super) share: u64,
    pub(super) saved: u64,
}

impl Pace {
    pub(super) fn of(settings: &FleetSettings) -> Self {
        let quota = settings.quota.read(|quota| *quota);
        let processes = u64::from(settings.processes.read(|processes| *processes).max(1));
        let interval = micros(quota.interval()).max(1);
        let burst = u64::from(quota.max_burst());
        let lateness = micros(settings.lateness);
        // Between its beginning and its end lies what a burst would save, so that the quota holds to
        // the cell however late the cells of a lease are used.
        let tolerance = interval.saturating_mul(burst - 1).saturating_sub(lateness);
        let share = interval.saturating_mul(processes).min(LONGEST);
        Self {
            interval,
            tolerance,
            lateness,
            horizon: micros(settings.horizon),
            most: u32::try_from(micros(settings.lease) / interval).unwrap_or(u32::MAX).max(1),
            share,
            // At the least what a question in vain takes, or each of them would cost a cell.
            saved: share
                .saturating_mul((burst / processes).max(1) - 1)
                .max(micros(settings.patience)),
        }
    }

    /// How long a cell may be used, in seconds.
    pub(super) fn width(&self) -> f64 {
        (self.tolerance + self.lateness) as f64 * 1e-6
    }
}

/// The most calls that a fleet sends in any span of this length, both ends included, while the store is
/// there.
///
/// That is what the [quota](Quota::most_in) allows, and no more, where its burst saves for as long as a
/// cell may be late; a smaller burst counts as one that does.
#[must_use]
pub(super) fn most_in(quota: Quota, lateness: Duration, window: Duration) -> u128 {
    let saved = quota.interval() * (quota.max_burst() - 1);
    let late = lateness.saturating_sub(saved);
    quota.most_in(window + late)
}
