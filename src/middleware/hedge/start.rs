use tokio::time::Instant;

use crate::call::CallFacts;

/// Since when the server has had the first try.
///
/// The facts say when an attempt left our queues. Beside a hedge they say it of the later one, so the
/// moment is noted while the first try is alone. What tells this attempt's moment from one before the
/// call is that it is another: so no clock is read where a layer below reads it anyway.
#[derive(Debug)]
pub(super) struct Start {
    before: Option<Instant>,
    at: Option<Instant>,
    is_marked: bool,
}

impl Start {
    /// For a try that is about to be called.
    pub(super) fn before(facts: &CallFacts) -> Self {
        Self { before: facts.attempt_started(), at: None, is_marked: false }
    }

    /// A second try begins beside it: what the facts say from here on may be said of that one.
    pub(super) fn settle(&mut self) {
        self.is_marked = true;
    }

    /// Notes the moment, if it has come, and returns it: for right after the call and each poll.
    /// `None` while the try is known to be in a queue of ours.
    pub(super) fn look(&mut self, facts: &CallFacts) -> Option<Instant> {
        if self.is_marked {
            return self.at;
        }
        let mark = facts.attempt_started();
        if mark != self.before {
            (self.at, self.is_marked) = (mark, true);
        } else if facts.is_queued() {
            self.at = None;
        } else if self.at.is_none() {
            // Nobody below says when, or nobody yet: it begins when it is first seen outside a queue.
            self.at = Some(Instant::now());
        }
        self.at
    }
}
