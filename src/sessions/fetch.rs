use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::{Session, check, sessions_of};
use crate::call::{ServiceSid, SessionSid};
use crate::wire::{
    Answer, DecodeError, EncodeError, Encoder, Operation, OperationMeta, Plain, Route,
};

/// What a session is fetched by.
///
/// A text that reads as a SID is one; any other is a UniqueName. On the wire both stand in the
/// same place, so nothing is lost by a name that looks like a SID.
///
/// ```
/// use twilio_proxy::sessions::SessionKey;
///
/// assert_eq!(SessionKey::from("Order #1234"), SessionKey::UniqueName("Order #1234".into()));
/// assert!(matches!(SessionKey::from("KC0123456789abcdef0123456789abcdef"), SessionKey::Sid(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionKey {
    /// The SID that Twilio gave it.
    Sid(SessionSid),
    /// The name that you gave it.
    UniqueName(String),
}

impl SessionKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sid(sid) => sid.as_str(),
            Self::UniqueName(name) => name,
        }
    }
}

impl From<SessionSid> for SessionKey {
    fn from(sid: SessionSid) -> Self {
        Self::Sid(sid)
    }
}

impl From<&str> for SessionKey {
    fn from(text: &str) -> Self {
        SessionSid::new(text).map_or_else(|_| Self::UniqueName(text.to_owned()), Self::Sid)
    }
}

impl FromStr for SessionKey {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Fetches a session, by its SID or by its UniqueName.
///
/// ```
/// use twilio_proxy::call::ServiceSid;
/// use twilio_proxy::sessions::FetchSession;
///
/// let service = ServiceSid::new("KS0123456789abcdef0123456789abcdef")?;
/// let by_name = FetchSession::by_name(service, "Order #1234");
/// assert_eq!(by_name.key.as_str(), "Order #1234");
/// # Ok::<(), twilio_proxy::call::SidError>(())
/// ```
///
/// <https://www.twilio.com/docs/proxy/api/session#fetch-a-session>
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchSession {
    /// The Service that it belongs to.
    pub service: ServiceSid,
    /// Its SID or its UniqueName.
    pub key: SessionKey,
}

impl FetchSession {
    /// The session with this SID, or this key.
    #[must_use]
    pub fn new(service: ServiceSid, key: impl Into<SessionKey>) -> Self {
        Self { service, key: key.into() }
    }

    /// The session with this UniqueName.
    ///
    /// The name is escaped into one segment of the path, whatever is in it. Only the names that no
    /// escape can keep from leading elsewhere are refused when the call is made: the empty one,
    /// `.` and `..`.
    #[must_use]
    pub fn by_name(service: ServiceSid, name: impl Into<String>) -> Self {
        Self { service, key: SessionKey::UniqueName(name.into()) }
    }
}

impl Operation for FetchSession {
    type Output = Session;
    type Recovery = Plain;
    const META: OperationMeta = Route::FETCH_SESSION;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        sessions_of(self.service, to)?;
        match &self.key {
            SessionKey::Sid(sid) => to.segment("Sid", sid.as_str())?,
            SessionKey::UniqueName(name) => {
                // The path's own rule first: it is the one that says why an empty name won't do.
                to.segment("UniqueName", name)?;
                check::name("UniqueName", name)?;
                to
            }
        };
        Ok(())
    }

    fn decode(answer: Answer) -> Result<Session, DecodeError> {
        answer.json()
    }
}
