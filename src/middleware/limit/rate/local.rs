use std::fmt;
use std::future::Pending;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cut::KeyState;
use super::throttle::{KeyRate, Throttle};
use super::{Cells, Check, Key, Limiter, Quota, Verdict};
use crate::call::Live;

/// As far ahead as tokio's timers are asked to look: thirty years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// A quota counted in this process, by governor's GCRA, and cut where the server throttles.
///
/// # Changes
///
/// The quota is live. A key adopts a new one at its next check and keeps the cells it has left,
/// cut to the new burst: so a change grants nothing by itself, however often it is repeated. A
/// larger burst fills at the new rate, for keys not seen before as well.
///
/// # Throttles
///
/// It [listens](Limiter::LISTENS): a key that the server throttles goes at a lower rate, and comes
/// back to its quota by itself, as [`throttle`](super::throttle) tells.
pub struct LocalLimiter {
    quota: Live<Quota>,
    /// What the nanoseconds in the states are counted from.
    beginning: Instant,
    /// A key that never takes a cell. It goes through every change of the quota like all others,
    /// and new keys begin as its copy: else a key could be forgotten under a small burst and come
    /// back under a large one, full.
    untouched: Mutex<Cells>,
    /// When the last of the cut keys will have its quota back, in nanoseconds; 0 if none ever was.
    cut_until: AtomicU64,
}

impl LocalLimiter {
    /// A limiter with this quota, or with a handle on it.
    #[must_use]
    pub fn new(quota: impl Into<Live<Quota>>) -> Self {
        let quota = quota.into();
        let untouched = Mutex::new(Cells::full(quota.read(|quota| *quota)));
        Self { quota, beginning: Instant::now(), untouched, cut_until: AtomicU64::new(0) }
    }

    fn nanos(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.beginning))
    }

    fn instant(&self, nanos: u64, now: Instant) -> Instant {
        let at = self.beginning.checked_add(Duration::from_nanos(nanos));
        // OK because a moment that the system's clock can't show will not come either.
        at.unwrap_or_else(|| now.checked_add(FAR).unwrap_or(now))
    }

    /// Brings a state up to now, and says what now is.
    fn renew(&self, state: &mut KeyState, now: Instant) -> u64 {
        let nanos = self.nanos(now);
        if let Some(until) = self.quota.read(|quota| state.renew(*quota, nanos)) {
            self.cut_until.fetch_max(until, Relaxed);
        }
        nanos
    }

    pub(super) fn is_throttled_at(&self, now: Instant) -> bool {
        self.nanos(now) < self.cut_until.load(Relaxed)
    }

    fn untouched_cells(&self, nanos: u64) -> Cells {
        // A copy of numbers has no half-way state: go on with it after a panic elsewhere.
        let mut untouched = self.untouched.lock().unwrap_or_else(PoisonError::into_inner);
        self.quota.read(|quota| untouched.adopt(*quota, nanos));
        *untouched
    }
}

impl Limiter for LocalLimiter {
    const LISTENS: bool = true;

    type State = KeyState;
    type Asking = Pending<Verdict>;

    fn untouched(&self, now: Instant) -> KeyState {
        let nanos = self.nanos(now);
        KeyState::new(self.untouched_cells(nanos), nanos)
    }

    fn check(&self, _: &Key, state: &mut KeyState, now: Instant) -> Check<Self::Asking> {
        let nanos = self.renew(state, now);
        match state.take(nanos) {
            Ok(()) => Check::Go,
            Err(earliest) => Check::NotBefore(self.instant(earliest, now)),
        }
    }

    fn earliest(&self, state: &mut KeyState, ahead: usize, now: Instant) -> Instant {
        let nanos = self.renew(state, now);
        self.instant(state.earliest(ahead, nanos), now)
    }

    fn is_idle(&self, state: &mut KeyState, now: Instant) -> bool {
        let nanos = self.renew(state, now);
        state.is_idle(&self.untouched_cells(nanos), nanos)
    }

    fn throttled(&self, _: &Key, state: &mut KeyState, throttle: &Throttle) {
        let granted = self.nanos(throttle.granted);
        let now = self.renew(state, throttle.now);
        state.throttled(granted, now, throttle.retry_after.map(nanos));
        // The lower rate holds from here on, not from the next check.
        self.renew(state, throttle.now);
    }

    fn is_cut(&self, state: &KeyState) -> bool {
        state.is_cut()
    }

    fn rate(&self, state: &KeyState, now: Instant) -> Option<KeyRate> {
        Some(self.quota.read(|quota| state.rate(*quota, self.nanos(now))))
    }

    fn is_throttled(&self) -> bool {
        // The clock is dearer than the look.
        self.cut_until.load(Relaxed) > 0 && self.is_throttled_at(Instant::now())
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLimiter").field("quota", &self.quota).finish_non_exhaustive()
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
