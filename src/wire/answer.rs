use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

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

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// Says at which line and column the body stops making sense.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_slice(&self.body).map_err(|error| DecodeError(Box::new(error)))
    }
}

/// Why a successful answer could not be understood.
#[derive(Debug)]
pub struct DecodeError(Box<serde_json::Error>);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the answer is not what the API promises")
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
