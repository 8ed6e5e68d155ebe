//! How retries are spaced. The only file that names the `backoff` crate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backoff::backoff::Backoff;

use crate::call::{Class, Rng};

/// Makes the spacing of each call's retries: a [`FullJitter`], or a closure that returns any
/// `backoff::backoff::Backoff`, such as the crate's `ExponentialBackoff`.
///
/// A call that goes well at the first attempt asks for nothing. What the closure returns is
/// `reset()` before its first use, and a `None` from it ends the retries.
///
/// The crate's own jitter draws from a global generator: with it, a seed can't replay a run.
/// Give it [`TokioClock`], or its time limit counts system time where tokio's is paused.
///
/// ```
/// use backoff::exponential::ExponentialBackoff;
/// use twilio_proxy::middleware::retry::{RetryLayer, TokioClock};
///
/// let layer = RetryLayer::new().schedule(|| ExponentialBackoff::<TokioClock> {
///     max_elapsed_time: Some(std::time::Duration::from_secs(10)),
///     ..Default::default()
/// });
/// # let _ = layer;
/// ```
pub trait Schedule: Send + Sync + 'static {
    /// The state of one call.
    type Backoff: Backoff + Send + 'static;

    /// The spacing of a call whose first attempt has just failed.
    fn start(&self, rng: &Rng) -> Self::Backoff;

    /// The delay after an attempt that ended with this class, or `None` to try no more.
    fn next(&self, backoff: &mut Self::Backoff, failed: Class) -> Option<Duration> {
        let _ = failed;
        backoff.next_backoff()
    }
}

impl<F, B> Schedule for F
where
    F: Fn() -> B + Send + Sync + 'static,
    B: Backoff + Send + 'static,
{
    type Backoff = B;

    fn start(&self, _: &Rng) -> B {
        self()
    }
}

/// Exponential back-off with full jitter: anything from 0 to `min(cap, base * 2ⁿ)`, evenly, after
/// n earlier failures.
///
/// Clients that failed together must not come back together, and no other jitter spreads them
/// wider for the same mean. <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
///
/// | setting | default | why |
/// |---|---|---|
/// | base | 50 ms | a lost connection or a failing instance is often avoided by the very next request, and somebody waits |
/// | throttled base | 1 s | a rate is counted over seconds: Proxy's over five |
/// | cap | 20 s | the fourth attempt doesn't get there; a call allowed many more should still notice within seconds that the server is back |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullJitter {
    base: Duration,
    throttled_base: Duration,
    cap: Duration,
}

impl FullJitter {
    /// The defaults of the table above.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: Duration::from_millis(50),
            throttled_base: Duration::from_secs(1),
            cap: Duration::from_secs(20),
        }
    }

    /// The longest first delay.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The longest first delay where the server throttled the attempt.
    #[must_use]
    pub fn throttled_base(mut self, base: Duration) -> Self {
        self.throttled_base = base;
        self
    }

    /// The longest delay of all. What `Retry-After` asks for comes on top.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }
}

impl Default for FullJitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Schedule for FullJitter {
    type Backoff = Jitter;

    fn start(&self, rng: &Rng) -> Jitter {
        Jitter { settings: *self, rng: rng.clone(), failures: 0, throttled: false }
    }

    fn next(&self, backoff: &mut Jitter, failed: Class) -> Option<Duration> {
        backoff.throttled = failed == Class::Throttled;
        backoff.next_backoff()
    }
}

/// The delays of one call under [`FullJitter`].
#[derive(Clone, Debug)]
pub struct Jitter {
    settings: FullJitter,
    rng: Rng,
    failures: u32,
    throttled: bool,
}

impl Jitter {
    /// The longest that the next delay may be.
    fn ceiling(&self) -> Duration {
        let FullJitter { base, throttled_base, cap } = self.settings;
        let base = if self.throttled { throttled_base } else { base };
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        base.saturating_mul(factor).min(cap)
    }
}

impl Backoff for Jitter {
    fn reset(&mut self) {
        self.failures = 0;
        self.throttled = false;
    }

    fn next_backoff(&mut self) -> Option<Duration> {
        let delay = self.rng.up_to(self.ceiling());
        self.failures = self.failures.saturating_add(1);
        Some(delay)
    }
}

/// Tokio's time for the `backoff` crate, so that paused time moves its time limits as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

impl backoff::Clock for TokioClock {
    fn now(&self) -> std::time::Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// A schedule with its type forgotten, so that the retry service needs no parameter for it. What
/// that costs is paid by calls that failed.
#[derive(Clone)]
pub(super) struct AnySchedule(Arc<dyn Fn(&Rng) -> Pace + Send + Sync>);

/// The delays of one call.
pub(super) type Pace = Box<dyn FnMut(Class) -> Option<Duration> + Send>;

impl AnySchedule {
    pub(super) fn new(schedule: impl Schedule) -> Self {
        let schedule = Arc::new(schedule);
        Self(Arc::new(move |rng| {
            let schedule = Arc::clone(&schedule);
            let mut backoff = schedule.start(rng);
            backoff.reset();
            Box::new(move |failed| schedule.next(&mut backoff, failed))
        }))
    }

    pub(super) fn start(&self, rng: &Rng) -> Pace {
        (self.0)(rng)
    }
}

impl fmt::Debug for AnySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedule")
    }
}
