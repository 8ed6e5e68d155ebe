//! One attempt, from the breaker's leave to the verdict.

use std::sync::Arc;

use http::Response;
use tokio::time::Instant;

use super::circuit::{Circuit, End};
use super::machine::{Refusal, Ticket};
use super::settings::nanos;
use crate::call::{CallFacts, Class, Classifier, Fault, FaultKind, Raise};
use crate::middleware::stopwatch::Stopwatch;

/// An attempt under way. Dropped before its end, it gives back what it holds.
#[derive(Debug)]
pub(super) struct Attempt {
    circuit: Arc<Circuit>,
    ticket: Ticket,
    time: Time,
    ended: bool,
}

/// Since when the server has had the attempt.
#[derive(Debug)]
enum Time {
    /// The service below has not been called. The facts may hold the moment of an earlier attempt, until
    /// this one's takes its place.
    Before {
        facts: Option<Arc<CallFacts>>,
        earlier: Option<Instant>,
    },
    /// It may still wait in a queue of ours, or nobody below says when it left one.
    Watched(Stopwatch),
    Since(Instant, Arc<CallFacts>),
}

impl Attempt {
    /// Asks the circuit for leave, right before the service below is called.
    pub(super) fn begin(
        circuit: Arc<Circuit>,
        facts: Option<Arc<CallFacts>>,
    ) -> Result<Self, Refusal> {
        let ticket = circuit.enter(|| circuit.context().at(Instant::now()))?;
        let earlier = facts.as_ref().and_then(|facts| facts.attempt_started());
        Ok(Self { circuit, ticket, time: Time::Before { facts, earlier }, ended: false })
    }

    /// The service below has been called.
    pub(super) fn called(&mut self) {
        let Time::Before { facts, earlier } = &mut self.time else { return };
        let marked = facts.as_ref().and_then(|facts| facts.attempt_started());
        let is_new = marked != *earlier;
        self.time = match (marked, facts.take()) {
            // Nothing queued it, and the timeout below has just looked at the clock: once is enough.
            (Some(moment), Some(facts)) if is_new => Time::Since(moment, facts),
            (_, facts) => Time::Watched(Stopwatch::new(facts, Instant::now())),
        };
    }

    /// The future below has been polled and goes on.
    pub(super) fn look(&mut self) {
        if let Time::Watched(watch) = &mut self.time {
            watch.look();
        }
    }

    /// The attempt is over.
    pub(super) fn end(&mut self, end: End) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.look();
        let (started, now) = match &self.time {
            Time::Before { .. } => (None, Instant::now()),
            Time::Watched(watch) => (watch.started(), Instant::now()),
            Time::Since(moment, facts) => (Some(*moment), facts.now()),
        };
        let took = started.map(|started| nanos(now.saturating_duration_since(started)));
        self.circuit.end(self.ticket, end, took, self.circuit.context().at(now));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end(End::Dropped);
    }
}

/// What the end of an attempt says of the server.
pub(super) fn judge<B, E, C>(result: &Result<Response<B>, E>, classifier: &C) -> End
where
    E: Raise,
    C: Classifier<B>,
{
    let class = match result {
        Ok(response) => classifier.classify(response),
        Err(error) => match Fault::find(error.as_ref()) {
            // A deadline below this layer dropped the attempt, as one above would have.
            Some(fault) if fault.kind() == FaultKind::Deadline => return End::Dropped,
            Some(fault) => fault.class(),
            // It came from further down, and nobody knows more.
            None => Class::Interrupted,
        },
    };
    match class {
        Class::Success => End::Success,
        Class::Unavailable | Class::Interrupted | Class::NeverSent => End::Failure,
        Class::Refused | Class::Throttled => End::Answered,
        Class::Local => End::Unjudged,
    }
}
