//! How an [`Error`] comes to be.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use super::{Error, ErrorKind, History, foreign};
use crate::call::{BoxError, CallFacts, Clock, Effect, Fault, FaultKind, Rejection, SidError};
use crate::middleware::auth::CredentialsError;
use crate::wire::{Answer, ApiError, DecodeError, EncodeError, EndpointError};

/// What is known of a call when an error comes up through its stack.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct SoFar {
    effect: Effect,
    earlier_unknown: bool,
    attempts: u32,
}

impl SoFar {
    /// Nothing was called yet.
    pub(in crate::gateway) const NOTHING: Self =
        Self { effect: Effect::None, earlier_unknown: false, attempts: 0 };

    /// Nothing is known.
    const ANYTHING: Self = Self { effect: Effect::Unknown, ..Self::NOTHING };
}

impl From<&CallFacts> for SoFar {
    fn from(facts: &CallFacts) -> Self {
        Self {
            effect: facts.effect(),
            earlier_unknown: facts.any_unknown(),
            attempts: facts.attempts(),
        }
    }
}

impl Error {
    /// A setting that can't be.
    pub(in crate::gateway) fn config(detail: String) -> Self {
        Self::new(ErrorKind::Config, Effect::None, detail)
    }

    /// A call that came after the shutdown.
    pub(in crate::gateway) fn closed() -> Self {
        let detail = "the gateway is shutting down and takes no new calls";
        Fault::new(FaultKind::Rejected(Rejection::Closed), detail).into()
    }

    /// A next page that was fetched before.
    pub(in crate::gateway) fn paging_loop() -> Self {
        let detail = "the server names a page as the next one that was fetched before";
        Self::new(ErrorKind::Unexpected, Effect::None, detail)
    }

    /// A next page that can't be fetched: its URL is none, or leads elsewhere. The server's mistake
    /// and not the caller's, whose parameters were good.
    pub(in crate::gateway) fn paging_elsewhere(refusal: Self) -> Self {
        let detail = "the server names a next page that must not be followed";
        Self::new(ErrorKind::Unexpected, Effect::None, detail).caused_by(refusal)
    }

    /// An error that came up through the stack: a fault of ours somewhere in it, or a foreign one.
    pub(in crate::gateway) fn from_stack(error: BoxError, so_far: SoFar) -> Self {
        let found = match Fault::find(&*error) {
            Some(fault) => Self::from_fault(fault),
            None => foreign::judge(&*error, so_far.effect),
        };
        found.with(|inner| {
            // The last attempt may be known to have done nothing, and an earlier one not.
            if so_far.earlier_unknown {
                inner.effect = inner.effect.max(Effect::Unknown);
            }
            // What may have acted was tried, whether or not anybody counted.
            inner.attempts = so_far.attempts.max((inner.effect != Effect::None).into());
            inner.source = match error.downcast::<Fault>() {
                // The fault has become this error: what caused the fault is the source.
                Ok(fault) => fault.into_source(),
                // It will be met again along the sources, so it is not said here already.
                Err(error) => {
                    inner.detail = inner.kind.phrase().into();
                    Some(error.into())
                }
            };
        })
    }

    pub(super) fn from_fault(fault: &Fault) -> Self {
        Self::new(fault.into(), fault.effect(), fault.to_string()).with(|inner| {
            inner.retry_after = fault.retry_after();
            inner.status = fault.status();
            if let FaultKind::Rejected(rejection) = fault.kind() {
                inner.rejection = Some(rejection);
            }
        })
    }

    /// An answer that the operation does not accept.
    pub(in crate::gateway) fn from_answer(
        answer: Answer,
        facts: &CallFacts,
        clock: &Clock,
    ) -> Self {
        let api = ApiError::read(&answer, clock);
        let status = answer.status;
        let mut effect = Effect::of_status(status);
        if facts.any_unknown() {
            effect = effect.max(Effect::Unknown);
        }
        Self::new(ErrorKind::of_status(status), effect, api.to_string()).with(|inner| {
            inner.attempts = answer.attempts;
            inner.retry_after = api.retry_after();
            inner.status = Some(status);
            inner.request_id = answer.request_id_header().cloned();
            inner.api = Some(api);
            inner.history = History {
                deadline: facts.deadline(),
                elapsed: answer.elapsed,
                server_date: answer.date(),
                endpoint: facts.endpoint(),
            };
            inner.answer = Some(answer);
        })
    }

    /// A successful answer that makes no sense.
    pub(in crate::gateway) fn from_decode(
        error: DecodeError,
        status: StatusCode,
        request_id: Option<HeaderValue>,
        attempts: u32,
    ) -> Self {
        // In words of its own: the source says what was wrong with it.
        let detail = format!("the API answered {}, in a way that makes no sense", status.as_u16());
        Self::new(ErrorKind::Decode, Effect::Applied, detail).with(|inner| {
            inner.attempts = attempts;
            inner.status = Some(status);
            inner.request_id = request_id;
            inner.source = Some(Arc::new(error));
        })
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::new(ErrorKind::Encode, Effect::None, error.to_string())
    }
}

impl From<SidError> for Error {
    fn from(error: SidError) -> Self {
        Self::new(ErrorKind::Encode, Effect::None, error.to_string())
    }
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::config(format!("the base URL can't be used: {error}"))
    }
}

impl From<CredentialsError> for Error {
    fn from(error: CredentialsError) -> Self {
        Self::config(error.to_string())
    }
}

/// What a typed layer of your own raises.
impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::from_stack(fault.into(), SoFar::NOTHING)
    }
}

/// What a typed layer of tower's makes of an error: itself again, if it is one of these, and
/// otherwise the best that can be said of it.
impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => Self::from_stack(error, SoFar::ANYTHING),
        }
    }
}
