//! The sliding window: how many calls went, how many of them failed, how many were slow.

use crate::call::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// In how many steps the window slides.
pub(super) const BUCKETS: u64 = 10;

/// Counters of the last calls, in a ring of buckets of equal length in time.
///
/// A bucket is one word: which stretch of time it counts (its tick), and the three counts. So one
/// compare-and-swap turns the bucket over or counts on, and no writer can count into a bucket that
/// another is just clearing. What remains inexact under concurrency is told here and nowhere else:
///
/// - A writer that was stopped between reading the clock and counting, for as long as the bucket's
///   time was over, is not counted.
/// - A sum is read bucket by bucket. Two failures in two buckets, at the very turn from one to the
///   next, may each miss the other; the next failure sees both.
/// - A bucket that is full halves its counts. That keeps its rates, and lowers its weight against
///   emptier ones.
/// - The tick wraps after 4 million stretches, 48 days with buckets of a second. A circuit that rests
///   for just so long takes its old counts for new ones, or new calls for late ones, for at most two
///   windows.
#[derive(Debug, Default)]
pub(super) struct Window {
    buckets: [AtomicU64; BUCKETS as usize],
}

/// What is in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) calls: u32,
    pub(super) failures: u32,
    pub(super) slow: u32,
}

const COUNT_BITS: u32 = 14;
const FULL: u64 = (1 << COUNT_BITS) - 1;
const TICK_BITS: u32 = u64::BITS - 3 * COUNT_BITS;
const TICKS: u64 = 1 << TICK_BITS;
/// An age from here on is that of a bucket whose writer's clock is a little ahead of the reader's.
const EARLY: u64 = TICKS - BUCKETS;
/// A distance from here on is that of a call to a bucket that was turned over since.
const LATE: u64 = TICKS - 2 * BUCKETS;

#[derive(Clone, Copy)]
struct Bucket {
    tick: u64,
    calls: u64,
    failures: u64,
    slow: u64,
}

impl Window {
    /// Counts one call in. `tick` is the time, in lengths of a bucket.
    pub(super) fn record(&self, tick: u64, failure: bool, slow: bool) {
        let counted = |word: u64| {
            let mut bucket = Bucket::of(word);
            match ahead(tick, bucket.tick) {
                0 => {}
                // The bucket counts a later time already: this call comes too late to count.
                ahead if ahead >= LATE && bucket.calls > 0 => return None,
                _ => bucket = Bucket { tick: tick % TICKS, calls: 0, failures: 0, slow: 0 },
            }
            if bucket.calls == FULL {
                bucket.calls /= 2;
                bucket.failures /= 2;
                bucket.slow /= 2;
            }
            bucket.calls += 1;
            bucket.failures += u64::from(failure);
            bucket.slow += u64::from(slow);
            Some(bucket.word())
        };
        if let Some(word) = self.buckets.get((tick % BUCKETS) as usize) {
            // An error says that the call came too late.
            let _ = word.fetch_update(Relaxed, Relaxed, counted);
        }
    }

    /// What has been counted within the window that ends with this tick.
    pub(super) fn totals(&self, tick: u64) -> Totals {
        let mut totals = Totals::default();
        for word in &self.buckets {
            let bucket = Bucket::of(word.load(Relaxed));
            let age = ahead(tick, bucket.tick);
            // Somebody else's clock may be a bucket ahead of ours.
            if !(BUCKETS..EARLY).contains(&age) {
                // OK because a count has 14 bits, and there are ten.
                totals.calls += bucket.calls as u32;
                totals.failures += bucket.failures as u32;
                totals.slow += bucket.slow as u32;
            }
        }
        totals
    }

    /// How many ticks ago the latest call was counted; a large number if none was.
    pub(super) fn idle_for(&self, tick: u64) -> u64 {
        let ages = self.buckets.iter().filter_map(|word| {
            let bucket = Bucket::of(word.load(Relaxed));
            let age = ahead(tick, bucket.tick);
            (bucket.calls > 0).then_some(if age >= EARLY { 0 } else { age })
        });
        ages.min().unwrap_or(TICKS)
    }

    pub(super) fn clear(&self) {
        for word in &self.buckets {
            word.store(0, Relaxed);
        }
    }
}

/// How far the first tick is ahead of the second, round the wrap.
fn ahead(tick: u64, of: u64) -> u64 {
    tick.wrapping_sub(of) % TICKS
}

impl Bucket {
    fn of(word: u64) -> Self {
        Self {
            tick: word >> (3 * COUNT_BITS),
            calls: (word >> (2 * COUNT_BITS)) & FULL,
            failures: (word >> COUNT_BITS) & FULL,
            slow: word & FULL,
        }
    }

    fn word(self) -> u64 {
        let counts = (self.calls << (2 * COUNT_BITS)) | (self.failures << COUNT_BITS) | self.slow;
        (self.tick << (3 * COUNT_BITS)) | counts
    }
}
