/// The least and the most that a policy may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    min: usize,
    max: usize,
}

/// The most without a word about it: more than one server answers at once, few enough to bear a
/// policy's mistake. The same as Envoy's <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.proto>.
const MOST: usize = 1_000;

/// The most at all: an `f64` tells all whole numbers up to here from each other, with fractions to
/// spare, no process has so many calls under way, and it is a number on 32 bits as well.
const EVER: usize = u32::MAX as usize;

impl Default for Bounds {
    fn default() -> Self {
        Self::new(1, MOST)
    }
}

impl Bounds {
    pub(super) fn new(min: usize, max: usize) -> Self {
        let min = min.clamp(1, EVER);
        Self { min, max: max.clamp(min, EVER) }
    }

    /// Wide enough for this limit as well.
    pub(super) fn with(self, limit: usize) -> Self {
        Self::new(self.min.min(limit), self.max.max(limit))
    }

    /// The limit, or the bound that it is beyond. What is no number is the least.
    pub(super) fn hold(self, limit: f64) -> f64 {
        // In this order: `max` makes the least of what is no number, where `clamp` would keep it.
        limit.max(self.min as f64).min(self.max as f64)
    }
}
