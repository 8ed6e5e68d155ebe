use http::StatusCode;

use super::sessions_of;
use crate::call::{ServiceSid, SessionSid};
use crate::wire::{
    Answer, DecodeError, EncodeError, Encoder, Operation, OperationMeta, Plain, Route,
};

/// Deletes a session.
///
/// A second delete finds nothing. Where an earlier attempt of the same call may have done the
/// work, that is success; otherwise it is the API's 404, for then there was no such session.
///
/// ```
/// use twilio_proxy::call::{ServiceSid, SessionSid};
/// use twilio_proxy::sessions::DeleteSession;
///
/// let service = ServiceSid::new("KS0123456789abcdef0123456789abcdef")?;
/// let session = SessionSid::new("KC0123456789abcdef0123456789abcdef")?;
/// let delete = DeleteSession::new(service, session);
/// assert_eq!(delete.session, session);
/// # Ok::<(), twilio_proxy::call::SidError>(())
/// ```
///
/// <https://www.twilio.com/docs/proxy/api/session#delete-a-session>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteSession {
    /// The Service that it belongs to.
    pub service: ServiceSid,
    /// The session. Only its SID will do here.
    pub session: SessionSid,
}

impl DeleteSession {
    /// The deletion of this session.
    #[must_use]
    pub fn new(service: ServiceSid, session: SessionSid) -> Self {
        Self { service, session }
    }
}

impl Operation for DeleteSession {
    type Output = ();
    type Recovery = Plain;
    const META: OperationMeta = Route::DELETE_SESSION;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        sessions_of(self.service, to)?.segment("Sid", self.session.as_str())?;
        Ok(())
    }

    fn accepts(status: StatusCode, earlier_unknown: bool) -> bool {
        status.is_success() || (earlier_unknown && status == StatusCode::NOT_FOUND)
    }

    fn decode(_: Answer) -> Result<(), DecodeError> {
        Ok(())
    }
}
