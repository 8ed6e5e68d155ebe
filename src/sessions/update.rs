use std::time::Duration;

use jiff::Timestamp;

use super::{Session, SessionStatus, check, sessions_of};
use crate::call::{ServiceSid, SessionSid};
use crate::wire::{
    Answer, BySid, DecodeError, EncodeError, Encoder, Operation, OperationMeta, Route,
};

/// Updates a session: its end, or its status. What is not set stays as it is.
///
/// It sets values, so it may be repeated. Of status changes Proxy allows two: closing a session
/// that is open or in progress, and re-opening a closed one by setting it in progress.
///
/// ```
/// use twilio_proxy::call::{ServiceSid, SessionSid};
/// use twilio_proxy::sessions::{SessionStatus, UpdateSession};
///
/// let service = ServiceSid::new("KS0123456789abcdef0123456789abcdef")?;
/// let session = SessionSid::new("KC0123456789abcdef0123456789abcdef")?;
/// let close = UpdateSession::new(service, session).status(SessionStatus::Closed);
/// assert_eq!(close.status, Some(SessionStatus::Closed));
/// # Ok::<(), twilio_proxy::call::SidError>(())
/// ```
///
/// <https://www.twilio.com/docs/proxy/api/session#update-a-session>
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateSession {
    /// The Service that it belongs to.
    pub service: ServiceSid,
    /// The session. Only its SID will do here.
    pub session: SessionSid,
    /// When the session ends; overrides `ttl`. Sent in whole seconds, cut off toward the past.
    pub date_expiry: Option<Timestamp>,
    /// How long after its last interaction the session ends: whole seconds, from 1 to 2147483646.
    pub ttl: Option<Duration>,
    /// The status to bring it to.
    pub status: Option<SessionStatus>,
    /// Whether Proxy shall refuse to re-open the session when a participant has meanwhile got the
    /// same proxy number in another. <https://www.twilio.com/docs/api/errors/80801>
    pub fail_on_participant_conflict: Option<bool>,
}

impl UpdateSession {
    /// An update of this session that changes nothing yet.
    #[must_use]
    pub fn new(service: ServiceSid, session: SessionSid) -> Self {
        Self {
            service,
            session,
            date_expiry: None,
            ttl: None,
            status: None,
            fail_on_participant_conflict: None,
        }
    }

    /// Sets when the session ends.
    #[must_use]
    pub fn date_expiry(mut self, expiry: Timestamp) -> Self {
        self.date_expiry = Some(expiry);
        self
    }

    /// Sets how long after its last interaction the session ends.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the status to bring it to.
    #[must_use]
    pub fn status(mut self, status: impl Into<SessionStatus>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Sets whether Proxy shall refuse when participants conflict.
    #[must_use]
    pub fn fail_on_participant_conflict(mut self, fail: bool) -> Self {
        self.fail_on_participant_conflict = Some(fail);
        self
    }
}

impl Operation for UpdateSession {
    type Output = Session;
    type Recovery = BySid;
    const META: OperationMeta = Route::UPDATE_SESSION;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        sessions_of(self.service, to)?.segment("Sid", self.session.as_str())?;
        check::date_expiry(self.date_expiry, to)?;
        check::ttl(self.ttl, to)?;
        check::choice("Status", self.status.as_ref().map(SessionStatus::as_str), to)?;
        if let Some(fail) = self.fail_on_participant_conflict {
            to.field("FailOnParticipantConflict", fail);
        }
        Ok(())
    }

    fn decode(answer: Answer) -> Result<Session, DecodeError> {
        answer.json()
    }
}
