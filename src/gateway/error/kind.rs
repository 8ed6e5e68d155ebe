use std::fmt;

use http::StatusCode;

use crate::call::{Fault, FaultKind};

/// The kinds of error, by whose fault it is and what is known of the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The gateway is set up so that the call can't be made.
    Config,
    /// No credentials could be had: a token endpoint that is down, say. Nothing was sent.
    Credentials,
    /// A parameter is one that the API would not take. Nothing was sent.
    Encode,
    /// A limit of this process said no: rate, queue, shutdown. Nothing was sent.
    Rejected,
    /// The call's deadline passed.
    Deadline,
    /// No connection could be made.
    Connect,
    /// The server said, or it is certain, that it did not act on the request.
    Unprocessed,
    /// The connection broke while the request was under way.
    Interrupted,
    /// The last attempt took too long.
    AttemptTimeout,
    /// The answer broke off.
    Incomplete,
    /// The answer is larger than the cap.
    BodyTooLarge,
    /// 429: the server wants fewer requests.
    Throttled,
    /// Another 4xx: the server understood and said no.
    Refused,
    /// 5xx: the server, or something before it, broke.
    Server,
    /// What the API does not do: a status that it does not use, such as a redirect, or a next page
    /// that leads elsewhere or in circles. None is ever followed.
    Unexpected,
    /// A successful answer could not be understood.
    Decode,
    /// A layer of somebody else's failed, in a way that this crate knows nothing of.
    Other,
}

impl ErrorKind {
    /// The lower-case name, as used in logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Encode => "encode",
            Self::Rejected => "rejected",
            Self::Deadline => "deadline",
            Self::Connect => "connect",
            Self::Unprocessed => "unprocessed",
            Self::Interrupted => "interrupted",
            Self::AttemptTimeout => "attempt_timeout",
            Self::Incomplete => "incomplete",
            Self::BodyTooLarge => "body_too_large",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Server => "server",
            Self::Unexpected => "unexpected",
            Self::Decode => "decode",
            Self::Other => "other",
        }
    }

    /// What it means, in a sentence that fits any error of the kind.
    pub(super) fn phrase(self) -> &'static str {
        match self {
            Self::Config => "the stack is not set up for this call",
            Self::Credentials => "no credentials could be had",
            Self::Encode => "a parameter is not one that the API takes",
            Self::Rejected => "a limit of this process said no",
            Self::Deadline => "the call's time is over",
            Self::Connect => "no connection could be made",
            Self::Unprocessed => "the server did not take the request",
            Self::Interrupted => "the connection broke while the request was under way",
            Self::AttemptTimeout => "the last attempt took too long",
            Self::Incomplete => "the answer broke off",
            Self::BodyTooLarge => "the answer is larger than the cap",
            Self::Throttled => "the server wants fewer requests",
            Self::Refused => "the server said no",
            Self::Server => "the server failed",
            Self::Unexpected => "the server did what the API does not",
            Self::Decode => "the answer makes no sense",
            Self::Other => "a layer of the stack failed",
        }
    }

    pub(super) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            429 => Self::Throttled,
            400..=499 => Self::Refused,
            500..=599 => Self::Server,
            _ => Self::Unexpected,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&Fault> for ErrorKind {
    fn from(fault: &Fault) -> Self {
        match fault.kind() {
            FaultKind::Config => Self::Config,
            FaultKind::Credentials => Self::Credentials,
            FaultKind::Rejected(_) => Self::Rejected,
            FaultKind::Deadline => Self::Deadline,
            FaultKind::AttemptTimeout => Self::AttemptTimeout,
            FaultKind::Connect => Self::Connect,
            FaultKind::Unprocessed => Self::Unprocessed,
            FaultKind::Interrupted => Self::Interrupted,
            FaultKind::Incomplete => Self::Incomplete,
            FaultKind::BodyTooLarge { .. } => Self::BodyTooLarge,
        }
    }
}
