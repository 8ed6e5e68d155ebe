//! The time as a call sees it: read once for all the layers that it comes through in one go.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::CallFacts;

/// Nanoseconds after the call's beginning, or one of the two words below.
///
/// To read the clock takes 25 to 100 ns, by machine, and more than most layers do in all. A layer that
/// needs the time stands between others that need the same, microseconds apart.
pub(super) struct Moment(AtomicU64);

/// The call is under nobody's hands: whoever asks looks at the clock.
const AT_REST: u64 = u64::MAX;
/// It is being called or polled, and nobody has looked yet.
const UNREAD: u64 = u64::MAX - 1;

impl Moment {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(AT_REST))
    }
}

impl CallFacts {
    /// The time. For all who ask while the call's outermost future is in one and the same poll, or its
    /// service in one `call`, it is the same moment, and the clock is read once; at any other time this
    /// is [`Instant::now`].
    #[must_use]
    pub fn now(&self) -> Instant {
        let known = self.moment.0.load(Relaxed);
        if known < UNREAD {
            return self.started() + Duration::from_nanos(known);
        }
        let now = Instant::now();
        if known == UNREAD {
            // Not over the word of one who has finished meanwhile, on another thread.
            let read = self.nanos_at(now).min(UNREAD - 1);
            let _ = self.moment.0.compare_exchange(UNREAD, read, Relaxed, Relaxed);
        }
        now
    }

    /// From here on one moment is as good as another, until what this returns is dropped. For the
    /// outermost that knows of the call; `begun`: the call itself has begun this very moment.
    pub(crate) fn in_one_go(&self, begun: bool) -> InOneGo<'_> {
        self.moment.0.store(if begun { 0 } else { UNREAD }, Relaxed);
        InOneGo(&self.moment)
    }
}

/// As long as this is there, a call sees one moment.
pub(crate) struct InOneGo<'a>(&'a Moment);

impl Drop for InOneGo<'_> {
    fn drop(&mut self) {
        self.0.0.store(AT_REST, Relaxed);
    }
}
