use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The one clock: monotonic time from tokio, and wall time as a base plus what has elapsed since.
///
/// Because wall time is derived, `tokio::time::pause` and `advance` move HTTP dates, expiries and
/// token lifetimes along with every timer. A step of the system's clock while the process runs
/// moves nothing, which is what timeouts want; make a new clock to pick such a step up.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    base: Timestamp,
}

impl Clock {
    /// A clock that shows the system's time now.
    #[must_use]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A clock that shows `base` now: for tests that replay a moment.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self { start: Instant::now(), base }
    }

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// Wall time, saturating at the ends of what a timestamp can hold.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.base.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Time since the clock was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}
