//! How long the server took for an attempt, our own queues left out.

use std::sync::Arc;

use tokio::time::Instant;

use crate::call::CallFacts;

/// Times one attempt for a layer that stands above our queues.
///
/// The facts say when the latest attempt left the queues. Attempts side by side, as hedges are, share the
/// facts, so the moment is noted as soon as it is there: [`look`](Self::look) belongs right after the
/// inner `call`, and after each poll of the inner future.
#[derive(Debug)]
pub(super) struct Stopwatch {
    facts: Option<Arc<CallFacts>>,
    called: Instant,
    started: Option<Instant>,
}

impl Stopwatch {
    /// For an attempt that is about to be called.
    pub(super) fn new(facts: Option<Arc<CallFacts>>, called: Instant) -> Self {
        Self { facts, called, started: None }
    }

    /// Notes the moment when the attempt left the queues, once it has.
    pub(super) fn look(&mut self) {
        if self.started.is_none() {
            let started = self.facts.as_ref().and_then(|facts| facts.attempt_started());
            // An earlier moment is an earlier attempt's.
            self.started = started.filter(|started| *started >= self.called);
        }
    }

    /// Since when the server has had the attempt. Where no layer below says so, since it was called;
    /// `None` while it is known to wait in a queue of ours.
    pub(super) fn started(&self) -> Option<Instant> {
        self.started.or_else(|| {
            let waits = self.facts.as_ref().is_some_and(|facts| facts.is_queued());
            (!waits).then_some(self.called)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::Idempotency;

    #[tokio::test(start_paused = true)]
    async fn the_time_in_queues_is_left_out() {
        let facts = Arc::new(CallFacts::new("", Idempotency::Safe));
        facts.mark_attempt_started(Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut watch = Stopwatch::new(Some(Arc::clone(&facts)), Instant::now());
        facts.enter_queue();
        watch.look();
        assert_eq!(watch.started(), None, "the first attempt's moment is not this one's");
        tokio::time::advance(Duration::from_secs(1)).await;
        facts.leave_queue();
        let left = Instant::now();
        facts.mark_attempt_started(left);
        watch.look();
        // A hedge beside it begins later, on the same facts.
        tokio::time::advance(Duration::from_secs(1)).await;
        facts.mark_attempt_started(Instant::now());
        watch.look();
        assert_eq!(watch.started(), Some(left));
    }

    #[tokio::test(start_paused = true)]
    async fn without_facts_an_attempt_begins_when_it_is_called() {
        let called = Instant::now();
        let mut watch = Stopwatch::new(None, called);
        tokio::time::advance(Duration::from_secs(1)).await;
        watch.look();
        assert_eq!(watch.started(), Some(called));
    }
}
