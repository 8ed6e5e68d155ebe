use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::error::Category;

/// A whole response, as an operation gets it to decode.
#[derive(Clone, Debug)]
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
            .map_err(|error| DecodeError::of(&error))
    }

    /// Twilio's name for the request (`RQ…`): what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }
}

/// The `Twilio-Request-Id` of an answer.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("twilio-request-id")?.to_str().ok()
}

/// Why a successful answer could not be understood: what is wrong with the body, and where.
///
/// It holds nothing of the body itself. The parser's own message would: it quotes the value that it
/// met, which may be a phone number, and errors end up in logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    problem: &'static str,
    line: usize,
    column: usize,
}

impl DecodeError {
    fn of(error: &serde_json::Error) -> Self {
        let problem = match error.classify() {
            Category::Eof => "the JSON breaks off",
            Category::Syntax => "it is no JSON",
            Category::Data | Category::Io => "a value is of another kind",
        };
        Self { problem, line: error.line(), column: error.column() }
    }

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

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem, line, column } = self;
        write!(f, "the body is not what the API promises: {problem}, line {line}, column {column}")
    }
}

impl std::error::Error for DecodeError {}
