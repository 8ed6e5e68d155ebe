//! The public error: what failed, what may have come of it, and what to do next.

mod foreign;
mod kind;
mod make;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::call::{Effect, Rejection};
use crate::wire::{Answer, ApiError};

pub use kind::ErrorKind;
pub(super) use make::SoFar;

/// Why a call did not succeed. Cheap to clone.
///
/// Ask it in this order: [`effect`](Self::effect) (may the session exist?), [`kind`](Self::kind)
/// (whose fault is it?), [`retry_after`](Self::retry_after) (when to come back?). `Display` holds
/// no body, phone number or secret and never repeats [`source`](std::error::Error::source), so it
/// may be logged, and error reporters that walk the sources print each thing once.
///
/// ```
/// use twilio_proxy::call::Effect;
/// use twilio_proxy::gateway::Error;
///
/// fn what_next(error: &Error) -> &'static str {
///     match error.effect() {
///         Effect::None if error.is_throttled() => "come back later: nothing has happened",
///         Effect::None => "nothing has happened: mend the cause and call again",
///         Effect::Applied => "it is done, though the answer made no sense",
///         _ => "look before you repeat it",
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    effect: Effect,
    attempts: u32,
    retry_after: Option<Duration>,
    status: Option<StatusCode>,
    detail: Cow<'static, str>,
    api: Option<ApiError>,
    answer: Option<Answer>,
    rejection: Option<Rejection>,
    request_id: Option<HeaderValue>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    history: History,
    generated_name: Option<String>,
}

/// When and where the call happened: what it takes to look for its session, and to tell it from
/// another of the same name.
#[derive(Clone, Copy, Default)]
struct History {
    deadline: Option<Instant>,
    elapsed: Duration,
    server_date: Option<Timestamp>,
    endpoint: Option<u32>,
}

impl Error {
    fn new(kind: ErrorKind, effect: Effect, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            effect,
            attempts: 0,
            retry_after: None,
            status: None,
            detail: detail.into(),
            api: None,
            answer: None,
            rejection: None,
            request_id: None,
            source: None,
            history: History::default(),
            generated_name: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        self.change(change);
        self
    }

    /// Changes this error. Clones that somebody has kept, a layer that logs, stay as they are.
    fn change(&mut self, change: impl FnOnce(&mut Inner)) {
        change(Arc::make_mut(&mut self.0));
    }

    /// A name that is taken, once it is known that not by this call's own session.
    pub(super) fn taken_by_another(mut self) -> Self {
        self.change(|inner| {
            inner.effect = Effect::None;
            inner.detail = "the UniqueName is taken by another session".into();
        });
        self
    }

    /// A create that was refused, where a session was found that may be its own or another's.
    pub(super) fn of_unclear_origin(mut self, why: &'static str) -> Self {
        self.change(|inner| {
            let found = "a session was found, and whose it is can't be told";
            inner.detail = format!("{}; {found}: {why}", inner.detail).into();
        });
        self
    }

    /// The same with the UniqueName that was made up for the call.
    pub(super) fn named(mut self, name: String) -> Self {
        self.change(|inner| inner.generated_name = Some(name));
        self
    }

    /// The same with the error that kept it from being mended.
    pub(super) fn caused_by(mut self, error: Self) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(error)));
        self
    }

    /// The moment by which the call had to be over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.history.deadline
    }

    /// How long the call took until it failed.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.history.elapsed
    }

    /// What time it was at the server when it refused.
    pub(super) fn server_date(&self) -> Option<Timestamp> {
        self.0.history.server_date
    }

    /// Which of several endpoints the call went to last.
    pub(super) fn endpoint(&self) -> Option<u32> {
        self.0.history.endpoint
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What may have come of the call, all its attempts together.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// How many attempts were begun, one that was held in a queue and never sent included; 0 when
    /// none was.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// When to come back, where the server or a limit said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The HTTP status, where an answer's head came.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What Twilio says of it: code, message, request id.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        self.0.api.as_ref()
    }

    /// The answer that was no success, whole: for whoever hands it on. Its body may hold a phone
    /// number; nothing prints it.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref()
    }

    /// Twilio's name for the last request (`RQ…`), where an answer came: what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_ref()?.to_str().ok()
    }

    /// The UniqueName that was made up for a create which had none, where a
    /// [`ReconcileLayer`](super::ReconcileLayer::name_unnamed) does so: what to look for where the
    /// effect is unknown.
    #[must_use]
    pub fn generated_name(&self) -> Option<&str> {
        self.0.generated_name.as_deref()
    }

    /// Which limit of this process said no, for an error of kind [`ErrorKind::Rejected`].
    #[must_use]
    pub fn rejection(&self) -> Option<Rejection> {
        self.0.rejection
    }

    /// Twilio's error code, such as 80603. <https://www.twilio.com/docs/api/errors>
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.api().and_then(ApiError::code)
    }

    /// Whether time ran out: the call's deadline or the last attempt's timeout.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Deadline | ErrorKind::AttemptTimeout)
    }

    /// Whether no connection could be made.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.0.kind == ErrorKind::Connect
    }

    /// Whether there were too many requests, by the server's count or by our own: come back later.
    /// Not so when a circuit breaker is open or the gateway is shutting down: fewer would not help.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.0.kind == ErrorKind::Throttled
            || matches!(
                self.rejection(),
                Some(Rejection::RateLimited | Rejection::QueueFull | Rejection::Shed)
            )
    }

    /// Whether the call was never made, for a mistake in its parameters or the settings.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Encode | ErrorKind::Config)
    }

    /// Whether the session, or the Service, does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// Whether the credentials were not accepted.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("effect", &inner.effect)
            .field("attempts", &inner.attempts)
            .field("detail", &inner.detail)
            .field("status", &inner.status)
            .field("retry_after", &inner.retry_after)
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
