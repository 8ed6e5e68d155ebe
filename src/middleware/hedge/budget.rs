use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a hedge costs: a call earns its percentage of it.
const COST: u32 = 100;

/// How many hedges may be fired: tokens that calls earn and hedges spend.
///
/// Whole numbers moved by compare-and-swap, and none to begin with: whatever happens, and however many
/// calls there are at once, no hedge is fired that calls before it have not paid for.
#[derive(Debug, Default)]
pub(super) struct Budget {
    tokens: AtomicU32,
}

impl Budget {
    /// A call has come, of which so many percent may be hedged.
    pub(super) fn earn(&self, percent: u32, burst: u32) {
        self.add(percent, burst);
    }

    /// Pays for a hedge, or says that it can't be paid for.
    pub(super) fn spend(&self, burst: u32) -> bool {
        // The burst may have been lowered since the tokens were earned.
        let paid = |tokens: u32| tokens.min(capacity(burst)).checked_sub(COST);
        self.tokens.fetch_update(Relaxed, Relaxed, paid).is_ok()
    }

    /// A hedge that was paid for was not made.
    pub(super) fn give_back(&self, burst: u32) {
        self.add(COST, burst);
    }

    /// How many hedges could be fired now.
    pub(super) fn available(&self, burst: u32) -> u32 {
        self.tokens.load(Relaxed).min(capacity(burst)) / COST
    }

    fn add(&self, tokens: u32, burst: u32) {
        let capacity = capacity(burst);
        // A full bucket is left untouched, so that calls share a cache line that nobody writes.
        let filled = |now: u32| (now < capacity).then(|| now.saturating_add(tokens).min(capacity));
        // An error says that the bucket was full: nothing to do.
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, filled);
    }
}

fn capacity(burst: u32) -> u32 {
    burst.saturating_mul(COST)
}
