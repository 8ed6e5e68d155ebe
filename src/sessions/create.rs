use std::time::Duration;

use jiff::Timestamp;

use super::{Participant, Session, SessionMode, SessionStatus, check, sessions_of};
use crate::call::{Idempotency, ServiceSid};
use crate::wire::{
    Answer, ByName, DecodeError, EncodeError, Encoder, Operation, OperationMeta, Route,
};

/// A session has two sides: Twilio refuses a third with its error 80609.
pub(super) const MOST_PARTICIPANTS: usize = 2;

/// Creates a session.
///
/// Give it a UniqueName wherever you can. A session that has one can be created once only, so the
/// call may be tried again after an answer was lost, and the session found again by its name.
/// Without one, a second try could make a second session, and is not made.
///
/// ```
/// use twilio_proxy::call::ServiceSid;
/// use twilio_proxy::sessions::{CreateSession, Participant};
///
/// let service = ServiceSid::new("KS0123456789abcdef0123456789abcdef")?;
/// let create = CreateSession::new(service)
///     .unique_name("Order #1234")
///     .participant(Participant::new("+15550100"));
/// assert_eq!(create.unique_name.as_deref(), Some("Order #1234"));
/// # Ok::<(), twilio_proxy::call::SidError>(())
/// ```
///
/// <https://www.twilio.com/docs/proxy/api/session#create-a-session>
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateSession {
    /// The Service to create it in.
    pub service: ServiceSid,
    /// A name of your own, unique within the Service and **per intent**: another session that you
    /// mean to create needs another name. 191 characters at most; Twilio asks that it be no
    /// personal data.
    pub unique_name: Option<String>,
    /// When the session ends; overrides `ttl`. Sent in whole seconds, cut off toward the past.
    pub date_expiry: Option<Timestamp>,
    /// How long after its last interaction the session ends: whole seconds, from 1 to 2147483646.
    pub ttl: Option<Duration>,
    /// What may go through it; both calls and messages by default.
    pub mode: Option<SessionMode>,
    /// The status to begin with.
    pub status: Option<SessionStatus>,
    /// Who takes part: two at most.
    pub participants: Vec<Participant>,
    /// Whether Proxy shall refuse (error 80623) when a participant is being added to another
    /// session at the same time, rather than risk to mix the two up.
    /// <https://www.twilio.com/docs/api/errors/80623>
    pub fail_on_participant_conflict: Option<bool>,
}

impl CreateSession {
    /// A session of this Service, with nothing said about it.
    #[must_use]
    pub fn new(service: ServiceSid) -> Self {
        Self {
            service,
            unique_name: None,
            date_expiry: None,
            ttl: None,
            mode: None,
            status: None,
            participants: Vec::new(),
            fail_on_participant_conflict: None,
        }
    }

    /// Sets the name that makes the call safe to repeat.
    #[must_use]
    pub fn unique_name(mut self, name: impl Into<String>) -> Self {
        self.unique_name = Some(name.into());
        self
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

    /// Sets what may go through the session.
    #[must_use]
    pub fn mode(mut self, mode: impl Into<SessionMode>) -> Self {
        self.mode = Some(mode.into());
        self
    }

    /// Sets the status to begin with.
    #[must_use]
    pub fn status(mut self, status: impl Into<SessionStatus>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Adds somebody who takes part.
    #[must_use]
    pub fn participant(mut self, participant: Participant) -> Self {
        self.participants.push(participant);
        self
    }

    /// Sets whether Proxy shall refuse when participants conflict.
    #[must_use]
    pub fn fail_on_participant_conflict(mut self, fail: bool) -> Self {
        self.fail_on_participant_conflict = Some(fail);
        self
    }
}

impl Operation for CreateSession {
    type Output = Session;
    type Recovery = ByName;
    const META: OperationMeta = Route::CREATE_SESSION;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        sessions_of(self.service, to)?;
        if let Some(name) = &self.unique_name {
            check::name("UniqueName", name)?;
            to.field("UniqueName", name).idempotency(Idempotency::Keyed);
        }
        check::date_expiry(self.date_expiry, to)?;
        check::ttl(self.ttl, to)?;
        check::choice("Mode", self.mode.as_ref().map(SessionMode::as_str), to)?;
        check::choice("Status", self.status.as_ref().map(SessionStatus::as_str), to)?;
        if self.participants.len() > MOST_PARTICIPANTS {
            return Err(EncodeError::new("Participants", "must be two at most"));
        }
        for participant in &self.participants {
            to.field("Participants", participant.encode()?);
        }
        if let Some(fail) = self.fail_on_participant_conflict {
            to.field("FailOnParticipantConflict", fail);
        }
        Ok(())
    }

    fn decode(answer: Answer) -> Result<Session, DecodeError> {
        answer.json()
    }
}
