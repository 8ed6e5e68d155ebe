use tokio::time::Instant;

use super::bounds::Bounds;
use super::{Attempt, End, LimitPolicy};

/// What is left of the limit after a cut: nine tenths.
const KEPT: f64 = 0.9;

/// The most that one word of the server about the account may take away at once, before the cut: half.
const TRUSTED: f64 = 0.5;

/// A little more while all is well, a tenth less when it is not.
///
/// The limit grows by one for as many answers as it is wide, so by about one a round trip, while at
/// least three quarters of it are in use: what nobody uses proves nothing. It is cut to nine tenths
/// when the server says that there is too much at once, or when attempts run into their timeout
/// although at least half of the limit was in use. (With little under way, a timeout is not for a
/// limit to cure.) One cut answers for everything that began before it: a crowd that is turned away
/// is one event, not a hundred.
///
/// An attempt that its caller gave up counts as timed out where it had
/// [run long](Attempt::is_given_up_late).
///
/// Where [the server says](super::ConcurrencyLimitLayer::concurrency_header) how much the account
/// has under way, that is a bound on our part: what is cut is the lesser of the two, or half of the limit
/// where that is more, since a number from outside may count something else.
///
/// ```
/// use twilio_proxy::middleware::limit::ConcurrencyLimitLayer;
/// use twilio_proxy::middleware::limit::concurrency::Aimd;
///
/// let layer = ConcurrencyLimitLayer::adaptive(Aimd::new(100).bounds(10, 100));
/// # let _ = layer;
/// ```
///
/// # The numbers
///
/// Nine tenths, where TCP halves: a stack of connections loses all that it has lost time on, a limit
/// loses nothing but the retry of those turned away, and the narrower saw tooth stays within a tenth
/// of what the server bears. Netflix's `AIMDLimit` keeps as much
/// (<https://github.com/Netflix/concurrency-limits>).
#[derive(Clone, Debug)]
pub struct Aimd {
    bounds: Bounds,
    limit: f64,
    /// What began before the last cut is part of its reason.
    cut: Option<Instant>,
}

impl Aimd {
    /// Starts with so many, and stays between 1 and 1,000, or so many where that is more; 0 counts as 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let bounds = Bounds::default().with(limit);
        Self { bounds, limit: bounds.hold(limit as f64), cut: None }
    }

    /// Never less than `min` and never more than `max`. 0 counts as 1, and a `max` below `min` as
    /// `min`.
    #[must_use]
    pub fn bounds(mut self, min: usize, max: usize) -> Self {
        self.bounds = Bounds::new(min, max);
        self.limit = self.bounds.hold(self.limit);
        self
    }

    fn cut(&mut self, attempt: &Attempt, from: f64) {
        self.limit = self.bounds.hold(from * KEPT);
        self.cut = Some(attempt.ended());
    }
}

impl LimitPolicy for Aimd {
    fn limit(&self) -> usize {
        self.limit as usize
    }

    fn set_limit(&mut self, limit: usize) {
        self.limit = self.bounds.hold(limit as f64);
        self.cut = None;
    }

    fn learn(&mut self, attempt: &Attempt) {
        // Of the limit as the line has it, in whole calls.
        let in_use = attempt.in_flight as f64 / self.limit.floor();
        if attempt.end == End::Served {
            if in_use >= 0.75 {
                self.limit = self.bounds.hold(self.limit + 1.0 / self.limit);
            }
            return;
        }
        if self.cut.is_some_and(|cut| attempt.began <= cut) {
            return;
        }
        let too_slow = attempt.end == End::TimedOut || attempt.is_given_up_late();
        if attempt.end == End::Throttled {
            let account = attempt.account.map_or(f64::INFINITY, f64::from);
            self.cut(attempt, self.limit.min(account).max(self.limit * TRUSTED));
        } else if too_slow && in_use >= 0.5 {
            self.cut(attempt, self.limit);
        }
    }
}
