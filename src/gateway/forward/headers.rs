//! Which headers go on, there and back.

use http::{HeaderMap, HeaderName, header};

use crate::call::CallOptions;

/// What the gateway says about a call, and what is said to it: nobody else may speak in its name.
pub(super) const OWN: &str = "x-gateway-";
/// What may have come of the call: `none`, `unknown` or `applied`.
pub(super) const EFFECT: HeaderName = HeaderName::from_static("x-gateway-effect");
/// How many attempts it took.
pub(super) const ATTEMPTS: HeaderName = HeaderName::from_static("x-gateway-attempts");
/// There, and `true`, where the answer was lost and a look has shown that the work is done.
pub(super) const RECOVERED: HeaderName = HeaderName::from_static("x-gateway-recovered");

/// Those that speak of one connection, besides what its `Connection` header names.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Those of a request that don't go on.
const KEPT_BACK: [&str; 14] = [
    // The next hop has its own.
    "host",
    "content-length",
    "expect",
    // With the auth layer, or not at all.
    "authorization",
    // The gateway reads answers itself: in JSON, and as they are.
    "accept",
    "accept-encoding",
    "range",
    "if-range",
    // Whoever asks is the gateway.
    "user-agent",
    // What this machine and this network are called is nobody's business.
    "cookie",
    "forwarded",
    "via",
    "x-real-ip",
    // The operation's own where it is one; said again where it is none.
    "content-type",
];

/// Whether a header speaks of this connection alone.
fn is_of_the_hop(headers: &HeaderMap, name: &HeaderName) -> bool {
    let named = || {
        let values = headers.get_all(header::CONNECTION).iter();
        let mut names = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        names.any(|token| token.trim().eq_ignore_ascii_case(name.as_str()))
    };
    HOP_BY_HOP.contains(&name.as_str()) || named()
}

/// The wishes with what goes on of a request's headers.
pub(super) fn pass_on(from: &HeaderMap, mut options: CallOptions) -> CallOptions {
    for (name, value) in from {
        let kept = KEPT_BACK.contains(&name.as_str())
            || name.as_str().starts_with(OWN)
            || name.as_str().starts_with("x-forwarded-")
            || is_of_the_hop(from, name);
        if !kept {
            options = options.header(name.clone(), value.clone());
        }
    }
    options
}

/// What goes back of an answer's headers.
pub(super) fn hand_back(mut headers: HeaderMap) -> HeaderMap {
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            // The server that answers writes the length itself.
            **name == header::CONTENT_LENGTH
                || name.as_str().starts_with(OWN)
                || is_of_the_hop(&headers, name)
        })
        .cloned()
        .collect();
    for name in dropped {
        headers.remove(name);
    }
    headers
}
