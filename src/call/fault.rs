use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::{Class, Effect};

/// An error of any type, as tower's own layers raise it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What every layer of this crate asks of the error type that passes through it: a [`Fault`] can
/// be put in, and the error can be looked through for one. [`Fault`] and [`BoxError`] fit; a
/// `LiftLayer` turns any other into one of them.
pub trait Raise: From<Fault> + AsRef<dyn Error + Send + Sync + 'static> {}

impl<E: From<Fault> + AsRef<dyn Error + Send + Sync + 'static>> Raise for E {}

/// The one error that layers and transport raise: what kind, what may have come of it, and why.
///
/// One pointer wide, so that results stay small where nothing fails. `Display` names the kind and
/// the detail, never the [`source`](Error::source).
///
/// Clones share the source: calls that waited for one answer share its failure as well.
#[derive(Clone)]
pub struct Fault(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: FaultKind,
    effect: Effect,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    status: Option<StatusCode>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The stack is put together or set up so that the call can't be made.
    Config,
    /// Whoever supplies the credentials has none to give now: a token endpoint that is down, say.
    Credentials,
    /// A limit of this process said no.
    Rejected(Rejection),
    /// The call's deadline passed.
    Deadline,
    /// One attempt took too long.
    AttemptTimeout,
    /// No connection could be made: name look-up, TCP, TLS, or a CONNECT proxy.
    Connect,
    /// There was a connection, and the server said or it is certain that it did not act: a refused
    /// stream, a connection that closed before the request was written.
    Unprocessed,
    /// The connection broke while the request was under way.
    Interrupted,
    /// The answer's head came and its body did not, or not whole.
    Incomplete,
    /// The answer's body is larger than the cap.
    BodyTooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
}

/// Which limit of this process said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// The rate limit, for a call that does not want to wait, or could not in time.
    RateLimited,
    /// The queue before a limit is full, for the call's priority.
    QueueFull,
    /// The wait in a queue would outlast the call's deadline, or a call of higher priority took the
    /// place.
    Shed,
    /// The endpoint's circuit breaker is open.
    CircuitOpen,
    /// The gateway is shutting down.
    Closed,
}

impl Fault {
    /// A fault of this kind, with the effect that the kind implies.
    #[must_use]
    pub fn new(kind: FaultKind, detail: impl Into<Cow<'static, str>>) -> Self {
        let effect = match kind {
            FaultKind::Config
            | FaultKind::Credentials
            | FaultKind::Rejected(_)
            | FaultKind::Connect
            | FaultKind::Unprocessed => Effect::None,
            _ => Effect::Unknown,
        };
        Self(Box::new(Inner {
            kind,
            effect,
            detail: detail.into(),
            retry_after: None,
            status: None,
            source: None,
        }))
    }

    /// Adds the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Says what came of the attempt, where more is known than the kind implies.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Adds when to come back.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Adds the status of the answer whose body failed.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The fault inside any error: the error itself, or the first along its sources.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(fault) = error.downcast_ref() {
                return Some(fault);
            }
            // An `io::Error` that carries another answers `source()` for it, and so hides it.
            let carried = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
            next = carried.map_or_else(|| error.source(), |carried| Some(carried as _));
        }
        None
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.0.kind
    }

    /// What may have come of the attempt.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// When to come back, where known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The status of the answer whose body failed.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What caused it, shared.
    #[must_use]
    pub fn into_source(self) -> Option<Arc<dyn Error + Send + Sync>> {
        self.0.source
    }

    /// How retry judges it: whether another attempt could end otherwise.
    #[must_use]
    pub fn class(&self) -> Class {
        match (self.0.kind, self.0.effect) {
            // Whoever supplies credentials tries again by himself, and the API had no part in it: not
            // a failure that its breaker should count.
            (
                FaultKind::Config
                | FaultKind::Credentials
                | FaultKind::Rejected(_)
                | FaultKind::Deadline,
                _,
            ) => Class::Local,
            // The answer was too large to read: it will be the next time.
            (FaultKind::BodyTooLarge { .. }, _) => Class::Refused,
            (_, Effect::None) => Class::NeverSent,
            _ => Class::Interrupted,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.debug_struct("Fault")
            .field("kind", &inner.kind)
            .field("effect", &inner.effect)
            .field("detail", &inner.detail)
            .field("retry_after", &inner.retry_after)
            .field("status", &inner.status)
            .field("source", &inner.source)
            .finish()
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl AsRef<dyn Error + Send + Sync + 'static> for Fault {
    fn as_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connector that wraps a fault in an `io::Error` once made a known `Connect` an unknown one.
    #[test]
    fn a_fault_is_found_inside_an_io_error_too() {
        let fault = Fault::new(FaultKind::Connect, "no route");
        let error = std::io::Error::other(std::io::Error::other(fault));
        assert_eq!(Fault::find(&error).map(Fault::kind), Some(FaultKind::Connect));
        assert!(Fault::find(&std::io::Error::from(std::io::ErrorKind::NotFound)).is_none());
    }
}
