use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The one source of randomness: clones draw from one sequence, and a seed replays a run.
///
/// A lock guards the generator. It is held for one multiplication and taken only where a draw is
/// needed (a retry's jitter, never a call that goes well), so it is no bottleneck.
#[derive(Clone, Debug)]
pub struct Rng {
    generator: Arc<Mutex<fastrand::Rng>>,
}

impl Rng {
    /// A generator whose whole sequence follows from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { generator: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))) }
    }

    /// A generator that starts somewhere unpredictable.
    #[must_use]
    pub fn random() -> Self {
        Self { generator: Arc::new(Mutex::new(fastrand::Rng::new())) }
    }

    /// Any 64 bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.draw(|generator| generator.u64(..))
    }

    /// A number in `0.0..1.0`.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.draw(fastrand::Rng::f64)
    }

    /// A duration in `0..=most`, to the nanosecond, evenly spread.
    #[must_use]
    pub fn up_to(&self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.draw(|generator| generator.u64(..=nanos)))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        // A generator has no invariant that a panic elsewhere could break: go on with it.
        draw(&mut self.generator.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Rng {
    fn default() -> Self {
        Self::random()
    }
}
