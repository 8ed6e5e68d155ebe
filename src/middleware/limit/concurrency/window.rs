use std::time::Duration;

use tokio::time::Instant;

/// The shortest window: less shows the chance of a moment.
const SHORTEST: Duration = Duration::from_millis(100);

/// How long a window waits for more answers, in its shortest lengths.
const PATIENCE: u32 = 5;

/// The longest that a window must last for the sake of slow answers.
const LONGEST: Duration = Duration::from_secs(5);

/// With fewer answers, a median says little.
const FEWEST: usize = 20;

/// How many answers are kept, the latest: one kilobyte.
const KEPT: usize = 256;

/// The latencies of some time, and how much was under way meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Window {
    opened: Option<Instant>,
    /// Microseconds; the latest, in a ring.
    latencies: [u32; KEPT],
    count: usize,
    /// Sorting is for when there is a chance that it is enough.
    look_at: usize,
    used: usize,
    /// How long it lasts at least.
    least: Duration,
}

/// What a window has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) median: Median,
    /// How many were under way at most.
    pub(super) used: usize,
}

/// A latency, and how far it may be off by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Median {
    /// More than nothing.
    pub(super) seconds: f64,
    /// The standard error, as a part of the median.
    pub(super) error: f64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            opened: None,
            latencies: [0; KEPT],
            count: 0,
            look_at: FEWEST,
            used: 0,
            least: SHORTEST,
        }
    }
}

impl Window {
    /// Counts an answer in, if it began in this window.
    pub(super) fn add(&mut self, began: Instant, latency: Duration, in_flight: usize) {
        if began < *self.opened.get_or_insert(began) {
            return;
        }
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        if let Some(place) = self.latencies.get_mut(self.count % KEPT) {
            *place = micros;
        }
        self.count = self.count.saturating_add(1);
        self.used = self.used.max(in_flight);
    }

    /// Ends the window and begins the next, if it has lasted long enough and its median is as good
    /// as this, or is not to be had any better.
    pub(super) fn close(&mut self, now: Instant, error: f64) -> Option<Seen> {
        let lasted = now.saturating_duration_since(self.opened?);
        if self.count < self.look_at || lasted < self.least {
            return None;
        }
        let median = self.median()?;
        if median.error > error && self.count < KEPT && lasted < self.least * PATIENCE {
            self.look_at = (self.count * 2).min(KEPT);
            return None;
        }
        let used = self.used;
        let twice = Duration::try_from_secs_f64(2.0 * median.seconds).unwrap_or(LONGEST);
        self.least = twice.clamp(SHORTEST, LONGEST);
        self.restart();
        self.opened = Some(now);
        Some(Seen { median, used })
    }

    fn median(&self) -> Option<Median> {
        let mut latencies = self.latencies;
        let latencies = latencies.get_mut(..self.count.min(KEPT))?;
        latencies.sort_unstable();
        let count = latencies.len();
        let at = |part: usize| latencies.get(count * part / 4).map(|micros| f64::from(*micros));
        // Not even a microsecond: as good as one, and nothing is divided by zero.
        let median = at(2)?.max(1.0);
        // A median is off by 1.25 deviations over the root of the count, and the quartiles are 1.35
        // deviations apart, where the scatter is a normal one.
        let error = 0.93 * (at(3)? - at(1)?) / (median * (count as f64).sqrt());
        Some(Median { seconds: median / 1e6, error })
    }

    /// Forgets what this window has seen; the next answer opens it anew.
    pub(super) fn restart(&mut self) {
        (self.opened, self.count, self.look_at, self.used) = (None, 0, FEWEST, 0);
    }
}
