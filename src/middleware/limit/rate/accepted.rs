//! How many calls the server has lately taken.

/// How far back is looked, in nanoseconds: 5 s, for which see [`throttle`](super::throttle).
pub(super) const WINDOW: u64 = 5_000_000_000;

/// Buckets in a window. More would tell a bit better where the window begins, for more memory a key.
const WHOLE: u64 = 10;
const BUCKET: u64 = WINDOW / WHOLE;

/// Those that make a window, and one more: the oldest is cut by the window's beginning, as the
/// newest is by the present.
const BUCKETS: u64 = WHOLE + 1;

/// The shortest time that a rate is told from, in nanoseconds: 1 s. A key's first calls are a
/// burst, and say little of a rate.
const LEAST: u64 = 1_000_000_000;

/// Counts grants by when they were made, and takes back those that the server refused.
///
/// A call that is still under way counts as accepted until its refusal is heard. So does one that
/// was dropped, or failed in another way: it may have used up the server's limit as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    counts: [u32; BUCKETS as usize],
    /// The number of the newest bucket, counted from the limiter's beginning.
    newest: u64,
    /// When the key was first used, or again after a whole window without a grant.
    since: u64,
}

impl Accepted {
    pub(super) fn nothing_yet(now: u64) -> Self {
        Self { counts: [0; BUCKETS as usize], newest: now / BUCKET, since: now }
    }

    pub(super) fn granted(&mut self, now: u64) {
        if now / BUCKET > self.newest {
            self.roll(now);
        }
        let count = &mut self.counts[place(self.newest)];
        *count = count.saturating_add(1);
    }

    /// The call that was granted then was refused by the server.
    pub(super) fn refused(&mut self, granted: u64) {
        let bucket = (granted / BUCKET).min(self.newest);
        // Older ones have left the window, and their place is another's.
        if self.newest - bucket < BUCKETS {
            let count = &mut self.counts[place(bucket)];
            *count = count.saturating_sub(1);
        }
    }

    /// Calls accepted a second, over the window or as long as the key has been in use.
    pub(super) fn rate(&self, now: u64) -> f64 {
        let nanos = now.saturating_sub(self.since).clamp(LEAST, WINDOW);
        self.sum(now) * 1e9 / nanos as f64
    }

    /// Whether the key has been in use for a whole window.
    pub(super) fn is_whole(&self, now: u64) -> bool {
        now.saturating_sub(self.since) >= WINDOW
    }

    /// Whether there was more than one call lately: a key that is in use.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        self.sum(now) > 1.0
    }

    /// The calls in the window. Of the bucket that its beginning cuts, as much as lies inside.
    fn sum(&self, now: u64) -> f64 {
        let present = (now / BUCKET).max(self.newest);
        let known = self.newest.saturating_sub(WHOLE);
        let whole = present.saturating_sub(WHOLE - 1).max(known)..=self.newest;
        // Not `sum`: of nothing that is -0.
        let counts = whole.map(|bucket| f64::from(self.counts[place(bucket)]));
        let mut sum = counts.fold(0.0, |sum, count| sum + count);
        if let Some(oldest) = present.checked_sub(WHOLE)
            && (known..=self.newest).contains(&oldest)
        {
            let inside = BUCKET - now % BUCKET;
            sum += f64::from(self.counts[place(oldest)]) * inside as f64 / BUCKET as f64;
        }
        sum
    }

    /// Empties the buckets that the time since the last grant has brought.
    fn roll(&mut self, now: u64) {
        let bucket = now / BUCKET;
        if bucket - self.newest >= BUCKETS {
            *self = Self::nothing_yet(now);
            return;
        }
        for fresh in self.newest + 1..=bucket {
            self.counts[place(fresh)] = 0;
        }
        self.newest = bucket;
    }
}

/// Where a bucket is kept.
fn place(bucket: u64) -> usize {
    (bucket % BUCKETS) as usize
}
