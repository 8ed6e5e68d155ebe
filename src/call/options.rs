use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Sid, TraceContext};

/// What one call asks for that differs from the stack's settings.
///
/// Each part is read by the layer that it concerns; a stack without that layer ignores it.
#[derive(Clone, Default)]
pub struct CallOptions {
    deadline: Option<Duration>,
    max_attempts: Option<u32>,
    replay: Option<bool>,
    priority: Option<Priority>,
    when_limited: Option<WhenLimited>,
    headers: HeaderMap,
    form: Vec<(Cow<'static, str>, String)>,
    authorization: Option<Authorization>,
    continues: bool,
    endpoint: Option<u32>,
}

impl CallOptions {
    /// No wish at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the whole call may take, queues, attempts and back-off included; it replaces the
    /// deadline layer's own setting, longer or shorter.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within);
        self
    }

    /// How often the call may be tried, the first time included; 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Whether an attempt of unknown effect may be repeated, whatever the operation says of itself.
    ///
    /// `replay(true)` on a create without a UniqueName accepts that two sessions may come of it.
    #[must_use]
    pub fn replay(mut self, allowed: bool) -> Self {
        self.replay = Some(allowed);
        self
    }

    /// How long a queue the call may join, and whose place it may take when that is full.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Whether to queue at a rate limit or to be refused at once.
    #[must_use]
    pub fn when_limited(mut self, choice: WhenLimited) -> Self {
        self.when_limited = Some(choice);
        self
    }

    /// One more request header. Headers that the stack sets itself keep the stack's value.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Where the call stands in a trace: it goes out as `traceparent`, each attempt with a span's id of its
    /// own. It replaces one that was given before.
    #[must_use]
    pub fn trace_context(mut self, context: &TraceContext) -> Self {
        context.put_into(&mut self.headers);
        self
    }

    /// One more form parameter, for what this crate has no name for yet. Only for operations with a form.
    #[must_use]
    pub fn form(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.form.push((name.into(), value.into()));
        self
    }

    /// These wishes, and those of `earlier` where these say nothing; headers and form parameters of
    /// both.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        let (mut headers, mut form) = (earlier.headers, earlier.form);
        if self.headers.contains_key(TraceContext::PARENT) {
            // The state of one trace means nothing in another.
            headers.remove(TraceContext::STATE);
        }
        headers.extend(self.headers);
        form.extend(self.form);
        Self {
            deadline: self.deadline.or(earlier.deadline),
            max_attempts: self.max_attempts.or(earlier.max_attempts),
            replay: self.replay.or(earlier.replay),
            priority: self.priority.or(earlier.priority),
            when_limited: self.when_limited.or(earlier.when_limited),
            headers,
            form,
            authorization: self.authorization.or(earlier.authorization),
            continues: self.continues || earlier.continues,
            endpoint: self.endpoint.or(earlier.endpoint),
        }
    }

    /// Marks a call that another, already begun, still needs: a shutdown lets it through.
    pub(crate) fn continuing(mut self) -> Self {
        self.continues = true;
        self
    }

    pub(crate) fn is_continuing(&self) -> bool {
        self.continues
    }

    /// Sends the call to one of several endpoints, by its number in the caller's list, and to no
    /// other: what another call did there may not be seen elsewhere yet.
    pub(crate) fn at_endpoint(mut self, number: u32) -> Self {
        self.endpoint = Some(number);
        self
    }

    /// The one endpoint that the call has to go to.
    pub(crate) fn wanted_endpoint(&self) -> Option<u32> {
        self.endpoint
    }

    /// Whether a call with these wishes is sent, queued and repeated as one with `other` is, for as
    /// long as there is time. Whoever adds a wish has to say here whether it makes a difference.
    pub(crate) fn goes_as(&self, other: &Self) -> bool {
        let Self {
            deadline: _,
            max_attempts,
            replay,
            priority: _,
            when_limited,
            headers,
            form,
            authorization,
            continues,
            endpoint,
        } = self;
        *max_attempts == other.max_attempts
            && *replay == other.replay
            && self.wanted_priority() == other.wanted_priority()
            && *when_limited == other.when_limited
            && TraceContext::same_without(headers, &other.headers)
            && *form == other.form
            && *authorization == other.authorization
            && *continues == other.continues
            && *endpoint == other.endpoint
    }

    /// The same without what [`CallOptions::form`] added: for an operation that has no form.
    #[must_use]
    pub fn without_form(mut self) -> Self {
        self.form.clear();
        self
    }

    /// Other credentials than the stack's, such as a subaccount's.
    #[must_use]
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// The wish of [`CallOptions::deadline`].
    #[must_use]
    pub fn wanted_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// The wish of [`CallOptions::max_attempts`].
    #[must_use]
    pub fn wanted_attempts(&self) -> Option<u32> {
        self.max_attempts
    }

    /// The wish of [`CallOptions::replay`].
    #[must_use]
    pub fn wanted_replay(&self) -> Option<bool> {
        self.replay
    }

    /// The wish of [`CallOptions::priority`].
    #[must_use]
    pub fn wanted_priority(&self) -> Priority {
        self.priority.unwrap_or_default()
    }

    /// The wish of [`CallOptions::when_limited`].
    #[must_use]
    pub fn wanted_when_limited(&self) -> Option<WhenLimited> {
        self.when_limited
    }

    /// The headers added by [`CallOptions::header`].
    #[must_use]
    pub fn extra_headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The parameters added by [`CallOptions::form`].
    #[must_use]
    pub fn extra_form(&self) -> &[(Cow<'static, str>, String)] {
        &self.form
    }

    /// The wish of [`CallOptions::authorization`].
    #[must_use]
    pub fn wanted_authorization(&self) -> Option<&Authorization> {
        self.authorization.as_ref()
    }
}

/// Prints what was wished for, and of headers and form parameters how many there are.
impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("deadline", &self.deadline)
            .field("max_attempts", &self.max_attempts)
            .field("replay", &self.replay)
            .field("priority", &self.priority)
            .field("when_limited", &self.when_limited)
            .field("headers", &self.headers.len())
            .field("form", &self.form.len())
            .field("authorization", &self.authorization)
            .field("endpoint", &self.wanted_endpoint())
            .finish_non_exhaustive()
    }
}

/// Who may still wait when a queue is long: the lower the priority, the shorter the queue it joins.
/// When that is full, a newcomer takes the place of the youngest of the lowest priority below its
/// own. Those that wait go in order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Joins a queue while it is at most half full: work that can come again.
    Low,
    /// Joins a queue while it is at most nine tenths full.
    #[default]
    Normal,
    /// Joins a queue until it is full.
    High,
}

impl Priority {
    /// How many of a queue's `places` this priority may see taken and still join.
    #[must_use]
    pub fn share_of(self, places: usize) -> usize {
        match self {
            Self::Low => places / 2,
            // At least one place less than High has, or a short queue would not tell them apart; but
            // where there is one place, it is for every default call.
            Self::Normal => places - places.div_ceil(10).min(places.saturating_sub(1)),
            Self::High => places,
        }
    }
}

/// What a rate limit does with a call that comes too early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenLimited {
    /// Let it wait for its turn, in order of arrival.
    #[default]
    Wait,
    /// Refuse it, and say when to come back.
    Refuse,
}

/// A ready-made `Authorization` header and the account it speaks for. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    header: HeaderValue,
    account: Option<Sid>,
}

impl Authorization {
    /// Wraps a header value, marked sensitive so that no foreign layer prints it either.
    #[must_use]
    pub fn new(mut header: HeaderValue, account: Option<Sid>) -> Self {
        header.set_sensitive(true);
        Self { header, account }
    }

    /// The header's value, marked sensitive.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The account, where known: rate limits count per account.
    #[must_use]
    pub fn account(&self) -> Option<Sid> {
        self.account
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("account", &self.account).finish_non_exhaustive()
    }
}
