use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::{Outcome, Stop};
use crate::call::{CallFacts, CallId, Class, FaultKind};

/// A retry that is about to be made: what failed, and how long the call now sleeps.
///
/// It has no URL, header or body in it, so it can go to any log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryEvent {
    /// The attempt that failed; the first is 1.
    pub attempt: u32,
    /// How it failed.
    pub class: Class,
    /// The status, where a response came.
    pub status: Option<StatusCode>,
    /// The kind of fault, where an error came that has one.
    pub fault: Option<FaultKind>,
    /// The sleep before the next attempt.
    pub delay: Duration,
    /// The operation's name; empty for a request that no gateway made.
    pub operation: &'static str,
    /// The call's name, if it has one.
    pub id: Option<CallId>,
}

impl RetryEvent {
    pub(super) fn new(outcome: &Outcome, delay: Duration, facts: &CallFacts) -> Self {
        Self {
            attempt: outcome.attempt,
            class: outcome.class,
            status: outcome.status,
            fault: outcome.fault,
            delay,
            operation: outcome.operation,
            id: facts.id(),
        }
    }

    pub(super) fn trace(&self) {
        tracing::debug!(
            operation = self.operation,
            call = self.id.as_ref().map(tracing::field::display),
            attempt = self.attempt,
            class = self.class.as_str(),
            status = self.status.map(|status| status.as_u16()),
            fault = self.fault.as_ref().map(tracing::field::debug),
            delay = ?self.delay,
            "the attempt failed: trying again"
        );
    }
}

/// Says that a call was worth another attempt and got none.
pub(super) fn trace_stop(outcome: &Outcome, reason: Stop, facts: &CallFacts) {
    if reason == Stop::Final {
        return;
    }
    tracing::debug!(
        operation = outcome.operation,
        call = facts.id().as_ref().map(tracing::field::display),
        attempt = outcome.attempt,
        class = outcome.class.as_str(),
        status = outcome.status.map(|status| status.as_u16()),
        fault = outcome.fault.as_ref().map(tracing::field::debug),
        retry_after = outcome.retry_after.as_ref().map(tracing::field::debug),
        reason = reason.as_str(),
        "the attempt failed: giving up"
    );
}

impl Outcome {
    /// Why an attempt is made again, in one of a few words.
    pub(super) fn reason(&self) -> &'static str {
        if self.stale_credentials { "stale_credentials" } else { self.class.as_str() }
    }
}

/// The caller's function that sees every retry.
#[derive(Clone)]
pub(super) struct Hook(Arc<dyn Fn(&RetryEvent) + Send + Sync>);

impl Hook {
    pub(super) fn new(hook: impl Fn(&RetryEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn see(&self, event: &RetryEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
