use std::time::Duration;

use tokio::time::Instant;

use super::bounds::Bounds;
use super::window::Window;
use super::{Attempt, End, LimitPolicy};

/// How often the least latency is measured anew, where it does not show by itself.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// How much slower than the least still counts as no queue.
const TOLERANCE: f64 = 1.05;

/// How far one window moves the limit towards what it says.
const STEP: f64 = 0.5;

/// How far a window that was quicker than the least so far moves that.
const PULL: f64 = 0.25;

/// A limit that has come down to less than this part of what it was at the last probe is reason for
/// another: either the server bears less, or it takes longer for everything.
const FALLEN: f64 = 0.7;

/// What is left of the limit when the server says that there is too much at once.
const KEPT: f64 = 0.9;

/// As many as the server takes without making them wait, found by how long it takes.
///
/// A server that is not busy answers in some time, the least latency. From a certain number of calls
/// at once it can't do more, and each further one only makes all wait longer: that is the knee of its
/// latency curve. In each [window](#the-numbers) the policy compares the least latency with the
/// latency now, and takes their ratio, the gradient, for the part of the limit that is served and does not
/// wait: `limit × gradient`, and half of its square root more, so that there is always a small queue
/// by which to see that the knee has gone up. It never believes a gradient above one or below a
/// half, and goes half of the way.
///
/// The least latency is measured under half of the limit, for as long as one window: every 30
/// seconds, and as soon as the limit has fallen to seven tenths of what it was at the last probe. So
/// a lasting change of what the server takes for everything is learned, and a first guess made under
/// load is put right by halves. A window in which less than half of the limit was used anyway is as
/// good as a probe and costs nothing. Where none is possible, the price is half of the limit in one
/// window of 30 seconds: under one part in a hundred where answers come within 150 ms.
///
/// A throttle cuts the limit to nine tenths, as [`Aimd`](super::Aimd) does. An attempt that timed out
/// or was given up counts as one that took as long as it ran, where that is longer than usual: how
/// much longer it would have taken makes no difference to a median. The server's
/// own word on [concurrency](super::ConcurrencyLimitLayer::concurrency_header) is not used.
///
/// ```
/// use twilio_proxy::middleware::limit::ConcurrencyLimitLayer;
/// use twilio_proxy::middleware::limit::concurrency::Gradient;
///
/// let layer = ConcurrencyLimitLayer::adaptive(Gradient::new(20).bounds(5, 500));
/// # let _ = layer;
/// ```
///
/// # The numbers
///
/// The formula is that of Netflix's
/// [`Gradient2Limit`](https://github.com/Netflix/concurrency-limits) and Envoy's [gradient
/// controller](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter),
/// as is the gradient's floor of a half; the probe is Envoy's. What is different, and why:
///
/// - *The median of a window*, as Envoy's, and of the same length when probing. Medians don't mind
///   a single slow answer, and the noise of answers is the same on both sides of the comparison. A
///   minimum against a mean would see a queue in every scatter.
/// - *A window* lasts 100 ms, or twice the last median (5 s at most) where that is longer, and has
///   10 answers at least. Only attempts that began in it count, so what it shows is what the last
///   step has done.
/// - *The queue allowed* is half of a square root (Envoy: a whole one) and *the tolerance* 5 %
///   (Envoy: 25 %). Together they are how far above the knee the limit settles: 10 % at 100, 16 %
///   at 20. Envoy's would settle 37 % above a knee of 100. Netflix's queue of 4 is 40 % at 10.
/// - *A probe at half of the limit*, where Envoy goes down to 3: below the knee is enough, and the
///   limit is less than twice the knee once it has settled. It costs half of the throughput for two
///   round trips, and not nearly all of it for 50 answers three at a time.
/// - *Netflix's baseline* is a long average of the same latencies. It needs no probe, but a server
///   that is overloaded for long becomes the new normal, and the limit climbs.
#[derive(Clone, Debug)]
pub struct Gradient {
    bounds: Bounds,
    tolerance: f64,
    probe_every: Duration,
    limit: f64,
    /// Seconds.
    least: Option<f64>,
    window: Window,
    /// The limit of the probe under way.
    probe: Option<f64>,
    /// When the last probe ended, and the limit then.
    probed: Option<(Instant, f64)>,
    /// What began before the last cut is part of its reason.
    cut: Option<Instant>,
}

impl Gradient {
    /// Starts with so many, between 1 and 1,000; 0 counts as 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let bounds = Bounds::default().with(limit);
        Self {
            bounds,
            tolerance: TOLERANCE,
            probe_every: PROBE_EVERY,
            limit: bounds.hold(limit as f64),
            least: None,
            window: Window::default(),
            probe: None,
            probed: None,
            cut: None,
        }
    }

    /// Never less than `min` and never more than `max`, probes included. 0 counts as 1, and a `max`
    /// below `min` as `min`.
    #[must_use]
    pub fn bounds(mut self, min: usize, max: usize) -> Self {
        self.bounds = Bounds::new(min, max);
        self.set_limit(self.limit as usize);
        self
    }

    /// How many times the least latency is still no queue, 1.05 by default, 1 at least and 2 at most.
    /// More where the latency changes without load, as with operations of several kinds; the limit
    /// settles as much further above the knee.
    #[must_use]
    pub fn tolerance(mut self, times: f64) -> Self {
        // In this order: what is no number is the least.
        self.tolerance = times.max(1.0).min(2.0);
        self
    }

    /// How often the least latency is measured anew, 30 s by default.
    #[must_use]
    pub fn probe_every(mut self, interval: Duration) -> Self {
        self.probe_every = interval;
        self
    }

    /// What the attempt says of the server's latency, if anything.
    fn latency(&self, attempt: &Attempt) -> Option<Duration> {
        let counts = match attempt.end {
            End::Served => true,
            // At least so long: as good as known where it is more than the median, and else nothing.
            End::TimedOut | End::Dropped => {
                let median = self.window.last().or(self.least);
                median.is_some_and(|median| attempt.took.as_secs_f64() > median)
            }
            End::Throttled | End::Other => false,
        };
        counts.then_some(attempt.took)
    }

    fn close(&mut self, now: Instant) {
        let Some(median) = self.window.close(now) else { return };
        // Of the limit as the line has it, in whole calls.
        let used = self.window.used() as f64 / self.limit.floor();
        let quiet = used <= 0.5;
        if self.probe.is_some() || (quiet && self.is_due(now)) {
            self.least = Some(median);
            self.probe = None;
            self.probed = Some((now, self.limit));
            return;
        }
        let least = match self.least {
            Some(least) => least + (median - least).min(0.0) * PULL,
            None => median,
        };
        self.least = Some(least);
        if !quiet {
            self.step(least / median, used);
            if self.is_due(now) {
                self.probe = Some(self.bounds.hold(self.limit / 2.0));
            }
        }
    }

    fn step(&mut self, gradient: f64, used: f64) {
        // In this order: a median of no time at all makes the gradient no number, and that is 1.
        let gradient = (self.tolerance * gradient).min(1.0).max(0.5);
        let served = self.limit * gradient;
        let change = (served + self.limit.sqrt() / 2.0 - self.limit) * STEP;
        // What nobody uses proves nothing.
        if change < 0.0 || used >= 0.75 {
            self.limit = self.bounds.hold(self.limit + change);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.probed.is_none_or(|(at, limit)| {
            now.saturating_duration_since(at) >= self.probe_every || self.limit < limit * FALLEN
        })
    }
}

impl LimitPolicy for Gradient {
    fn limit(&self) -> usize {
        self.probe.unwrap_or(self.limit) as usize
    }

    fn set_limit(&mut self, limit: usize) {
        self.limit = self.bounds.hold(limit as f64);
        self.probe = None;
        self.window.restart();
    }

    fn learn(&mut self, attempt: &Attempt) {
        let now = attempt.ended();
        if attempt.end == End::Throttled {
            if self.cut.is_none_or(|cut| attempt.began > cut) {
                self.limit = self.bounds.hold(self.limit * KEPT);
                self.probe = self.probe.map(|probe| probe.min(self.limit));
                self.cut = Some(now);
            }
            return;
        }
        let Some(latency) = self.latency(attempt) else { return };
        // The crowd of before a probe is still leaving when it begins.
        if self.probe.is_some_and(|probe| attempt.in_flight as f64 > probe) {
            return;
        }
        self.window.add(attempt.began, latency, attempt.in_flight);
        if self.window.is_over(now) {
            self.close(now);
        }
    }

    fn min_latency(&self) -> Option<Duration> {
        self.least.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}
