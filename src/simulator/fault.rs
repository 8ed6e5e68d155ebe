use std::time::Duration;

use http::StatusCode;

/// What goes wrong with a request, and whether Proxy acts on it before it does.
///
/// *Acts* means that the request is handled as ever: a create makes its session, a bad one is
/// refused. Where Proxy acts and the answer is lost, only a look at the state can tell what came of
/// it. That is the case that tells a careful client from a careless one.
///
/// | mishap | Proxy acts | over the service | over a socket |
/// |---|---|---|---|
/// | [`Latency`](Self::Latency) | yes | the answer, late | the same |
/// | [`Refused`](Self::Refused) | no | `Connect` fault, never sent | the connection is reset unread |
/// | [`ResetBefore`](Self::ResetBefore) | no | `Interrupted` fault | TCP reset |
/// | [`ResetAfter`](Self::ResetAfter) | **yes** | `Interrupted` fault | TCP reset |
/// | [`ErrorBefore`](Self::ErrorBefore) | no | that status, Twilio's JSON | the same |
/// | [`ErrorAfter`](Self::ErrorAfter) | **yes** | that status, Twilio's JSON | the same |
/// | [`Html`](Self::Html) | no | that status, a gateway's page | the same |
/// | [`Throttled`](Self::Throttled) | no | 429, code 80621 | the same |
/// | [`Rejected`](Self::Rejected) | no | that status and code | the same |
/// | [`Truncated`](Self::Truncated) | **yes** | `Incomplete` fault | half the body, then the end |
/// | [`GarbledBody`](Self::GarbledBody) | **yes** | right status, a body that is no JSON | the same |
/// | [`GarbledWire`](Self::GarbledWire) | **yes** | `Interrupted` fault | bytes that are no HTTP |
/// | [`StallBefore`](Self::StallBefore) | no | never answers | the same |
/// | [`StallAfter`](Self::StallAfter) | **yes** | never answers | the same |
///
/// A fault that is raised over the service says of its effect what a transport could know: *none*
/// for a refused connection, *unknown* for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mishap {
    /// Proxy acts at once, and the answer comes this much later. A caller that gives up in the
    /// meantime leaves his session behind.
    Latency(Duration),
    /// No connection comes about. A server can only refuse a connection as it is made: there the
    /// mishap strikes the next new one, or resets the one that the request came on.
    Refused,
    /// The connection breaks before Proxy acts.
    ResetBefore,
    /// The connection breaks after Proxy acted: the answer is lost.
    ResetAfter,
    /// A server error, raised before Proxy acts.
    ErrorBefore(StatusCode),
    /// A server error, raised after Proxy acted.
    ErrorAfter(StatusCode),
    /// A page of HTML from a gateway that never passed the request on.
    Html(StatusCode),
    /// Too many requests, with a `Retry-After` if one is given.
    Throttled(Option<RetryAfter>),
    /// A refusal with a status and one of Twilio's codes, such as 409 and 80623.
    Rejected(StatusCode, u32),
    /// The answer's head and half of its body. An answer without a body (204) is reset instead.
    Truncated,
    /// An answer whose status and headers are right and whose body is no JSON. One without a
    /// body (204) is reset instead.
    GarbledBody,
    /// Bytes that are no HTTP.
    GarbledWire,
    /// Proxy neither acts nor answers. End it with a timeout, or the request never ends.
    StallBefore,
    /// Proxy acts and never answers.
    StallAfter,
}

/// The two forms of a `Retry-After` header. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// So many seconds.
    Seconds(u64),
    /// An HTTP date this far from now, to the second.
    DateIn(Duration),
}

impl Mishap {
    /// Whether Proxy acts on the request all the same.
    #[must_use]
    pub fn acts(&self) -> bool {
        match self {
            Self::Latency(_)
            | Self::ResetAfter
            | Self::ErrorAfter(_)
            | Self::Truncated
            | Self::GarbledBody
            | Self::GarbledWire
            | Self::StallAfter => true,
            Self::Refused
            | Self::ResetBefore
            | Self::ErrorBefore(_)
            | Self::Html(_)
            | Self::Throttled(_)
            | Self::Rejected(..)
            | Self::StallBefore => false,
        }
    }

    /// Its name in [`Stats::mishaps`](super::Stats::mishaps), such as `reset_after`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Refused => "refused",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::ErrorBefore(_) => "error_before",
            Self::ErrorAfter(_) => "error_after",
            Self::Html(_) => "html",
            Self::Throttled(_) => "throttled",
            Self::Rejected(..) => "rejected",
            Self::Truncated => "truncated",
            Self::GarbledBody => "garbled_body",
            Self::GarbledWire => "garbled_wire",
            Self::StallBefore => "stall_before",
            Self::StallAfter => "stall_after",
        }
    }
}
