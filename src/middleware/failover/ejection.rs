use std::time::Duration;

/// Five failures in a row, as Envoy's `consecutive_5xx`.
const AFTER: u32 = 5;
/// Half of the endpoints, as Envoy's panic threshold.
const PANIC_BELOW: u32 = 50;

/// When an endpoint is left out, for how long, and when it is better to leave none out.
///
/// The defaults are [Envoy's][1]; those of the default gateway differ in the last.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::middleware::failover::Ejection;
///
/// let ejection = Ejection::new().after(3).base(Duration::from_secs(5)).panic_below(34);
/// # let _ = ejection;
/// ```
///
/// [1]: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    pub(super) after: u32,
    pub(super) base: Duration,
    pub(super) cap: Duration,
    pub(super) panic_below: u32,
}

impl Ejection {
    /// Thirty seconds for the first time, as Envoy's `base_ejection_time`.
    pub(crate) const BASE: Duration = Duration::from_secs(30);
    /// Five minutes at most, as Envoy's `max_ejection_time`.
    pub(crate) const CAP: Duration = Duration::from_secs(300);

    /// After 5 failures in a row, for 30 s and 30 s more each time, 300 s at most, unless fewer than
    /// half of the endpoints would be left.
    #[must_use]
    pub fn new() -> Self {
        Self { after: AFTER, base: Self::BASE, cap: Self::CAP, panic_below: PANIC_BELOW }
    }

    /// How many failures in a row it takes; 0 counts as 1, and `u32::MAX` is never reached.
    #[must_use]
    pub fn after(mut self, failures: u32) -> Self {
        self.after = failures.max(1);
        self
    }

    /// How long the first ejection lasts. The second lasts twice as long, the third three times. So
    /// much time in service takes one ejection off the count again.
    #[must_use]
    pub fn base(mut self, duration: Duration) -> Self {
        self.base = duration;
        self
    }

    /// How long an ejection lasts at most.
    #[must_use]
    pub fn cap(mut self, duration: Duration) -> Self {
        self.cap = duration;
        self
    }

    /// The share of endpoints, in percent, that must stay: if fewer would, reads go to all of them
    /// as if none were ejected.
    ///
    /// One stays always. At 50 one of two may be ejected, and one of three; at 0 all but one may.
    /// Keep it high where your traffic could bring down the endpoints that are left, and low where
    /// it is a drop in their sea.
    #[must_use]
    pub fn panic_below(mut self, percent: u32) -> Self {
        self.panic_below = percent.min(100);
        self
    }
}

impl Default for Ejection {
    fn default() -> Self {
        Self::new()
    }
}
