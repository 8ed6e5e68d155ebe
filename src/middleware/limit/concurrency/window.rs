use std::time::Duration;

use tokio::time::Instant;

/// The shortest window: less shows the chance of a moment.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest that a window lasts for the sake of slow answers.
const LONGEST: Duration = Duration::from_secs(5);

/// With fewer answers, a median says little.
const FEWEST: usize = 10;

/// How many answers are kept, the latest: half a kilobyte. The median of so many is within about a
/// tenth of their scatter.
const KEPT: usize = 128;

/// The latencies of some time, and how much was under way meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Window {
    opened: Option<Instant>,
    /// Microseconds; the latest, in a ring.
    latencies: [u32; KEPT],
    count: usize,
    used: usize,
    /// The median of the window before, in seconds.
    last: Option<f64>,
}

impl Default for Window {
    fn default() -> Self {
        Self { opened: None, latencies: [0; KEPT], count: 0, used: 0, last: None }
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

    /// Whether it has lasted long enough and seen enough.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let Some(opened) = self.opened else { return false };
        let last = self.last.map_or(Duration::ZERO, |last| {
            Duration::try_from_secs_f64(2.0 * last).unwrap_or(LONGEST).min(LONGEST)
        });
        self.count >= FEWEST && now.saturating_duration_since(opened) >= last.max(SHORTEST)
    }

    /// Ends the window, begins the next, and says the median in seconds: more than nothing.
    pub(super) fn close(&mut self, now: Instant) -> Option<f64> {
        let mut latencies = self.latencies;
        let latencies = latencies.get_mut(..self.count.min(KEPT))?;
        let middle = latencies.len() / 2;
        if middle >= latencies.len() {
            return None;
        }
        let (_, median, _) = latencies.select_nth_unstable(middle);
        // Not even a microsecond: as good as one, and nothing is divided by zero.
        let median = f64::from((*median).max(1)) / 1e6;
        self.last = Some(median);
        self.opened = Some(now);
        self.count = 0;
        Some(median)
    }

    /// How many were under way at most, in the window that was closed. Told once.
    pub(super) fn used(&mut self) -> usize {
        std::mem::take(&mut self.used)
    }

    /// The median of the window before, in seconds.
    pub(super) fn last(&self) -> Option<f64> {
        self.last
    }

    /// Forgets what this window has seen; the next answer opens it anew.
    pub(super) fn restart(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }
}
