use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower::Service;

use super::budget::Stake;
use super::event::{RetryEvent, trace_stop};
use super::schedule::Pace;
use super::service::Shared;
use super::{Outcome, Stop, Verdict};
use crate::call::{CallFacts, CallOptions, Class, Classifier, Effect, Fault, Raise, retry_after};
use crate::middleware::observe::meter;
use crate::middleware::replay::Replay;

pin_project! {
    /// The response of a [`Retry`](super::Retry): that of the last attempt.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, C>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        step: Step<S, S::Future>,
        course: Course<S, C>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, F> {
        /// An attempt is under way.
        Trying { #[pin] attempt: F },
        /// The attempt and all that came of it are dropped; the next one's time has not come.
        Sleeping { #[pin] sleep: Sleep },
        /// It has come, and the service is not ready yet.
        Readying { service: S },
    }
}

/// One call on its way: what is kept to try again, and what was spent so far.
struct Course<S, C> {
    replay: Replay,
    facts: Arc<CallFacts>,
    shared: Arc<Shared<S, C>>,
    attempt: u32,
    /// How many attempts were accounted for when this one began.
    accounted: u32,
    pace: Option<Pace>,
    stake: Option<Stake>,
    /// The call has had its one attempt with renewed credentials.
    renewed: bool,
}

impl<S, C> ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(super) fn new(
        ready: &mut S,
        request: Request<Full<Bytes>>,
        facts: Arc<CallFacts>,
        shared: Arc<Shared<S, C>>,
    ) -> Self {
        let replay = Replay::of(&request);
        let (pace, stake) = (None, None);
        let (attempt, accounted, renewed) = (0, 0, false);
        let mut course = Course { replay, facts, shared, attempt, accounted, pace, stake, renewed };
        course.begin_attempt();
        Self { step: Step::Trying { attempt: ready.call(request) }, course }
    }
}

impl<S, C, B> Future for ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Raise,
    C: Classifier<B>,
{
    type Output = Result<Response<B>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Trying { attempt } => {
                    let result = ready!(attempt.poll(cx));
                    let Some(delay) = this.course.judge(&result) else {
                        return Poll::Ready(result);
                    };
                    // A body left unread would hold its connection while we sleep.
                    drop(result);
                    this.step.set(if delay.is_zero() {
                        Step::Readying { service: this.course.shared.instance() }
                    } else {
                        Step::Sleeping { sleep: tokio::time::sleep(delay) }
                    });
                }
                StepProjection::Sleeping { sleep } => {
                    ready!(sleep.poll(cx));
                    this.step.set(Step::Readying { service: this.course.shared.instance() });
                }
                StepProjection::Readying { service } => {
                    ready!(service.poll_ready(cx))?;
                    let attempt = service.call(this.course.next_request());
                    this.step.set(Step::Trying { attempt });
                }
            }
        }
    }
}

impl<S, C> Course<S, C> {
    fn begin_attempt(&mut self) {
        self.attempt += 1;
        self.accounted = self.facts.accounted();
        self.facts.begin_attempt();
    }

    /// Reports the attempt that has ended, where nobody below has: over a transport that doesn't,
    /// with no [`Collect`](crate::middleware::collect::Collect) to do so in its stead. Else this
    /// attempt would be forgotten as soon as the next one waits in a queue.
    fn report(&self, effect: Effect, answered: bool) {
        // Somebody reported it, or it ended in a queue of ours.
        if self.facts.accounted() != self.accounted {
            return;
        }
        self.facts.mark_reached();
        match (answered, effect) {
            // Refused in this process, or by the fault's word never taken up by the server.
            (false, Effect::None) => {}
            (true, Effect::None) => {
                self.facts.mark_sent();
                self.facts.mark_harmless();
            }
            _ => self.facts.mark_sent(),
        }
    }

    fn next_request(&mut self) -> Request<Full<Bytes>> {
        if let Some(stake) = &mut self.stake {
            stake.made();
        }
        self.begin_attempt();
        self.replay.request(&self.facts)
    }

    /// How long to sleep before the next attempt, or `None` if what came is the answer.
    fn judge<B, E>(&mut self, result: &Result<Response<B>, E>) -> Option<Duration>
    where
        C: Classifier<B>,
        E: Raise,
    {
        let outcome = match result {
            Ok(response) => {
                let class = self.shared.settings.classifier.classify(response);
                let effect = effect_of(class, response.status());
                self.report(effect, true);
                if class == Class::Success {
                    self.settle();
                    return None;
                }
                let status = response.status();
                Outcome {
                    status: Some(status),
                    // Taken in any case, so that no later attempt finds the mark of this one.
                    stale_credentials: status == StatusCode::UNAUTHORIZED
                        && self.facts.take_stale_credentials()
                        && !self.renewed,
                    retry_after: retry_after(response.headers(), &self.shared.settings.clock),
                    ..self.outcome(class, effect)
                }
            }
            Err(error) => {
                let fault = Fault::find(error.as_ref());
                // An error that is none of ours proves nothing: the server may have acted.
                let class = fault.map_or(Class::Interrupted, Fault::class);
                let effect = fault.map_or(Effect::Unknown, Fault::effect);
                self.report(effect, false);
                Outcome {
                    fault: fault.map(Fault::kind),
                    status: fault.and_then(Fault::status),
                    retry_after: fault.and_then(Fault::retry_after),
                    ..self.outcome(class, effect)
                }
            }
        };
        match self.plan(&outcome) {
            Ok(delay) => {
                let event = RetryEvent::new(&outcome, delay, &self.facts);
                event.trace();
                meter::retried(outcome.operation, outcome.reason());
                self.facts.mark_failed(outcome.class);
                if let Some(hook) = &self.shared.settings.hook {
                    hook.see(&event);
                }
                Some(delay)
            }
            Err(reason) => {
                trace_stop(&outcome, reason, &self.facts);
                if reason != Stop::Final {
                    meter::denied(outcome.operation, reason.as_str());
                }
                None
            }
        }
    }

    /// A first success earns a token, a retry's success gets back what the retry cost.
    fn settle(&mut self) {
        match self.stake.take() {
            Some(stake) => stake.won(),
            None => self.shared.settings.budget.deposit(1),
        }
    }

    fn outcome(&self, class: Class, effect: Effect) -> Outcome {
        let now = self.shared.settings.clock.now();
        Outcome {
            wanted_attempts: self.facts.options().and_then(CallOptions::wanted_attempts),
            replayable: self.facts.is_replayable(),
            remaining: self.facts.deadline().map(|at| at.saturating_duration_since(now)),
            operation: self.facts.operation(),
            ..Outcome::new(class, effect, self.attempt)
        }
    }

    /// The delay, once the policy, the schedule, the deadline and the budget all agree. The budget
    /// is asked last, so that nothing is taken for a retry that is not made.
    fn plan(&mut self, outcome: &Outcome) -> Result<Duration, Stop> {
        let settings = &self.shared.settings;
        let floor = match settings.policy.decide(outcome) {
            Verdict::Retry { after } => after,
            Verdict::Stop(reason) => return Err(reason),
        };
        if outcome.stale_credentials {
            // At once, and free: it happens once a call, and what it costs the server is bounded by
            // how often credentials are renewed.
            self.renewed = true;
            return match outcome.remaining {
                Some(remaining) if floor >= remaining => Err(Stop::Deadline),
                _ => Ok(floor),
            };
        }
        let pace = self.pace.get_or_insert_with(|| settings.schedule.start(&settings.rng));
        let spread = pace(outcome.class).ok_or(Stop::Schedule)?;
        let delay = floor.saturating_add(spread);
        if outcome.remaining.is_some_and(|remaining| delay >= remaining) {
            return Err(Stop::Deadline);
        }
        self.stake = Some(settings.budget.stake(outcome.class).ok_or(Stop::Budget)?);
        Ok(delay)
    }
}

/// What the status proves, unless the classifier knows better: a vendor may say "later" with any
/// status, and another's 4xx may leave something behind.
fn effect_of(class: Class, status: StatusCode) -> Effect {
    match class {
        Class::Throttled | Class::NeverSent | Class::Local => Effect::None,
        Class::Unavailable | Class::Interrupted => Effect::of_status(status).max(Effect::Unknown),
        _ => Effect::of_status(status),
    }
}

impl<S, C> fmt::Debug for ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Trying { .. } => "trying",
            Step::Sleeping { .. } => "sleeping",
            Step::Readying { .. } => "readying",
        };
        f.debug_struct("ResponseFuture")
            .field("attempt", &self.course.attempt)
            .field("step", &step)
            .finish_non_exhaustive()
    }
}
