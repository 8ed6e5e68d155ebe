use std::fmt;
use std::future::{Future, Pending};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Cells, Key, Quota};
use crate::call::Live;

/// As far ahead as tokio's timers are asked to look: thirty years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Whoever grants cells: the arithmetic of a quota, without the waiting.
///
/// The layer keeps one [`State`](Self::State) for each key in its own table, hands it over under a
/// lock that is held for the check alone, and does all the queueing. A limiter says yes, or when.
///
/// # A limiter elsewhere
///
/// A quota that several processes share is asked for over the network. Such a limiter answers
/// [`Check::Ask`] with a future, which the layer polls inside the call's own future. Nothing else
/// changes: the layer's type is `RateLimit<S, L>` for any `L`. What it should mind:
///
/// - Whoever asks may be dropped. A cell that the far side has granted by then is spent: less is
///   sent than allowed, never more.
/// - There is no error to raise. A limiter that can't reach the far side decides for itself
///   whether to say yes, or no, or to fall back on a quota of its own.
/// - `State` can be an `Arc` that the future shares, to keep a batch of cells granted at once:
///   `check` then says [`Check::Go`] until they are used up, and asks seldom.
pub trait Limiter: Send + Sync + 'static {
    /// What is kept for each key.
    type State: Send + 'static;

    /// A question that takes time; [`Pending`] for a limiter that never asks.
    type Asking: Future<Output = Verdict> + Send + 'static;

    /// The state of a key that is seen for the first time.
    fn untouched(&self, now: Instant) -> Self::State;

    /// Takes one cell, or says when there will be one. Must not block.
    fn check(&self, key: &Key, state: &mut Self::State, now: Instant) -> Check<Self::Asking>;

    /// When a call with `ahead` others before it can have its cell, as far as is known here.
    ///
    /// The layer refuses a call for which that is past its deadline. A limiter that does not know
    /// says `now`.
    fn earliest(&self, state: &mut Self::State, ahead: usize, now: Instant) -> Instant;

    /// Whether forgetting the key would change nothing: its state is no worse than an untouched one.
    fn is_idle(&self, state: &mut Self::State, now: Instant) -> bool;
}

/// What a limiter says to a check.
#[derive(Clone, Copy, Debug)]
pub enum Check<A> {
    /// The call may go; its cell is taken.
    Go,
    /// Not before this moment; no cell is taken.
    NotBefore(Instant),
    /// It takes time to find out.
    Ask(A),
}

/// What has come of a question that took time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go; its cell is taken.
    Go,
    /// Not before this moment; no cell is taken.
    NotBefore(Instant),
}

/// A quota counted in this process, by governor's GCRA.
///
/// # Changes
///
/// The quota is live. A key adopts a new one at its next check and keeps the cells it has left,
/// cut to the new burst: so a change grants nothing by itself, however often it is repeated. A
/// larger burst fills at the new rate, for keys not seen before as well.
pub struct LocalLimiter {
    quota: Live<Quota>,
    /// What the nanoseconds in the states are counted from.
    beginning: Instant,
    /// A key that never takes a cell. It goes through every change of the quota like all others,
    /// and new keys begin as its copy: else a key could be forgotten under a small burst and come
    /// back under a large one, full.
    untouched: Mutex<Cells>,
}

impl LocalLimiter {
    /// A limiter with this quota, or with a handle on it.
    #[must_use]
    pub fn new(quota: impl Into<Live<Quota>>) -> Self {
        let quota = quota.into();
        let untouched = Mutex::new(Cells::full(quota.read(|quota| *quota)));
        Self { quota, beginning: Instant::now(), untouched }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.beginning).as_nanos()).unwrap_or(u64::MAX)
    }

    fn instant(&self, nanos: u64, now: Instant) -> Instant {
        let at = self.beginning.checked_add(Duration::from_nanos(nanos));
        // OK because a moment that the system's clock can't show will not come either.
        at.unwrap_or_else(|| now.checked_add(FAR).unwrap_or(now))
    }

    fn adopt(&self, cells: &mut Cells, nanos: u64) {
        self.quota.read(|quota| cells.adopt(*quota, nanos));
    }
}

impl Limiter for LocalLimiter {
    type State = Cells;
    type Asking = Pending<Verdict>;

    fn untouched(&self, now: Instant) -> Cells {
        // A copy of numbers has no half-way state: go on with it after a panic elsewhere.
        let mut untouched = self.untouched.lock().unwrap_or_else(PoisonError::into_inner);
        self.adopt(&mut untouched, self.nanos(now));
        *untouched
    }

    fn check(&self, _: &Key, cells: &mut Cells, now: Instant) -> Check<Self::Asking> {
        let nanos = self.nanos(now);
        self.adopt(cells, nanos);
        match cells.take(nanos) {
            Ok(()) => Check::Go,
            Err(earliest) => Check::NotBefore(self.instant(earliest, now)),
        }
    }

    fn earliest(&self, cells: &mut Cells, ahead: usize, now: Instant) -> Instant {
        let nanos = self.nanos(now);
        self.adopt(cells, nanos);
        self.instant(cells.earliest(ahead, nanos), now)
    }

    fn is_idle(&self, cells: &mut Cells, now: Instant) -> bool {
        let untouched = self.untouched(now);
        let nanos = self.nanos(now);
        self.adopt(cells, nanos);
        cells.is_as_full_as(&untouched, nanos)
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLimiter").field("quota", &self.quota).finish_non_exhaustive()
    }
}
