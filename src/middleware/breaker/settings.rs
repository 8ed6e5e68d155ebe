use std::time::Duration;

use super::window::BUCKETS;

/// When a circuit opens, for how long, and what closes it again.
///
/// Every number has its reason in the [module](super). Give the layer a [`Live`](crate::call::Live)
/// handle on the settings and keep a clone, to change them while calls go on.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::call::Live;
/// use twilio_proxy::middleware::breaker::{BreakerLayer, Settings};
///
/// let settings = Live::new(Settings::new().failure_percent(60));
/// let layer = BreakerLayer::new(settings.clone());
/// settings.set(Settings::new().slow_call(Duration::from_secs(1)));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Nanoseconds, as are all the times here: this is read by every call.
    pub(super) bucket: u64,
    pub(super) min_calls: u32,
    pub(super) failure_percent: u8,
    /// `u64::MAX` for "no call is slow".
    pub(super) slow_call: u64,
    pub(super) slow_percent: u8,
    pub(super) open_for: u64,
    pub(super) max_open_for: u64,
    pub(super) probes: u32,
    pub(super) passes: u32,
}

impl Settings {
    /// More would not fit into the window's counters.
    pub(crate) const MOST_MIN_CALLS: u32 = 50_000;
    pub(crate) const LEAST_WINDOW: Duration = Duration::from_millis(100);
    pub(crate) const OPEN_FOR: Duration = Duration::from_secs(5);
    pub(crate) const MAX_OPEN_FOR: Duration = Duration::from_secs(60);

    /// The defaults, which each method names.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bucket: bucket_of(Duration::from_secs(10)),
            min_calls: 20,
            failure_percent: 50,
            slow_call: nanos(Duration::from_secs(3)),
            slow_percent: 80,
            open_for: nanos(Self::OPEN_FOR),
            max_open_for: nanos(Self::MAX_OPEN_FOR),
            probes: 1,
            passes: 3,
        }
    }

    /// How far back calls count, 10 seconds by default, 100 milliseconds at least: in a shorter one
    /// calls would never meet, and the circuit never open.
    ///
    /// It slides by a tenth of its length, so it covers between nine and ten tenths of it. Change the
    /// length, and it begins empty.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.bucket = bucket_of(window);
        self
    }

    /// How many calls the window must hold before its rates say anything: 20 by default, from 1 to
    /// 50,000.
    #[must_use]
    pub fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls.clamp(1, Self::MOST_MIN_CALLS);
        self
    }

    /// The share of failures from which on the circuit opens: 50 % by default, from 1 to 100.
    #[must_use]
    pub fn failure_percent(mut self, percent: u8) -> Self {
        self.failure_percent = percent.clamp(1, 100);
        self
    }

    /// An attempt that takes at least so long is slow: 3 seconds by default; `None` for never.
    ///
    /// Keep it below the deadlines that calls have. A server that hangs is then found out even
    /// where every caller gives up before the attempt's timeout.
    #[must_use]
    pub fn slow_call(mut self, from: impl Into<Option<Duration>>) -> Self {
        self.slow_call = from.into().map_or(u64::MAX, nanos);
        self
    }

    /// The share of slow attempts from which on the circuit opens: 80 % by default, from 1 to 100.
    #[must_use]
    pub fn slow_percent(mut self, percent: u8) -> Self {
        self.slow_percent = percent.clamp(1, 100);
        self
    }

    /// How long a circuit stays open the first time, 5 seconds by default; each time that it opens
    /// again it is twice as long. The jitter takes up to half of it off.
    #[must_use]
    pub fn open_for(mut self, time: Duration) -> Self {
        self.open_for = nanos(time);
        self
    }

    /// The longest that a circuit stays open before it is tried again: 60 seconds by default. One
    /// that has been closed for so long begins anew with [`open_for`](Self::open_for).
    #[must_use]
    pub fn max_open_for(mut self, time: Duration) -> Self {
        self.max_open_for = nanos(time);
        self
    }

    /// How many probes may be under way at once in a half-open circuit: 1 by default; 0 counts as 1.
    #[must_use]
    pub fn probes(mut self, at_once: u32) -> Self {
        self.probes = at_once.max(1);
        self
    }

    /// How many probes must pass, none failing, before the circuit closes: 3 by default; 0 counts
    /// as 1.
    #[must_use]
    pub fn passes(mut self, needed: u32) -> Self {
        self.passes = needed.max(1);
        self
    }

    /// In nanoseconds, the longest time open after so many times in a row.
    pub(super) fn open_time(&self, streak: u32) -> u64 {
        let factor = 1u64.checked_shl(streak).unwrap_or(u64::MAX);
        self.open_for.saturating_mul(factor).min(self.max_open_for.max(self.open_for))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// In nanoseconds; 584 years where it is more.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn bucket_of(window: Duration) -> u64 {
    nanos(window.max(Settings::LEAST_WINDOW)) / BUCKETS
}
