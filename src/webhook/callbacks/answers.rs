use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;

use crate::sessions::SessionMode;
use crate::wire::Extra;

/// The answer to a [`StatusCallback`](super::StatusCallback): it was received.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use twilio_proxy::webhook::Acknowledge;
///
/// let response: http::Response<Full<Bytes>> = Acknowledge.into();
/// assert_eq!(response.status(), 200);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledge;

/// The answer to an [`InterceptCallback`](super::InterceptCallback).
/// <https://www.twilio.com/docs/proxy/api/webhooks#interceptcallbackurl>
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use twilio_proxy::webhook::Intercept;
///
/// let response: http::Response<Full<Bytes>> = Intercept::Block.into();
/// assert_eq!(response.status(), 403);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intercept {
    /// The interaction goes on: 200.
    Allow,
    /// The interaction is blocked: 403.
    Block,
}

/// The answer to an [`OutOfSessionCallback`](super::OutOfSessionCallback).
/// <https://www.twilio.com/docs/proxy/out-session-callback-response-guide>
///
/// All of them are a 200: with any other status, Twilio reports error
/// [80913](https://www.twilio.com/docs/api/errors/80913) to the account.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use twilio_proxy::webhook::{OpenSession, OutOfSession};
///
/// let agent = OpenSession::with("+14152345555").unique_name("order-1234");
/// let response: http::Response<Full<Bytes>> = OutOfSession::Open(agent).into();
/// assert_eq!(response.headers()["content-type"], "application/json");
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum OutOfSession {
    /// Nothing happens: TwiML with no verb in it. Inferred: the guide has no word for this.
    Nothing,
    /// A TwiML document that Twilio carries out: something is played, sent, or dialled. It is sent
    /// as it is; whoever puts text into it escapes that text.
    Twiml(String),
    /// A session is opened between the caller or sender and somebody, and the call or message goes
    /// through it.
    Open(OpenSession),
}

/// The session that an answer opens. The first participant is whoever called or wrote.
/// <https://www.twilio.com/docs/proxy/out-session-callback-response-guide>
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OpenSession {
    /// The number of the second participant, an agent's for instance.
    pub participant_identifier: String,
    /// The proxy number for the second participant. Proxy chooses one that is not reserved, by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_proxy_identifier: Option<String>,
    /// The session's UniqueName. Twilio asks that it be no personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<String>,
    /// What may go through it. Proxy chooses by the participants, by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<SessionMode>,
    /// How long it lasts, in seconds. There is no default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// When it expires. There is no default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_expiry: Option<Timestamp>,
    /// Fields that this version has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl OpenSession {
    /// A session with whoever is reached at this number.
    #[must_use]
    pub fn with(participant: impl Into<String>) -> Self {
        Self {
            participant_identifier: participant.into(),
            participant_proxy_identifier: None,
            unique_name: None,
            mode: None,
            ttl: None,
            date_expiry: None,
            extra: Extra::default(),
        }
    }

    /// Sets the proxy number for the second participant.
    #[must_use]
    pub fn proxy_identifier(mut self, number: impl Into<String>) -> Self {
        self.participant_proxy_identifier = Some(number.into());
        self
    }

    /// Sets the session's UniqueName.
    #[must_use]
    pub fn unique_name(mut self, name: impl Into<String>) -> Self {
        self.unique_name = Some(name.into());
        self
    }

    /// Sets what may go through it.
    #[must_use]
    pub fn mode(mut self, mode: SessionMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Sets how long it lasts, in whole seconds; a part of one counts as a whole.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0)));
        self
    }

    /// Sets when it expires.
    #[must_use]
    pub fn date_expiry(mut self, at: Timestamp) -> Self {
        self.date_expiry = Some(at);
        self
    }
}

/// TwiML that does nothing.
const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

impl<B: From<Bytes>> From<Acknowledge> for Response<B> {
    fn from(_: Acknowledge) -> Self {
        Self::new(Bytes::new().into())
    }
}

impl<B: From<Bytes>> From<Intercept> for Response<B> {
    fn from(answer: Intercept) -> Self {
        let mut response = Self::new(Bytes::new().into());
        *response.status_mut() = match answer {
            Intercept::Allow => StatusCode::OK,
            Intercept::Block => StatusCode::FORBIDDEN,
        };
        response
    }
}

impl<B: From<Bytes>> From<OutOfSession> for Response<B> {
    fn from(answer: OutOfSession) -> Self {
        let (content_type, body) = match answer {
            OutOfSession::Nothing => ("application/xml", Bytes::from_static(NOTHING.as_bytes())),
            OutOfSession::Twiml(document) => ("application/xml", document.into()),
            // Never the default: texts, numbers and a map of JSON are always JSON.
            OutOfSession::Open(session) => {
                ("application/json", serde_json::to_vec(&session).unwrap_or_default().into())
            }
        };
        let mut response = Self::new(body.into());
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}

/// Without what is said.
impl fmt::Debug for OutOfSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Twiml(document) => write!(f, "Twiml({} bytes)", document.len()),
            Self::Open(session) => f.debug_tuple("Open").field(session).finish(),
        }
    }
}

/// Without numbers.
impl fmt::Debug for OpenSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSession")
            .field("mode", &self.mode)
            .field("ttl", &self.ttl)
            .field("date_expiry", &self.date_expiry)
            .finish_non_exhaustive()
    }
}
