use std::time::Duration;

/// The longest a quota may take to fill, in nanoseconds: a hundred years. Sums of a few such spans still fit 64 bits.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// How many calls may go: so many in a period, evenly spaced, and so many at once after a rest.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::middleware::limit::Quota;
///
/// let quota = Quota::per_second(29).burst(5);
/// // What an API that counts over a sliding window of 5 seconds gets to see at most:
/// assert!(quota.most_in(Duration::from_secs(5)) <= 150);
/// ```
///
/// # Against a sliding window
///
/// The rule is the Generic Cell Rate Algorithm: one cell every [`interval`](Self::interval), and up
/// to [`max_burst`](Self::max_burst) cells saved. A window of length *w* therefore sees at most the
/// saved cells and those that came in while it lasted, *burst + ⌊w / interval⌋*, wherever it begins
/// and however the calls arrive: see [`most_in`](Self::most_in). A server that allows *n* calls in
/// any *w* is safe exactly when that is no more than *n*. The tempting "30 a second, burst 150"
/// makes 300 in 5 s; "29 a second, burst 5" stays within 150.
///
/// The bound holds where calls leave. The network may squeeze them together on their way, so a
/// server that counts to the last call can still refuse one now and then: keep the retry layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Nanoseconds, at least 1.
    interval: u64,
    /// At least 1; `interval * burst` is at most `LONGEST`.
    burst: u32,
}

impl Quota {
    /// So many calls a second, evenly spaced; 0 counts as 1.
    #[must_use]
    pub const fn per_second(calls: u32) -> Self {
        Self::per(Duration::from_secs(1), calls)
    }

    /// So many calls a minute, evenly spaced; 0 counts as 1.
    #[must_use]
    pub const fn per_minute(calls: u32) -> Self {
        Self::per(Duration::from_secs(60), calls)
    }

    /// So many calls in a period, evenly spaced; 0 counts as 1.
    ///
    /// The interval is rounded up to a whole nanosecond, never in the caller's favour, and lies
    /// between 1 ns and a hundred years.
    #[must_use]
    pub const fn per(period: Duration, calls: u32) -> Self {
        let calls = if calls == 0 { 1 } else { calls };
        let interval = period.as_nanos().div_ceil(calls as u128);
        let interval = match interval {
            0 => 1,
            _ if interval > LONGEST as u128 => LONGEST,
            _ => interval as u64,
        };
        Self { interval, burst: 1 }
    }

    /// How many calls may go at once after a rest; 1 unless said, 0 counts as 1.
    ///
    /// With a burst of 1 every late timer (tokio's tick is a millisecond) is a loss that nothing
    /// makes up for; 2 is enough to reach the full rate. A burst that would take more than a
    /// hundred years to fill is cut to that.
    #[must_use]
    pub const fn burst(mut self, calls: u32) -> Self {
        let most = LONGEST / self.interval;
        self.burst = match calls {
            0 => 1,
            _ if calls as u64 > most => most as u32,
            _ => calls,
        };
        self
    }

    /// The time from one call to the next at the steady rate.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// How many calls may go at once after a rest.
    #[must_use]
    pub const fn max_burst(&self) -> u32 {
        self.burst
    }

    /// The most calls that go within any span of this length, both its ends included.
    #[must_use]
    pub const fn most_in(&self, window: Duration) -> u128 {
        self.burst as u128 + window.as_nanos() / self.interval as u128
    }

    /// The steady rate, in calls a second.
    pub(super) fn rate(&self) -> f64 {
        1e9 / self.interval as f64
    }

    /// The quota at a lower rate, in calls a second, with a burst in proportion: what is saved is
    /// saved over the same time. Two are left where there were two, for the timers' sake.
    pub(super) fn slowed(self, rate: f64) -> Self {
        // The cast saturates, and `per` knows the longest.
        let interval = ((1e9 / rate).ceil() as u64).max(self.interval);
        let share = self.interval as f64 / interval as f64;
        let burst = (f64::from(self.burst) * share).ceil() as u32;
        Self::per(Duration::from_nanos(interval), 1)
            .burst(burst.clamp(self.burst.min(2), self.burst))
    }

    pub(super) const fn interval_nanos(&self) -> u64 {
        self.interval
    }

    /// How long it takes to save the whole burst, in nanoseconds.
    pub(super) const fn span_nanos(&self) -> u64 {
        self.interval * self.burst as u64
    }
}

impl Default for Quota {
    /// 29 a second, burst 5: within 150 in any 5 seconds, an average of 30 a second over such a
    /// window, and as near to it as a burst leaves room for.
    fn default() -> Self {
        Self::per_second(29).burst(5)
    }
}
