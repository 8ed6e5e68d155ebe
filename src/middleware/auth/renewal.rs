//! Credentials that are asked for anew from time to time: one question at a time, however many calls
//! wait for the answer.
//!
//! No task asks. The question is a shared future that every call which wants its answer polls: those
//! that can't go without wait for it, and those that go with what is still good poll it beside their
//! own request. Whoever of them is dropped leaves it to the others, and the last leaves it to the next
//! call: calls may have less time than the way to a token takes, and if each began anew, none would
//! ever arrive. So there is at most one question, and it ends with its answer or with the provider.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::time::{Instant, timeout};

use super::grant::{Grant, Lifetime, pause};
use super::provider::{Pending, Provided, ProviderStatus, Supply};
use crate::call::{Authorization, Fault, FaultKind, Rng, Sid};

/// How long a question may take, whoever waits for it. Whoever answers has timeouts of his own;
/// this is for one who hasn't.
const LONGEST: Duration = Duration::from_secs(30);

/// How old a question may be that nobody has polled for a while. After that whatever timeouts there
/// are in it may be over, though it was not the server that was slow: it is asked anew.
const ABANDONED: Duration = Duration::from_secs(10);

/// How often, at most, a 401 has credentials thrown away or looked after. A server that takes none
/// must not make every call ask for new ones.
pub(super) const REJECTIONS_EVERY: Duration = Duration::from_secs(10);

/// Where credentials come from.
pub(super) trait Source: Send + Sync + 'static {
    /// What it is, in logs and health.
    const NAME: &'static str;
    /// Whether credentials that were not accepted may still be given out if there are no others:
    /// those of a person or a file, and not a token, of which there are always others.
    const KEEPS_REJECTED: bool;

    /// Asks. `afresh`: the answer of last time won't do, whatever it was.
    fn ask(&self, afresh: bool) -> Pending<Result<Grant, Fault>>;

    fn account(&self) -> Option<Sid>;

    /// The longest pause after failures.
    fn longest_pause(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// A source, and what is known of its answers. Clones are the same one.
pub(super) struct Renewal<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    source: T,
    rng: Rng,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    failure: Option<Failure>,
    failures: u32,
    question: Option<Question>,
    questions: u64,
    rejected: Option<Instant>,
}

struct Current {
    authorization: Option<Authorization>,
    since: Instant,
    lifetime: Lifetime,
}

struct Failure {
    fault: Fault,
    until: Instant,
}

/// A question that is under way.
struct Question {
    number: u64,
    asked: Instant,
    afresh: bool,
    answer: Shared<Pending<Supply>>,
}

impl<T: Source> Renewal<T> {
    pub(super) fn new(source: T, rng: Rng) -> Self {
        Self { inner: Arc::new(Inner { source, rng, state: Mutex::default() }) }
    }

    /// With an answer to begin with.
    pub(super) fn holding(source: T, rng: Rng, grant: &Grant) -> Self {
        let renewal = Self::new(source, rng);
        renewal.inner.lock().hold(grant, Instant::now(), &renewal.inner.rng);
        renewal
    }

    pub(super) fn source(&self) -> &T {
        &self.inner.source
    }

    pub(super) fn provide(&self) -> Provided {
        let now = Instant::now();
        // Dropped when the lock is not held any more: it may run anybody's code.
        let _dropped: Option<Question>;
        let mut state = self.inner.lock();
        let held = state.current.as_ref().filter(|current| current.lifetime.is_usable(now));
        let Some(current) = held else {
            let failed = state.failed(now);
            if let (Some(fault), None) = (failed, &state.question) {
                return Provided::failed(fault);
            }
            let (answer, dropped) = self.question(&mut state, now, false);
            _dropped = dropped;
            return Provided::later(answer);
        };
        let authorization = current.authorization.clone();
        if !current.lifetime.is_due(now) || state.failed(now).is_some() {
            return Provided::now(authorization);
        }
        let (answer, dropped) = self.question(&mut state, now, false);
        _dropped = dropped;
        Provided::now(authorization).meanwhile(answer.map(drop))
    }

    pub(super) fn rejected(&self, used: &Authorization) -> Pending<bool> {
        let now = Instant::now();
        let _dropped: (Option<Question>, Option<Current>);
        let mut state = self.inner.lock();
        let current = state.current.as_ref().filter(|current| current.lifetime.is_usable(now));
        if current.is_some_and(|current| current.authorization.as_ref() != Some(used)) {
            // The answer is late: these are others already.
            return Box::pin(std::future::ready(true));
        }
        let asking = state.question.as_ref().is_some_and(|question| question.afresh);
        if !asking {
            let soon = |at: Instant| now.saturating_duration_since(at) < REJECTIONS_EVERY;
            if state.rejected.is_some_and(soon) {
                return Box::pin(std::future::ready(false));
            }
            state.rejected = Some(now);
        }
        let taken = if T::KEEPS_REJECTED { None } else { state.current.take() };
        if state.failed(now).is_some() && !asking {
            _dropped = (None, taken);
            return Box::pin(std::future::ready(false));
        }
        let (answer, dropped) = self.question(&mut state, now, true);
        _dropped = (dropped, taken);
        let used = used.clone();
        Box::pin(answer.map(move |supply| matches!(supply, Ok(Some(new)) if new != used)))
    }

    /// Has the next call ask, whatever is held: the source is not what it was.
    pub(super) fn renew(&self) {
        let _dropped: Option<Question>;
        let mut state = self.inner.lock();
        (state.failure, state.failures) = (None, 0);
        // What is under way asks in the old way.
        _dropped = state.question.take();
        if let Some(current) = &mut state.current {
            current.lifetime.renewed_from = Some(Instant::now());
        }
    }

    pub(super) fn status(&self) -> ProviderStatus {
        let now = Instant::now();
        let state = self.inner.lock();
        let current = state.current.as_ref().filter(|current| current.lifetime.is_usable(now));
        ProviderStatus {
            source: T::NAME,
            age: current.map(|current| now.saturating_duration_since(current.since)),
            expires_in: current
                .and_then(|current| current.lifetime.used_until)
                .map(|end| end.saturating_duration_since(now)),
            failures: state.failures,
            problem: state.failure.as_ref().map(|failure| failure.fault.to_string()),
        }
    }

    /// The answer to wait for: of the question that is under way, or of a new one. And what that
    /// takes the place of.
    fn question(
        &self,
        state: &mut State,
        now: Instant,
        afresh: bool,
    ) -> (Shared<Pending<Supply>>, Option<Question>) {
        if let Some(question) = &state.question
            && !question.is_abandoned(now)
            // What a file held a moment ago is not what it holds now; any token will do.
            && (!afresh || question.afresh || !T::KEEPS_REJECTED)
        {
            return (question.answer.clone(), None);
        }
        state.questions += 1;
        let number = state.questions;
        // A provider that is dropped must not be kept by what it waits for.
        let inner = Arc::downgrade(&self.inner);
        let asking = self.inner.source.ask(afresh);
        let answer: Pending<Supply> = Box::pin(async move {
            // Whoever answers may be anybody's code: that it panicked is one more way to fail.
            let asked = AssertUnwindSafe(timeout(LONGEST, asking)).catch_unwind();
            let result = match asked.await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(fault("no credentials came within 30 s")),
                Err(_) => Err(fault("what supplies the credentials panicked")),
            };
            Inner::conclude(&inner, number, now, result)
        });
        let answer = answer.shared();
        let question = Question { number, asked: now, afresh, answer: answer.clone() };
        (answer, state.question.replace(question))
    }
}

fn fault(detail: &'static str) -> Fault {
    Fault::new(FaultKind::Credentials, detail)
}

impl Question {
    /// Nobody waits for it, and nobody has for so long that its answer can't be trusted.
    fn is_abandoned(&self, now: Instant) -> bool {
        let is_alone = self.answer.strong_count().is_none_or(|count| count <= 1);
        is_alone && now.saturating_duration_since(self.asked) > ABANDONED
    }
}

impl State {
    /// What the last question failed for, until the next may be asked.
    fn failed(&self, now: Instant) -> Option<Fault> {
        let failure = self.failure.as_ref().filter(|failure| now < failure.until)?;
        let left = failure.until.saturating_duration_since(now);
        Some(failure.fault.clone().with_retry_after(left))
    }

    fn hold(&mut self, grant: &Grant, asked: Instant, rng: &Rng) {
        let lifetime = Lifetime::of(grant, asked, rng);
        let authorization = grant.authorization.clone();
        self.current = Some(Current { authorization, since: Instant::now(), lifetime });
        (self.failure, self.failures) = (None, 0);
    }
}

impl<T: Source> Inner<T> {
    /// Notes the answer, before anybody has it.
    fn conclude(
        inner: &Weak<Self>,
        number: u64,
        asked: Instant,
        result: Result<Grant, Fault>,
    ) -> Supply {
        let Some(inner) = inner.upgrade() else { return result.map(|grant| grant.authorization) };
        let _dropped: Option<Question>;
        let mut state = inner.lock();
        // Only if it is still the one: another may have taken its place, whose answer counts.
        let listed = state.question.as_ref().is_some_and(|question| question.number == number);
        if !listed {
            return result.map(|grant| grant.authorization);
        }
        _dropped = state.question.take();
        match result {
            Ok(grant) => {
                state.hold(&grant, asked, &inner.rng);
                drop(state);
                tracing::debug!(source = T::NAME, took = ?asked.elapsed(), "credentials renewed");
                Ok(grant.authorization)
            }
            Err(fault) => {
                let failures = state.failures.saturating_add(1);
                let (wanted, longest) = (fault.retry_after(), inner.source.longest_pause());
                let wait = pause(failures, wanted, longest, &inner.rng);
                let until = Instant::now().checked_add(wait).unwrap_or(asked);
                state.failures = failures;
                state.failure = Some(Failure { fault: fault.clone(), until });
                drop(state);
                // The detail alone: what caused it may be anybody's error.
                tracing::warn!(
                    source = T::NAME,
                    failures,
                    again_in = ?wait,
                    problem = %fault,
                    "credentials could not be renewed"
                );
                Err(fault.with_retry_after(wait))
            }
        }
    }
}

impl<T> Inner<T> {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half-way through a change: the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Renewal<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: Source> fmt::Debug for Renewal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal").field("status", &self.status()).finish()
    }
}

/// Has a provider with a `renewal` supply what that holds: all that a provider of ours does itself is
/// how it is made, and how it asks.
macro_rules! provides_its_renewal {
    ($provider:ty) => {
        impl $crate::middleware::auth::ProvideAuthorization for $provider {
            fn provide(&self) -> $crate::middleware::auth::Provided {
                self.renewal.provide()
            }

            fn rejected(
                &self,
                used: &$crate::call::Authorization,
            ) -> $crate::middleware::auth::Pending<bool> {
                self.renewal.rejected(used)
            }

            fn account(&self) -> Option<$crate::call::Sid> {
                self.renewal.source().account()
            }

            fn status(&self) -> $crate::middleware::auth::ProviderStatus {
                self.renewal.status()
            }
        }
    };
}

pub(super) use provides_its_renewal;
