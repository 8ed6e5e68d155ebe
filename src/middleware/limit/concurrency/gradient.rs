use std::time::Duration;

use tokio::time::Instant;

use super::bounds::Bounds;
use super::window::{Median, Seen, Window};
use super::{Attempt, End, LimitPolicy};

/// How often the least latency is measured anew, where it does not show by itself.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// How far one window moves the limit towards what it says.
const STEP: f64 = 0.5;

/// How long a queue may be at the server, as a part of the limit's square root.
const QUEUE: f64 = 1.0 / 3.0;

/// How much of the limit is added in a window as long as no queue was seen.
const OPENING: f64 = 0.5;

/// A limit that has come down to less than this part of its highest since the last probe is reason
/// for another: either the server bears less, or it takes longer for everything.
const FALLEN: f64 = 0.7;

/// What is below this part of what it is compared with is below it not by chance.
const CHANCE: f64 = 0.9;

/// What is above so many times the least latency was not slower by chance.
const SLOWER: f64 = 1.25;

/// What is left of the limit when the server says that there is too much at once.
const KEPT: f64 = 0.9;

/// How exact a window's median has to be: as long as no queue was seen, as a rule, and in a probe,
/// by which many others are judged.
const ROUGH: f64 = 0.1;
const EXACT: f64 = 0.03;
const PROBE_EXACT: f64 = 0.02;

/// As many as the server takes without making them wait, found by how long it takes.
///
/// A server that is not busy answers in some time, the least latency. From a certain number of calls
/// at once it can't do more, and each further one only makes all wait longer: that is the knee of its
/// latency curve. In each window the policy compares the least latency with the latency now, and
/// takes their ratio, the gradient, for the part of the limit that is served and does not wait:
/// `limit × gradient`. It adds half of the limit's square root, so that there is always a small queue
/// by which to see that the knee has gone up; never believes a gradient below a half; and goes
/// half of the way. Before it has seen the first queue it grows by half in each window instead.
///
/// The least latency is measured under half of the limit, for one window: every 30 seconds, and as
/// soon as the limit has fallen to seven tenths of its highest since the last probe. So a lasting
/// change of what the server takes for everything is learned, and a first guess made under load is
/// put right by halves. A window in which less than half of the limit was used anyway is as good as
/// a probe and costs nothing. Where none comes by, the price is half of the throughput for one
/// window in 30 seconds.
///
/// A throttle cuts the limit to nine tenths, as [`Aimd`](super::Aimd) does. An attempt that timed out
/// or was given up counts as one that took as long as it ran, where that is more than the median:
/// how much longer it would have taken makes no difference to a median. The server's own word on
/// [concurrency](super::ConcurrencyLimitLayer::concurrency_header) is not used.
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
/// [`Gradient2Limit`](https://github.com/Netflix/concurrency-limits) and of Envoy's [gradient
/// controller](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter),
/// and so is the floor of a half; the probe is Envoy's. What is different, and why:
///
/// - *Medians on both sides*, as Envoy's, for a window and for a probe. A median doesn't mind a
///   single slow answer, and a minimum against a mean would see a queue in every scatter.
/// - *A window lasts* 100 ms, or twice the last median (5 s at most) if that is longer, for at least
///   20 answers, and on until the median's standard error is at most 3 % (2 % in a probe, 10 %
///   before the first queue), there are 256, or it has lasted five times as long. Only attempts that began in it count: what it
///   shows is what the last step has done.
/// - *What can't be told from chance is no queue.* The standard errors, estimated from the
///   quartiles, are added to the least latency. Envoy adds 25 % always, Netflix nothing. And a
///   gradient above one (up to 1.25) counts as well, or chance would push in one direction only.
///   Without these two the limit collapses where latencies scatter widely: with answers
///   that are distributed exponentially, from a knee of 40 to a limit of 3.
/// - *The queue allowed* is half of a square root, Envoy's a whole one. The limit settles that much and
///   the error above the knee: in the [simulation](super#what-they-find), where answers scatter by a
///   fifth, 8 % above 100 and 16 % above 20. Envoy's rule would settle 37 % above 100, and Netflix's
///   queue of 4 at 40 % above 10.
/// - *A probe at half of the limit*, where Envoy goes down to 3: below the knee is enough, and once
///   the limit has settled it is less than twice the knee.
/// - *Netflix's baseline* is a long average of the same latencies. It needs no probe, but a server
///   that is overloaded for long becomes the new normal, and the limit climbs.
#[derive(Clone, Debug)]
pub struct Gradient {
    bounds: Bounds,
    tolerance: f64,
    probe_every: Duration,
    limit: f64,
    least: Option<Median>,
    /// The last window's median, in seconds.
    last: Option<f64>,
    window: Window,
    /// No queue was seen yet.
    opening: bool,
    /// The limit of the probe under way.
    probe: Option<f64>,
    /// When the last probe ended, and the highest limit since.
    probed: Option<(Instant, f64)>,
    /// What began before the last cut is part of its reason.
    cut: Option<Instant>,
}

impl Gradient {
    /// Starts with so many, and stays between 1 and 1,000, or so many where that is more; 0 counts as 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let bounds = Bounds::default().with(limit);
        Self {
            bounds,
            tolerance: 1.0,
            probe_every: PROBE_EVERY,
            limit: bounds.hold(limit as f64),
            least: None,
            last: None,
            window: Window::default(),
            opening: true,
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
        self.limit = self.bounds.hold(self.limit);
        self
    }

    /// How many times the least latency is no queue yet, between 1 (the default) and 2. More where
    /// latencies change without load, as with operations of several kinds; the limit settles as
    /// much further above the knee.
    #[must_use]
    pub fn tolerance(mut self, times: f64) -> Self {
        self.tolerance = if times.is_nan() { 1.0 } else { times.clamp(1.0, 2.0) };
        self
    }

    /// How often the least latency is measured anew, 30 s by default.
    #[must_use]
    pub fn probe_every(mut self, interval: Duration) -> Self {
        self.probe_every = interval;
        self
    }

    /// Whether the attempt says anything of the server's latency.
    fn counts(&self, attempt: &Attempt) -> bool {
        match attempt.end {
            End::Served => true,
            // At least so long: as good as known where it is more than the median, and else nothing.
            End::TimedOut | End::Dropped => {
                self.last.is_some_and(|median| attempt.took.as_secs_f64() > median)
            }
            End::Throttled | End::Other => false,
        }
    }

    /// A window is over: learns the least latency from it, or takes a step by it.
    fn conclude(&mut self, Seen { median, used }: Seen, now: Instant) {
        // Of the limit as the line has it, in whole calls.
        let used = used as f64 / self.limit.floor();
        let quiet = used <= 0.5;
        self.last = Some(median.seconds);
        if self.probe.is_some() || (quiet && self.is_due(now)) {
            // Where everything takes longer than it did, the limit fell for no good reason.
            self.opening |= self.least.is_some_and(|least| median.seconds > least.seconds * SLOWER);
            self.least = Some(median);
            self.probe = None;
            self.probed = Some((now, self.limit));
            return;
        }
        if let Some(least) = &mut self.least {
            least.seconds += (median.seconds - least.seconds * CHANCE).min(0.0) / 2.0;
            // Not `hypot`, which is not the same to the last bit everywhere: a seed replays a run.
            let error = (least.error.powi(2) + median.error.powi(2)).sqrt();
            let gradient = (self.tolerance + error) * least.seconds / median.seconds;
            if !quiet {
                self.step(gradient, used);
            }
        } else {
            // Measured under load, so too much; but something to begin with.
            self.least = Some(median);
        }
        if !quiet && self.is_due(now) {
            self.probe = Some(self.bounds.hold(self.limit / 2.0));
        }
    }

    fn step(&mut self, gradient: f64, used: f64) {
        if self.opening && gradient < CHANCE {
            // The least latency is known from a few calls only: a probe is due.
            (self.opening, self.probed) = (false, None);
        }
        let step = if self.opening {
            self.limit * OPENING
        } else {
            let served = self.limit * gradient.clamp(0.5, 1.25);
            (served + self.limit.sqrt() * QUEUE - self.limit) * STEP
        };
        // What nobody uses proves nothing.
        if step < 0.0 || used >= 0.75 {
            self.limit = self.bounds.hold(self.limit + step);
        }
        if let Some((_, highest)) = &mut self.probed {
            *highest = highest.max(self.limit);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.probed.is_none_or(|(at, highest)| {
            now.saturating_duration_since(at) >= self.probe_every || self.limit < highest * FALLEN
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
                self.opening = false;
            }
            return;
        }
        // The crowd of before a probe is still leaving when it begins.
        let is_crowd = self.probe.is_some_and(|probe| attempt.in_flight as f64 > probe);
        if is_crowd || !self.counts(attempt) {
            return;
        }
        self.window.add(attempt.began, attempt.took, attempt.in_flight);
        let error = match self.probe {
            Some(_) => PROBE_EXACT,
            None if self.opening => ROUGH,
            None => EXACT,
        };
        if let Some(seen) = self.window.close(now, error) {
            self.conclude(seen, now);
        }
    }

    fn min_latency(&self) -> Option<Duration> {
        self.least.and_then(|least| Duration::try_from_secs_f64(least.seconds).ok())
    }
}
