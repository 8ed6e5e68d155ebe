use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::error::Category;

/// Twilio's name for a request, in its answers.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("twilio-request-id");

/// How many requests the account has under way, in Twilio's answers.
pub(crate) const CONCURRENT_REQUESTS: HeaderName =
    HeaderName::from_static("twilio-concurrent-requests");

/// A whole response, as an operation gets it to decode.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, collected.
    pub body: Bytes,
    /// How many attempts the call took.
    pub attempts: u32,
    /// How long the call took.
    pub elapsed: Duration,
}

impl Answer {
    /// An answer with this status and body.
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, attempts: 1, elapsed: Duration::ZERO }
    }

    /// Adds how many attempts the call took and how long.
    #[must_use]
    pub fn after(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.attempts = attempts;
        self.elapsed = elapsed;
        self
    }

    /// What time it was at the server, to the second, by its `Date` header.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        let text = self.headers.get(header::DATE)?.to_str().ok()?;
        let date = httpdate::parse_http_date(text).ok()?;
        let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        Timestamp::from_second(i64::try_from(since_epoch.as_secs()).ok()?).ok()
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// Says at which line and column the body stops making sense.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.json_seed(std::marker::PhantomData)
    }

    /// Reads the body as JSON with a seed, for shapes that depend on more than their type.
    pub(super) fn json_seed<'a, S: DeserializeSeed<'a>>(
        &'a self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        // Some servers put a byte order mark first; whoever reads JSON may ignore it.
        // <https://www.rfc-editor.org/rfc/rfc8259#section-8.1>
        let body = self.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.body);
        let mut json = serde_json::Deserializer::from_slice(body);
        seed.deserialize(&mut json)
            .and_then(|value| json.end().map(|()| value))
            .map_err(DecodeError::from)
    }

    /// The header with Twilio's name for the request.
    pub(crate) fn request_id_header(&self) -> Option<&HeaderValue> {
        self.headers.get(REQUEST_ID)
    }

    /// Twilio's name for the request (`RQ…`): what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// The `Twilio-Request-Id` of an answer.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok()
}

/// Why a successful answer could not be understood: where it stops making sense, and how.
///
/// It never repeats what stands there, as the JSON library's own error would: that may be a phone
/// number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    line: usize,
    column: usize,
    problem: Category,
}

impl DecodeError {
    /// The line of the body where it stops making sense; the first is 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in that line, in bytes.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self { line: error.line(), column: error.column(), problem: error.classify() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Category::Eof => "the body ends too early",
            Category::Data => "the body is not what the API promises",
            Category::Syntax | Category::Io => "the body is no JSON",
        };
        write!(f, "{problem}, at line {}, column {}", self.line, self.column)
    }
}

impl std::error::Error for DecodeError {}
