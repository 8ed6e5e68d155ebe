use std::fmt;
use std::sync::Arc;

use crate::call::Class;
use crate::call::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many retries all calls together may make: a bucket of tokens that clones share.
///
/// Retries help while failures are few. When a server is down they multiply the load that keeps it
/// down, and the only cure is to make fewer. So a retry costs tokens, which come back when *that*
/// retry succeeds, and a call that succeeds at once adds one. When most calls fail the bucket runs
/// dry, and what failed is returned as it is. In the long run it takes fourteen calls that succeed
/// at once to pay for one retry that doesn't: a server in trouble gets 7 % more load, not a multiple.
///
/// A throttled attempt costs less to repeat: the server is well enough to say no, and says so
/// cheaply.
///
/// Capacity and costs are those of the AWS SDKs' standard strategy, which has met more outages than
/// we have (`StandardRetryStrategy` in <https://github.com/smithy-lang/smithy-java>).
///
/// Tokens are whole numbers moved by compare-and-swap: concurrent calls can't overdraw the bucket,
/// and no rounding makes tokens out of nothing.
///
/// ```
/// use twilio_proxy::middleware::retry::{Budget, RetryLayer};
///
/// let budget = Budget::default();
/// let layer = RetryLayer::new().budget(budget.clone());
/// # let _ = layer;
/// // For a gauge: how much trust in retries is left.
/// assert_eq!(budget.available(), Budget::CAPACITY);
/// ```
#[derive(Clone)]
pub struct Budget {
    bucket: Arc<Bucket>,
}

struct Bucket {
    available: AtomicU32,
    capacity: u32,
}

impl Budget {
    /// Tokens in a full bucket, unless [`Budget::new`] says otherwise: 35 retries' worth.
    pub const CAPACITY: u32 = 500;
    /// Tokens that a retry costs.
    pub const RETRY_COST: u32 = 14;
    /// Tokens that a retry costs after the server throttled the attempt.
    pub const THROTTLED_COST: u32 = 5;

    /// A full bucket of this many tokens. One that holds less than a retry costs allows none.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self { bucket: Arc::new(Bucket { available: AtomicU32::new(capacity), capacity }) }
    }

    /// Tokens in the bucket now.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.bucket.available.load(Relaxed)
    }

    /// Tokens in the bucket when it is full.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.bucket.capacity
    }

    /// Takes what a retry costs after an attempt that ended with this class, or nothing at all.
    pub(super) fn stake(&self, failed: Class) -> Option<Stake> {
        let cost = match failed {
            Class::Throttled => Self::THROTTLED_COST,
            _ => Self::RETRY_COST,
        };
        let taken = |available: u32| available.checked_sub(cost);
        self.bucket.available.fetch_update(Relaxed, Relaxed, taken).ok()?;
        Some(Stake { budget: self.clone(), cost, state: StakeState::Waiting })
    }

    /// Puts tokens back, as many as there is room for.
    pub(super) fn deposit(&self, tokens: u32) {
        let capacity = self.bucket.capacity;
        // A full bucket is left untouched, so that calls that all go well share a cache line that
        // nobody writes.
        let filled = |available: u32| {
            (available < capacity).then(|| available.saturating_add(tokens).min(capacity))
        };
        // An error says that the bucket was full: nothing to do.
        let _ = self.bucket.available.fetch_update(Relaxed, Relaxed, filled);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("available", &self.available())
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// What one retry took from the budget.
///
/// A call may be dropped while it waits to retry. Such a retry was never made, so its tokens go
/// back; one that was made and then dropped has loaded the server, and they don't.
#[derive(Debug)]
pub(super) struct Stake {
    budget: Budget,
    cost: u32,
    state: StakeState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StakeState {
    Waiting,
    Made,
    Won,
}

impl Stake {
    /// The retry is being made: from here on only its success brings the tokens back.
    pub(super) fn made(&mut self) {
        self.state = StakeState::Made;
    }

    /// The retry succeeded.
    pub(super) fn won(mut self) {
        self.state = StakeState::Won;
    }
}

impl Drop for Stake {
    fn drop(&mut self) {
        if self.state != StakeState::Made {
            self.budget.deposit(self.cost);
        }
    }
}
