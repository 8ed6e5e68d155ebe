//! How long answers have taken of late: a histogram that is cheap to add to, and bounded.

use std::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

/// Answers that must be known before their percentile means anything: above the 95th of 64 there
/// are three.
pub(super) const ENOUGH: u32 = 64;

/// After so long a window gives way to the next, if there are enough answers in it …
pub(super) const SHORTEST: Duration = Duration::from_secs(30);
/// … and after so long in any case.
pub(super) const LONGEST: Duration = Duration::from_secs(300);

/// The percentile is worked out anew every so many answers: it reads all buckets.
const REFRESH: u32 = 16;

/// Durations are counted in units of 2¹⁶ ns, about 66 µs.
const UNIT: u32 = 16;
/// Up to 16 units each has a bucket of its own; beyond, each doubling is cut into 16 buckets, so
/// that a bucket is at most a sixteenth of what is in it.
const FINE: u32 = 4;
const STEPS: u64 = 1 << FINE;
/// How many doublings there are: up to 68.7 s, more than any attempt should be waited for.
const DOUBLINGS: u64 = 16;
const BUCKETS: usize = (STEPS * (1 + DOUBLINGS)) as usize;

/// The latencies of one operation's answers over two windows: the one being filled, and the one before.
///
/// A window lasts from 30 s, when calls are many, to five minutes, when they are few. Times are
/// nanoseconds since the layer was made. Nothing here locks or allocates. Threads that meet in a
/// window's change may misplace a handful of answers, which moves no percentile.
#[derive(Debug)]
pub(super) struct Latency {
    windows: [Window; 2],
    current: AtomicUsize,
    /// When the current window began.
    began: AtomicU64,
    /// The latest percentile, in nanoseconds; 0 for none.
    percentile: AtomicU64,
}

#[derive(Debug)]
struct Window {
    counts: [AtomicU32; BUCKETS],
    total: AtomicU32,
}

impl Latency {
    pub(super) fn new(now: u64) -> Self {
        Self {
            windows: [Window::new(), Window::new()],
            current: AtomicUsize::new(0),
            began: AtomicU64::new(now),
            percentile: AtomicU64::new(0),
        }
    }

    /// Adds an answer that took so long and came now, for the sake of this percentile.
    pub(super) fn record(&self, took: Duration, now: u64, percent: u32) {
        let began = self.began.load(Relaxed);
        let age = Duration::from_nanos(now.saturating_sub(began));
        if self.is_over(age) {
            self.turn_over(began, now, age, percent);
        }
        let total = self.current().add(nanos(took));
        if total.is_multiple_of(REFRESH) {
            self.refresh(percent);
        }
    }

    /// The percentile, once enough answers are known and as long as they are recent.
    pub(super) fn percentile(&self, now: u64) -> Option<Duration> {
        let nanos = self.percentile.load(Relaxed);
        let age = Duration::from_nanos(now.saturating_sub(self.began.load(Relaxed)));
        (nanos != 0 && age < 2 * LONGEST).then(|| Duration::from_nanos(nanos))
    }

    fn current(&self) -> &Window {
        &self.windows[self.current.load(Acquire) & 1]
    }

    fn is_over(&self, age: Duration) -> bool {
        age >= LONGEST || age >= SHORTEST && self.current().total.load(Relaxed) >= ENOUGH
    }

    /// The window before the current one is forgotten and takes its place. One thread does it, the
    /// others go on with the window that they have.
    fn turn_over(&self, began: u64, now: u64, age: Duration, percent: u32) {
        if self.began.compare_exchange(began, now, Relaxed, Relaxed).is_err() {
            return;
        }
        let next = (self.current.load(Acquire) & 1) ^ 1;
        self.windows[next].clear();
        if age >= 2 * LONGEST {
            // Nothing has come for minutes: what is in the current window is as old.
            self.windows[next ^ 1].clear();
        }
        self.current.store(next, Release);
        self.refresh(percent);
    }

    fn refresh(&self, percent: u32) {
        let totals = self.windows.each_ref().map(|window| window.total.load(Relaxed));
        let total = totals[0].saturating_add(totals[1]);
        let nanos = if total < ENOUGH { 0 } else { self.at(percent, total) };
        self.percentile.store(nanos, Relaxed);
    }

    /// The upper edge of the bucket with the answer that so many percent were no slower than.
    fn at(&self, percent: u32, total: u32) -> u64 {
        let slower = u64::from(total) * u64::from(100 - percent.clamp(1, 99)) / 100;
        // From the slow end, where the high percentiles are.
        let mut seen = 0;
        for bucket in (0..BUCKETS).rev() {
            let counts = self.windows.each_ref().map(|window| window.counts[bucket].load(Relaxed));
            seen += u64::from(counts[0]) + u64::from(counts[1]);
            if seen > slower {
                return upper_edge(bucket);
            }
        }
        // OK because it happens only where another thread has just emptied a window.
        0
    }
}

impl Window {
    const fn new() -> Self {
        Self { counts: [const { AtomicU32::new(0) }; BUCKETS], total: AtomicU32::new(0) }
    }

    /// Adds one, and returns how many there are now.
    fn add(&self, nanos: u64) -> u32 {
        self.counts[bucket_of(nanos)].fetch_add(1, Relaxed);
        self.total.fetch_add(1, Relaxed).wrapping_add(1)
    }

    fn clear(&self) {
        self.total.store(0, Relaxed);
        for count in &self.counts {
            count.store(0, Relaxed);
        }
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn bucket_of(nanos: u64) -> usize {
    let units = nanos >> UNIT;
    let Some(doubling) = units.checked_ilog2().and_then(|log| log.checked_sub(FINE)) else {
        return units as usize;
    };
    let step = (units >> doubling) - STEPS;
    let bucket = STEPS * (1 + u64::from(doubling)) + step;
    (bucket as usize).min(BUCKETS - 1)
}

/// The first duration that is too long for this bucket, in nanoseconds.
fn upper_edge(bucket: usize) -> u64 {
    let (doubling, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    let units = match doubling.checked_sub(1) {
        None => step + 1,
        Some(doubling) => (STEPS + step + 1) << doubling,
    };
    units << UNIT
}
