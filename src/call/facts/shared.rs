//! Facts of a call that several callers wait for, as coalesced reads are.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use tokio::time::Instant;

use super::moment::Moment;
use super::vigil::Vigil;
use super::{CallFacts, CallOptions};

impl CallFacts {
    /// Facts for a call that is made on behalf of this one, and perhaps of others: the same in all
    /// that was said when it was encoded, with nothing done yet.
    pub(crate) fn on_behalf(&self) -> Self {
        Self {
            operation: self.operation,
            template: self.template,
            content_type: self.content_type,
            idempotency: self.idempotency,
            key: self.key,
            id: self.id,
            options: self.options.clone(),
            started: self.started,
            deadline: AtomicU64::new(self.deadline.load(Relaxed)),
            attempt_started: AtomicU64::new(u64::MAX),
            endpoint: AtomicU32::new(0),
            missed_before: AtomicU32::new(0),
            attempts: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            unqueued: AtomicU32::new(0),
            reached: AtomicU32::new(0),
            sent: AtomicU32::new(0),
            harmless: AtomicU32::new(0),
            stale: AtomicU32::new(0),
            moment: Moment::new(),
            vigil: Vigil::new(),
        }
    }

    /// Puts the deadline off to `at`, or takes it away where there is none; an earlier one than is
    /// set already changes nothing. Only for a call that another caller has joined, who has more time.
    pub(crate) fn extend_deadline(&self, at: Option<Instant>) {
        let at = at.map_or(u64::MAX, |at| self.nanos_at(at));
        self.deadline.fetch_max(at, Relaxed);
    }

    /// Adds what was done so far by a call that was made on behalf of this one.
    pub(crate) fn absorb(&self, shared: &Self) {
        let add = |to: &AtomicU32, from: &AtomicU32| to.fetch_add(from.load(Relaxed), Relaxed);
        // What vouches for an attempt is read before what there is to vouch for: where the shared
        // call goes on meanwhile, its effect is unknown rather than none.
        add(&self.harmless, &shared.harmless);
        add(&self.reached, &shared.reached);
        add(&self.queued, &shared.queued);
        add(&self.unqueued, &shared.unqueued);
        add(&self.sent, &shared.sent);
        add(&self.attempts, &shared.attempts);
        self.failures.fetch_or(shared.failures.load(Relaxed), Relaxed);
        if let Some(at) = shared.attempt_started() {
            self.mark_attempt_started(at);
        }
        if let Some(number) = shared.endpoint() {
            self.set_endpoint(number);
        }
    }

    /// Whether a request of these facts is sent as one of `other` would be: all is equal that was
    /// said when they were encoded, apart from the call's id and how much time it has.
    pub(crate) fn goes_as(&self, other: &Self) -> bool {
        let same_wishes = match (self.options(), other.options()) {
            (None, None) => true,
            (Some(own), Some(others)) => own.goes_as(others),
            (Some(some), None) | (None, Some(some)) => some.goes_as(&CallOptions::new()),
        };
        same_wishes
            && self.key == other.key
            && self.idempotency == other.idempotency
            && self.template == other.template
            && self.content_type == other.content_type
    }
}
