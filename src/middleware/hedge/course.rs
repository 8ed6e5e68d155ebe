use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, Sleep};
use tower::Service;

use super::layer::Common;
use super::second::Second;
use super::start::Start;
use crate::call::{CallFacts, Class, Classifier, Fault, Raise};
use crate::middleware::replay::Replay;

/// One call on its way: whether a second try may come, is under way, or has been.
pub(super) struct Course<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    common: Arc<Common<S, C>>,
    /// Always there where a second try may come.
    facts: Option<Arc<CallFacts>>,
    start: Option<Start>,
    /// The percentile to learn for; 0 for none.
    learns: u8,
    /// There while a second try may come.
    replay: Option<Replay>,
    plan: Plan<S>,
}

enum Plan<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    /// No second try, or none any more. The answer may still show that the server throttles.
    Alone,
    /// The first try is under way; a second one may come.
    Waiting { delay: Option<Duration> },
    /// Both tries are under way, or the first has failed and its outcome waits for the second's.
    Racing { second: Pin<Box<Second<S>>> },
    /// The second try has failed; the first is under way.
    Lost,
}

impl<S, C> Course<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    /// A call that is not to be hedged.
    pub(super) fn alone(common: Arc<Common<S, C>>, facts: Option<Arc<CallFacts>>) -> Self {
        Self { common, facts, start: None, learns: 0, replay: None, plan: Plan::Alone }
    }

    /// A call whose first try has just been called.
    pub(super) fn hedged(
        common: Arc<Common<S, C>>,
        facts: Arc<CallFacts>,
        replay: Replay,
        mut start: Start,
        learns: u8,
    ) -> Self {
        start.look(&facts);
        Self {
            common,
            facts: Some(facts),
            start: Some(start),
            learns,
            replay: Some(replay),
            plan: Plan::Waiting { delay: None },
        }
    }

    /// How the call stands, in a word.
    pub(super) fn state(&self) -> &'static str {
        match self.plan {
            Plan::Alone => "alone",
            Plan::Waiting { .. } => "waiting",
            Plan::Racing { .. } => "racing",
            Plan::Lost => "lost",
        }
    }

    /// Notes that the server throttles, if it does.
    fn observe(&self, class: Option<Class>) {
        let hidden = || self.facts.as_ref().is_some_and(|it| it.has_failed_as(Class::Throttled));
        if class == Some(Class::Throttled) || hidden() {
            self.common.shared.suspend();
        }
    }

    /// Notes how long the first try took, or has taken by now where the second was quicker: it would
    /// have taken longer, and so counts among the slow ones all the same.
    fn learn(&mut self) {
        let (Some(facts), Some(start)) = (&self.facts, &mut self.start) else { return };
        if self.learns == 0 {
            return;
        }
        // A call that retry repeated says nothing of how long one answer takes. Beside a second try
        // nobody knows which of the two was repeated; the first was slow then in any case.
        let is_raced = matches!(self.plan, Plan::Racing { .. } | Plan::Lost);
        if !is_raced && facts.has_failed() {
            return;
        }
        if let Some(began) = start.look(facts) {
            self.common.shared.learn(facts.operation(), began, self.learns);
        }
    }

    /// The first try has ended. Returns whether the call has.
    pub(super) fn first_ended<B>(&mut self, result: &Result<Response<B>, S::Error>) -> bool
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>>,
        S::Error: Raise,
        C: Classifier<B>,
    {
        let class = class_of(&self.common.classifier, result);
        self.observe(Some(class));
        if is_answer(class) {
            self.learn();
        } else if matches!(self.plan, Plan::Racing { .. }) {
            return false;
        }
        self.plan = Plan::Alone;
        true
    }
}

impl<S, C, B> Course<S, C>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Raise,
    C: Classifier<B>,
{
    /// The first try has not answered. Comes back with the second one's outcome, and whether that is
    /// an answer.
    pub(super) fn poll_second(
        &mut self,
        mut timer: Pin<&mut Option<Sleep>>,
        cx: &mut Context<'_>,
    ) -> Poll<(bool, <Second<S> as Future>::Output)> {
        if let Plan::Waiting { .. } = self.plan {
            match self.due() {
                Due::Later => return Poll::Pending,
                Due::Never => (self.replay, self.plan) = (None, Plan::Alone),
                Due::At(due) => {
                    ready!(poll_until(timer.as_mut(), due, cx));
                    self.begin_second();
                }
            }
            timer.set(None);
        }
        let Plan::Racing { second } = &mut self.plan else { return Poll::Pending };
        let result = ready!(second.as_mut().poll(cx));
        let class = class_of(&self.common.classifier, &result);
        self.observe(Some(class));
        let is_answer = is_answer(class);
        if is_answer {
            self.learn();
            self.common.shared.count_won();
        }
        self.plan = Plan::Lost;
        Poll::Ready((is_answer, result))
    }

    fn due(&mut self) -> Due {
        let (Plan::Waiting { delay }, Some(facts), Some(start)) =
            (&mut self.plan, &self.facts, &mut self.start)
        else {
            return Due::Never;
        };
        if facts.has_failed() {
            // It was not slow, it failed. Retry has a second try of its own in mind, after a pause that
            // a hedge would only make nonsense of.
            self.observe(None);
            return Due::Never;
        }
        // A queue of ours holds the call. When it lets go it polls the call, which gets here again.
        let Some(began) = start.look(facts) else { return Due::Later };
        if delay.is_none() {
            *delay = self.common.shared.delay(facts.operation(), began);
        }
        // No delay is known yet, or it ends when no clock goes any more.
        delay.and_then(|delay| began.checked_add(delay)).map_or(Due::Never, Due::At)
    }

    /// The time has come for a second try, if nothing speaks against one.
    fn begin_second(&mut self) {
        let plan = mem::replace(&mut self.plan, Plan::Alone);
        let (Plan::Waiting { delay }, Some(replay), Some(facts)) =
            (plan, self.replay.take(), &self.facts)
        else {
            return;
        };
        let shared = &self.common.shared;
        if facts.is_queued() || shared.terms().is_none() {
            return;
        }
        if !self.common.permits() {
            return shared.count_suspended();
        }
        let Some(stake) = shared.stake() else { return };
        if let Some(start) = &mut self.start {
            start.settle();
        }
        tracing::debug!(
            operation = facts.operation(),
            call = facts.id().as_ref().map(tracing::field::display),
            delay = delay.as_ref().map(tracing::field::debug),
            "no answer yet: a second try is started beside the first"
        );
        let second = Second::new(self.common.spare(), replay.request(facts), stake);
        self.plan = Plan::Racing { second: Box::pin(second) };
    }
}

/// When a second try is to be started.
enum Due {
    At(Instant),
    /// Nobody knows yet.
    Later,
    Never,
}

fn poll_until(
    mut timer: Pin<&mut Option<Sleep>>,
    until: Instant,
    cx: &mut Context<'_>,
) -> Poll<()> {
    match timer.as_mut().as_pin_mut() {
        None => timer.set(Some(tokio::time::sleep_until(until))),
        Some(timer) if timer.deadline() != until => timer.reset(until),
        Some(_) => {}
    }
    // OK because it was made just above, if it was not there.
    timer.as_pin_mut().map_or(Poll::Pending, |timer| timer.poll(cx))
}

fn class_of<B, E: Raise>(
    classifier: &impl Classifier<B>,
    result: &Result<Response<B>, E>,
) -> Class {
    match result {
        Ok(response) => classifier.classify(response),
        // An error that is none of ours proves nothing.
        Err(error) => Fault::find(error.as_ref()).map_or(Class::Interrupted, Fault::class),
    }
}

/// Whether the other try, or another one, could say nothing better.
fn is_answer(class: Class) -> bool {
    matches!(class, Class::Success | Class::Refused)
}
