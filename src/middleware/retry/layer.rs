use std::fmt;
use std::sync::Arc;

use tower::Layer;

use super::event::Hook;
use super::schedule::AnySchedule;
use super::{Budget, FullJitter, Policy, Retry, RetryEvent, Schedule, StandardPolicy};
use crate::call::{Clock, Rng, StatusClassifier};

/// Makes a service try again. See the [module](super) for when and how.
///
/// Every part has a default, and each can be replaced by itself. The services that one layer and
/// its clones make share one [`Budget`] and one sequence of random numbers.
///
/// ```
/// use std::time::Duration;
/// use http::StatusCode;
/// use twilio_proxy::call::Rng;
/// use twilio_proxy::middleware::retry::{FullJitter, RetryLayer, StandardPolicy};
///
/// let layer = RetryLayer::new()
///     .policy(StandardPolicy::new().max_attempts(3).retry_status(StatusCode::CONFLICT))
///     .schedule(FullJitter::new().base(Duration::from_millis(20)))
///     .on_retry(|event| eprintln!("attempt {} failed: {}", event.attempt, event.class.as_str()))
///     .rng(Rng::seeded(7));
/// # let _ = layer;
/// ```
///
/// # Errors
///
/// None of its own: what comes up is the last attempt's response or error, unchanged.
///
/// # Layer order
///
/// Inside the deadline, which then covers all attempts and the sleeps between them. Outside limits,
/// so that a sleeping call holds no permit; outside authorization, so that no secret sits in the
/// kept request and each attempt is signed anew; outside the attempt's span and timeout. A layer
/// above that sets headers or extensions makes each call dearer, not wrong: they are kept as well.
///
/// # Cancellation
///
/// A dropped future stops at once: the attempt inside is dropped, or the sleep. Tokens of a retry
/// that was not made yet go back to the budget.
#[derive(Clone)]
pub struct RetryLayer<C = StatusClassifier> {
    settings: Settings<C>,
}

/// What all calls through one layer share.
#[derive(Clone)]
pub(super) struct Settings<C> {
    pub(super) classifier: C,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) schedule: AnySchedule,
    pub(super) budget: Budget,
    pub(super) hook: Option<Hook>,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
}

impl RetryLayer {
    /// The defaults: [`StatusClassifier`], [`StandardPolicy`], [`FullJitter`], a full [`Budget`],
    /// the system's clock and an unpredictable generator.
    #[must_use]
    pub fn new() -> Self {
        Self {
            settings: Settings {
                classifier: StatusClassifier,
                policy: Arc::new(StandardPolicy::new()),
                schedule: AnySchedule::new(FullJitter::new()),
                budget: Budget::default(),
                hook: None,
                clock: Clock::system(),
                rng: Rng::random(),
            },
        }
    }
}

impl<C> RetryLayer<C> {
    /// Who judges responses: the place for a vendor's rules.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> RetryLayer<D> {
        let Settings { policy, schedule, budget, hook, clock, rng, .. } = self.settings;
        let settings = Settings { classifier, policy, schedule, budget, hook, clock, rng };
        RetryLayer { settings }
    }

    /// Who decides what is tried again, and how often.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.settings.policy = Arc::new(policy);
        self
    }

    /// How attempts are spaced.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule) -> Self {
        self.settings.schedule = AnySchedule::new(schedule);
        self
    }

    /// How many retries all calls together may make. One budget an endpoint: hand the same one to
    /// two layers only if they load the same server.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.settings.budget = budget;
        self
    }

    /// The budget, to look at.
    #[must_use]
    pub fn shared_budget(&self) -> &Budget {
        &self.settings.budget
    }

    /// A function that sees every retry before the call sleeps. It runs on the caller's task, so it
    /// must not block. A second one replaces the first.
    #[must_use]
    pub fn on_retry(mut self, hook: impl Fn(&RetryEvent) + Send + Sync + 'static) -> Self {
        self.settings.hook = Some(Hook::new(hook));
        self
    }

    /// The clock that dates in `Retry-After` are read by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Where jitter comes from; a seeded generator replays a run.
    #[must_use]
    pub fn rng(mut self, rng: Rng) -> Self {
        self.settings.rng = rng;
        self
    }
}

impl Default for RetryLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone, C: Clone> Layer<S> for RetryLayer<C> {
    type Service = Retry<S, C>;

    fn layer(&self, inner: S) -> Retry<S, C> {
        Retry::new(inner, self.settings.clone())
    }
}

impl<C> fmt::Debug for RetryLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("settings", &self.settings).finish()
    }
}

impl<C> fmt::Debug for Settings<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("budget", &self.budget).finish_non_exhaustive()
    }
}
