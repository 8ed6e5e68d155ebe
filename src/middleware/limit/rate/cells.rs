//! The state of one key, and governor's arithmetic over it.

use std::cell::Cell;
use std::num::NonZeroU32;

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};

use super::Quota;

/// How many cells one key has left, as the one number that GCRA needs.
///
/// Times are nanoseconds after the limiter's beginning, told by the caller: so a check reads no
/// clock of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells {
    /// The quota that the state is counted in.
    quota: Quota,
    /// When all cells will be there again: GCRA's theoretical arrival time.
    full_at: u64,
}

impl Cells {
    pub(super) fn full(quota: Quota) -> Self {
        Self { quota, full_at: 0 }
    }

    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    /// Takes one cell, or says when there will be one.
    pub(super) fn take(&mut self, now: u64) -> Result<(), u64> {
        // Governor wants to own state and clock. Made anew for each check it costs two
        // multiplications, and leaves a state that can be kept in place, copied and re-quoted.
        let state = Arrival::at(self.full_at);
        let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
            RateLimiter::new(governors(self.quota), state, Told::zero());
        limiter.clock().tell(now);
        let outcome = limiter.check().map_err(|not_until| not_until.earliest_possible().as_u64());
        self.full_at = limiter.into_state_store().get();
        outcome
    }

    /// When a call with `ahead` others before it can have its cell.
    pub(super) fn earliest(&self, ahead: usize, now: u64) -> u64 {
        let interval = self.quota.interval_nanos();
        let tolerance = self.quota.span_nanos() - interval;
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX).saturating_mul(interval);
        self.full_at.max(now).saturating_add(ahead).saturating_sub(tolerance).max(now)
    }

    /// Counts in another quota from now on, keeping the cells that are left.
    ///
    /// Cells are kept, not time: as many as there were, and no more than the new burst. A change
    /// therefore never makes a cell; it says how fast further ones come and how many are saved.
    pub(super) fn adopt(&mut self, quota: Quota, now: u64) {
        if self.quota == quota {
            return;
        }
        let missing = self.full_at.saturating_sub(now);
        let left = u128::from(self.quota.span_nanos().saturating_sub(missing));
        let left =
            left * u128::from(quota.interval_nanos()) / u128::from(self.quota.interval_nanos());
        let span = quota.span_nanos();
        let missing = span - u64::try_from(left).unwrap_or(span).min(span);
        *self = Self { quota, full_at: now + missing };
    }

    /// Whether it has at least as many cells as `other`, counted in the same quota.
    pub(super) fn is_as_full_as(&self, other: &Self, now: u64) -> bool {
        self.full_at <= other.full_at.max(now)
    }
}

/// Governor's word for a quota.
fn governors(quota: Quota) -> governor::Quota {
    let burst = NonZeroU32::new(quota.max_burst()).unwrap_or(NonZeroU32::MIN);
    // Never the fallback: an interval is at least a nanosecond.
    governor::Quota::with_period(quota.interval())
        .unwrap_or(governor::Quota::per_second(NonZeroU32::MIN))
        .allow_burst(burst)
}

/// Governor's state in a plain cell: whoever checks holds it alone.
struct Arrival(Cell<u64>);

impl Arrival {
    fn at(nanos: u64) -> Self {
        Self(Cell::new(nanos))
    }

    fn get(&self) -> u64 {
        self.0.get()
    }
}

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, next) = decide(Some(self.0.get().into()))?;
        self.0.set(next.into());
        Ok(outcome)
    }
}

/// Governor's clock, which shows what it is told.
struct Told(Cell<u64>);

impl Told {
    /// Governor counts from what the clock shows first: the limiter's beginning.
    fn zero() -> Self {
        Self(Cell::new(0))
    }

    fn tell(&self, nanos: u64) {
        self.0.set(nanos);
    }
}

impl Clock for Told {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}
