use std::time::Duration;

use tokio::time::Instant;

/// Decides how many calls may be under way, by how those before them ended.
///
/// A policy is arithmetic: it reads no clock, draws no random number and waits for nothing, so that
/// it can be tested by itself. The layer holds it under a lock, tells it of each attempt that ends,
/// and makes its answer the limit. [`Aimd`](super::Aimd) and [`Gradient`](super::Gradient) learn,
/// [`Fixed`] does not.
///
/// ```
/// use twilio_proxy::middleware::limit::concurrency::{Attempt, End, LimitPolicy};
/// use twilio_proxy::middleware::limit::ConcurrencyLimitLayer;
///
/// /// Half as many after every "too many", and never more again.
/// struct Meek(usize);
///
/// impl LimitPolicy for Meek {
///     fn limit(&self) -> usize {
///         self.0
///     }
///
///     fn set_limit(&mut self, limit: usize) {
///         self.0 = limit;
///     }
///
///     fn learn(&mut self, attempt: &Attempt) {
///         if attempt.end == End::Throttled {
///             self.0 /= 2;
///         }
///     }
/// }
///
/// let layer = ConcurrencyLimitLayer::adaptive(Meek(64));
/// assert_eq!(layer.limit(), 64);
/// ```
pub trait LimitPolicy: Send + 'static {
    /// Whether there is anything to learn. Where there is not, the layer reads no clock and tells
    /// nothing.
    const LEARNS: bool = true;

    /// The limit now. The layer takes 0 for 1.
    fn limit(&self) -> usize;

    /// Somebody has set the limit by hand: go on from there, within the policy's own bounds.
    fn set_limit(&mut self, limit: usize);

    /// An attempt has ended.
    fn learn(&mut self, attempt: &Attempt);

    /// How long the server takes when it has little to do, as far as the policy knows: for a gauge.
    fn min_latency(&self) -> Option<Duration> {
        None
    }
}

/// An attempt that has ended, as a policy gets to know it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// How it ended.
    pub end: End,
    /// When it had its slot.
    pub began: Instant,
    /// How long it held the slot: until the inner future was done, or dropped.
    pub took: Duration,
    /// How many were under way when it began, itself included.
    pub in_flight: usize,
    /// How long answers took lately, this one not included: a moving average.
    pub usual: Option<Duration>,
    /// How many requests the server says that the account has under way, others' included. None
    /// where this answer says nothing of it: what an earlier one said was true of its own moment.
    pub account: Option<u32>,
}

impl Attempt {
    /// An attempt that ended so, with nothing else known of it.
    #[must_use]
    pub fn new(end: End, began: Instant, took: Duration, in_flight: usize) -> Self {
        Self { end, began, took, in_flight, usual: None, account: None }
    }

    /// Adds how long answers take as a rule.
    #[must_use]
    pub fn with_usual(mut self, usual: Duration) -> Self {
        self.usual = Some(usual);
        self
    }

    /// Adds how many requests the account has under way.
    #[must_use]
    pub fn with_account(mut self, requests: u32) -> Self {
        self.account = Some(requests);
        self
    }

    /// When it ended.
    #[must_use]
    pub fn ended(&self) -> Instant {
        // OK because a moment that the clock can't show has not come.
        self.began.checked_add(self.took).unwrap_or(self.began)
    }

    /// Whether nobody waited for its end, and it had run so long that this says something of the
    /// server: a second at least, and eight times as long as answers take as a rule.
    ///
    /// A call given up sooner says nothing: its caller had little time, or a hedge beside it was
    /// quicker. Eight times what is usual is beyond what a hedge waits for, or a mixture of quick
    /// and slow operations explains.
    #[must_use]
    pub fn is_given_up_late(&self) -> bool {
        let usual = self.usual.unwrap_or_default().saturating_mul(8);
        self.end == End::Dropped && self.took >= usual.max(Duration::from_secs(1))
    }
}

/// How an attempt ended, as far as a limit on concurrency is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// The server did what was asked ([`Class::Success`](crate::call::Class)): the only end whose
    /// time counts, and the only one that speaks for a higher limit.
    Served,
    /// The server said that there is too much at once
    /// ([`Class::Throttled`](crate::call::Class::Throttled), by the layer's classifier).
    Throttled,
    /// The attempt's time was up ([`FaultKind::AttemptTimeout`](crate::call::FaultKind)).
    TimedOut,
    /// Somebody above dropped it, a deadline or a hedge that has won.
    Dropped,
    /// Anything else: a refusal, a server error, a broken connection. Its time says nothing, for
    /// errors are often quicker than answers.
    Other,
}

/// A limit that only a hand changes. Reads no clock and learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed(usize);

impl Fixed {
    /// So many calls at once.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(limit)
    }
}

impl LimitPolicy for Fixed {
    const LEARNS: bool = false;

    fn limit(&self) -> usize {
        self.0
    }

    fn set_limit(&mut self, limit: usize) {
        self.0 = limit;
    }

    fn learn(&mut self, _: &Attempt) {}
}
