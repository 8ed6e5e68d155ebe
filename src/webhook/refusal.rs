use std::fmt;

use http::StatusCode;

/// Why a callback was not let through.
///
/// It says nothing of what came: no header, no URL, no byte of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no `X-Twilio-Signature`: 400.
    Missing,
    /// It can't be a callback, and this is why: 400.
    Malformed(&'static str),
    /// Nothing that is signed covers the body: 403.
    Unsigned,
    /// The signature is not by one of the tokens, or of something else: 403.
    Forged,
    /// The body is not the one whose hash was signed: 403.
    Altered,
    /// The body is longer than this cap, in bytes: 413.
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// The body has not come in time: 408.
    TooSlow,
    /// The body broke off: 400, which hardly anybody will read.
    BrokenOff,
}

impl Refusal {
    /// What such a callback is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Malformed(_) | Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Unsigned | Self::Forged | Self::Altered => StatusCode::FORBIDDEN,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no X-Twilio-Signature"),
            Self::Malformed(why) => f.write_str(why),
            Self::Unsigned => f.write_str("the body is no form, and bodySHA256 is not in the URL"),
            Self::Forged => f.write_str("the signature is not genuine, or the public URL is wrong"),
            Self::Altered => f.write_str("the body is not the one that was signed"),
            Self::TooLarge { limit } => write!(f, "the body is larger than {limit} bytes"),
            Self::TooSlow => f.write_str("the body has not come in time"),
            Self::BrokenOff => f.write_str("the body broke off"),
        }
    }
}

impl std::error::Error for Refusal {}
