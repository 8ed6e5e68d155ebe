//! How long an endpoint takes, as far as the next choice is concerned.

use std::time::Duration;

use tokio::time::Instant;

/// What an endpoint is taken to need before it has answered once: linkerd's figure. Low, so that each
/// is tried soon.
const GUESS: Duration = Duration::from_millis(30);

/// A moving average of answer times that jumps to every peak at once and forgets it slowly, after
/// Finagle's `PeakEwma`.
///
/// Unlike Finagle's and tower's, a look changes nothing, and an endpoint that still owes answers
/// forgets nothing: one that hangs must not seem faster the longer it hangs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    /// In nanoseconds; none before the first answer.
    average: Option<f64>,
    /// When the average last changed.
    changed: Instant,
    /// Since when no attempt is under way, while none is.
    idle: Instant,
}

impl Latency {
    pub(super) fn new(now: Instant) -> Self {
        Self { average: None, changed: now, idle: now }
    }

    /// An answer came after so long.
    pub(super) fn answered(&mut self, took: Duration, now: Instant, decay: Duration) {
        let took = nanos(took);
        let average = match self.average {
            Some(average) if average > took => {
                let weight = weight(now.saturating_duration_since(self.changed), decay);
                average * weight + took * (1.0 - weight)
            }
            _ => took,
        };
        (self.average, self.changed) = (Some(average), now);
    }

    /// No good answer came in so long: it counts where it is a peak. Where it isn't it says nothing,
    /// or an endpoint that fails quickly would seem a quick one.
    pub(super) fn waited(&mut self, waited: Duration, now: Instant) {
        let waited = nanos(waited);
        if self.average.is_some_and(|average| waited > average)
            || (self.average.is_none() && waited > nanos(GUESS))
        {
            (self.average, self.changed) = (Some(waited), now);
        }
    }

    /// The last attempt that was under way has ended.
    pub(super) fn rest(&mut self, now: Instant) {
        self.idle = now;
    }

    /// How many nanoseconds an attempt is expected to take. One that nobody has asked for long is
    /// expected to be quick again: else no one would ever find out.
    pub(super) fn expected(&self, pending: u32, now: Instant, decay: Duration) -> f64 {
        let average = self.average.unwrap_or(nanos(GUESS));
        if pending > 0 {
            return average;
        }
        average * weight(now.saturating_duration_since(self.idle), decay)
    }

    /// The same to show; none before the first answer.
    pub(super) fn shown(&self, pending: u32, now: Instant, decay: Duration) -> Option<Duration> {
        self.average?;
        let nanos = self.expected(pending, now, decay);
        // OK because a float that is too large for the integer becomes its greatest.
        Some(Duration::from_nanos(nanos as u64))
    }
}

/// What is left of an old value after so long.
fn weight(elapsed: Duration, decay: Duration) -> f64 {
    (-elapsed.as_secs_f64() / decay.as_secs_f64()).exp()
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
