use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::{Extensions, Request};
use tokio::time::Instant;

use self::moment::Moment;
use self::vigil::Vigil;
use super::{CallId, CallKey, CallOptions, Class, Effect, Idempotency, Sid};

/// What is known of a call, shared by every layer: one extension of the request, `Arc<CallFacts>`.
///
/// The first half is said once, when the call is encoded. The second half are counters that only
/// grow, so that a layer which drops the future inside it still reads the truth, and attempts that
/// run side by side can share them. [`CallFacts::effect`] is the sum of it.
pub struct CallFacts {
    operation: &'static str,
    template: &'static str,
    content_type: Option<&'static str>,
    idempotency: Idempotency,
    key: CallKey,
    id: Option<CallId>,
    options: Option<Box<CallOptions>>,

    started: Instant,
    /// Nanoseconds after `started`; `u64::MAX` for none.
    deadline: AtomicU64,
    /// Nanoseconds after `started`; `u64::MAX` before the first.
    attempt_started: AtomicU64,
    /// One more than the number of the endpoint; 0 for none.
    endpoint: AtomicU32,
    /// How many attempts had not been sent when the endpoint was chosen.
    missed_before: AtomicU32,
    attempts: AtomicU32,
    /// A bit for each class.
    failures: AtomicU32,
    queued: AtomicU32,
    unqueued: AtomicU32,
    reached: AtomicU32,
    sent: AtomicU32,
    harmless: AtomicU32,
    stale: AtomicU32,
    moment: Moment,
    vigil: Vigil,
}

impl CallFacts {
    /// The facts of a call that begins now.
    #[must_use]
    pub fn new(operation: &'static str, idempotency: Idempotency) -> Self {
        Self {
            operation,
            template: "",
            content_type: None,
            idempotency,
            key: CallKey { operation, ..CallKey::default() },
            id: None,
            options: None,
            started: Instant::now(),
            deadline: AtomicU64::new(u64::MAX),
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

    /// Adds the URL template, such as `/v1/Services/{ServiceSid}/Sessions`: the name of the path without its values.
    #[must_use]
    pub fn with_template(mut self, template: &'static str) -> Self {
        self.template = template;
        self
    }

    /// Adds the media type of the request's body, for the layer that sets headers.
    #[must_use]
    pub fn with_content_type(mut self, media_type: &'static str) -> Self {
        self.content_type = Some(media_type);
        self
    }

    /// Adds the resource that quotas are counted by.
    #[must_use]
    pub fn with_scope(mut self, scope: Option<Sid>) -> Self {
        self.key.scope = scope;
        self
    }

    /// Adds the account that quotas are counted by.
    #[must_use]
    pub fn with_account(mut self, account: Option<Sid>) -> Self {
        self.key.account = account;
        self
    }

    /// Adds the call's name.
    #[must_use]
    pub fn with_id(mut self, id: CallId) -> Self {
        self.id = Some(id);
        self
    }

    /// Adds the call's own wishes.
    #[must_use]
    pub fn with_options(mut self, options: Option<Box<CallOptions>>) -> Self {
        let authorization = options.as_ref().and_then(|options| options.wanted_authorization());
        if let Some(authorization) = authorization {
            self.key.account = authorization.account();
        }
        self.options = options;
        self
    }

    /// The facts that a request carries.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Arc<Self>> {
        extensions.get()
    }

    /// The facts that a request carries, made from its method where it carries none: so every layer
    /// works over requests that no gateway made.
    pub fn ensure<B>(request: &mut Request<B>) -> Arc<Self> {
        if let Some(facts) = Self::of(request.extensions()) {
            return Arc::clone(facts);
        }
        let facts = Arc::new(Self::new("", Idempotency::of_method(request.method())));
        request.extensions_mut().insert(Arc::clone(&facts));
        facts
    }

    /// The operation's name, such as `sessions.create`; empty for a request that no gateway made.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The URL template; empty where unknown.
    #[must_use]
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The media type of the request's body.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
        self.content_type
    }

    /// Whether the call may be repeated.
    #[must_use]
    pub fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    /// Whether an attempt of unknown effect may be repeated: by the operation, or by the call's own wish.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        let wish = self.options().and_then(CallOptions::wanted_replay);
        wish.unwrap_or_else(|| self.idempotency.is_replayable())
    }

    /// What quotas are counted by.
    #[must_use]
    pub fn key(&self) -> CallKey {
        self.key
    }

    /// The call's name, if it was given one.
    #[must_use]
    pub fn id(&self) -> Option<CallId> {
        self.id
    }

    /// The call's own wishes.
    #[must_use]
    pub fn options(&self) -> Option<&CallOptions> {
        self.options.as_deref()
    }

    /// Who goes first when a queue is long.
    #[must_use]
    pub fn priority(&self) -> super::Priority {
        self.options().map(CallOptions::wanted_priority).unwrap_or_default()
    }

    /// When the call began.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The moment by which the call must be over.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.at_nanos(self.deadline.load(Relaxed))
    }

    /// Brings the deadline forward to `at`; a later one than is set already changes nothing.
    pub fn tighten_deadline(&self, at: Instant) {
        self.deadline.fetch_min(self.nanos_at(at), Relaxed);
    }

    /// Counts an attempt in and returns its number; the first is 1.
    pub fn begin_attempt(&self) -> u32 {
        self.attempts.fetch_add(1, Relaxed) + 1
    }

    /// How many attempts have begun: as retry counts them, or the transport where there is no retry.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        match self.attempts.load(Relaxed) {
            0 => self.reached(),
            attempts => attempts,
        }
    }

    /// An attempt has ended so, and another will follow it: said by the layer that tries again,
    /// before it pauses.
    pub fn mark_failed(&self, class: Class) {
        self.failures.fetch_or(1 << class as u32, Relaxed);
    }

    /// Whether any attempt has failed and was, or will be, followed by another.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failures.load(Relaxed) != 0
    }

    /// Whether any such attempt ended with this class.
    #[must_use]
    pub fn has_failed_as(&self, class: Class) -> bool {
        self.failures.load(Relaxed) & (1 << class as u32) != 0
    }

    /// An attempt leaves our queues at this moment: from here on it is the server that takes time.
    /// Once an attempt, by the lowest layer that reads the clock.
    pub fn mark_attempt_started(&self, at: Instant) {
        self.attempt_started.store(self.nanos_at(at), Relaxed);
    }

    /// When the latest attempt left our queues.
    #[must_use]
    pub fn attempt_started(&self) -> Option<Instant> {
        self.at_nanos(self.attempt_started.load(Relaxed))
    }

    /// Notes which of several endpoints the call goes to, by its number in the caller's list.
    pub fn set_endpoint(&self, number: u32) {
        self.missed_before.store(self.missed(), Relaxed);
        self.endpoint.store(number.saturating_add(1), Relaxed);
    }

    /// How many attempts have got as far as a transport, and no further.
    pub(crate) fn missed(&self) -> u32 {
        self.reached().saturating_sub(self.sent())
    }

    /// Whether one of them was meant for the endpoint that the call went to last.
    pub(crate) fn has_missed_endpoint(&self) -> bool {
        self.missed() > self.missed_before.load(Relaxed)
    }

    /// Which of several endpoints the call went to last.
    #[must_use]
    pub fn endpoint(&self) -> Option<u32> {
        self.endpoint.load(Relaxed).checked_sub(1)
    }

    /// A queue of ours holds the call: it has not gone further down.
    pub fn enter_queue(&self) {
        self.queued.fetch_add(1, Relaxed);
    }

    /// The queue has let the call go on. A call that is dropped in the queue never says so.
    pub fn leave_queue(&self) {
        self.unqueued.fetch_add(1, Relaxed);
    }

    /// Whether a queue of ours holds the call now.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.queued.load(Relaxed) > self.unqueued.load(Relaxed)
    }

    /// The attempt has reached a transport that will say whether it was sent. Once an attempt, by
    /// the transport, inside its `call`; or later by a layer in its stead.
    pub fn mark_reached(&self) {
        self.reached.fetch_add(1, Relaxed);
    }

    /// How many attempts have reached such a transport.
    #[must_use]
    pub fn reached(&self) -> u32 {
        self.reached.load(Relaxed)
    }

    /// The attempt may have left this process. Once an attempt, by the transport.
    pub fn mark_sent(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    /// How many attempts may have left this process.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.sent.load(Relaxed)
    }

    /// An attempt that was sent turned out to have done nothing. Once an attempt, by the transport.
    pub fn mark_harmless(&self) {
        self.harmless.fetch_add(1, Relaxed);
    }

    /// Whether any attempt was sent and not answered with a refusal: it may have acted.
    #[must_use]
    pub fn any_unknown(&self) -> bool {
        self.sent.load(Relaxed) > self.harmless.load(Relaxed)
    }

    /// The server did not accept an attempt's credentials (401), and there are others by now: said
    /// by the layer that put them on, for the one that tries again.
    pub fn mark_stale_credentials(&self) {
        self.stale.fetch_add(1, Relaxed);
    }

    /// Whether an attempt had stale credentials; each mark is taken once. The one thing in here that
    /// is taken back: tries of a call side by side share the facts, and each is to find its own.
    #[must_use]
    pub fn take_stale_credentials(&self) -> bool {
        self.stale.fetch_update(Relaxed, Relaxed, |marks| marks.checked_sub(1)).is_ok()
    }

    /// How many attempts somebody vouches for: a transport that has had them, or a queue of ours
    /// that they have not left.
    pub(crate) fn accounted(&self) -> u32 {
        let waiting = self.queued.load(Relaxed).saturating_sub(self.unqueued.load(Relaxed));
        self.reached().saturating_add(waiting)
    }

    /// What the call may have done so far, if it were given up now.
    ///
    /// An attempt that no transport has reported and no queue of ours holds may be anywhere:
    /// unknown. It is enough that one of them is.
    #[must_use]
    pub fn effect(&self) -> Effect {
        // Where nothing counts attempts there is one.
        let begun = self.attempts.load(Relaxed).max(1);
        if self.any_unknown() || self.accounted() < begun { Effect::Unknown } else { Effect::None }
    }

    fn at_nanos(&self, nanos: u64) -> Option<Instant> {
        match nanos {
            u64::MAX => None,
            nanos => self.started.checked_add(Duration::from_nanos(nanos)),
        }
    }

    fn nanos_at(&self, at: Instant) -> u64 {
        // One short of the mark for "none": 584 years are as good as any deadline.
        let nanos = at.saturating_duration_since(self.started).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX).min(u64::MAX - 1)
    }
}

impl fmt::Debug for CallFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFacts")
            .field("operation", &self.operation)
            .field("idempotency", &self.idempotency)
            .field("key", &self.key)
            .field("attempts", &self.attempts())
            .field("effect", &self.effect())
            .finish_non_exhaustive()
    }
}

mod moment;
mod shared;
#[cfg(test)]
mod tests;
mod vigil;
