//! Who may talk to a port that holds credentials: programs on this machine, and no page in a browser.
//!
//! A page of any origin may send a form to 127.0.0.1; browsers don't ask before that, and add an
//! `Origin` or `Sec-Fetch-Site` that the page can't take off. And a page may have the name of its own
//! server lead to 127.0.0.1 once it is loaded (DNS rebinding): then the `Host` is that name.

use std::net::IpAddr;

use http::{HeaderMap, Request, StatusCode, Uri, header};

/// Why a request is turned away.
pub(crate) type Refusal = (StatusCode, &'static str);

/// The names that requests may have in `Host`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) hosts: Vec<String>,
}

impl Guard {
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let headers = request.headers();
        if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
            return Err((StatusCode::FORBIDDEN, "not for pages in a browser"));
        }
        let admitted = match (request.uri().host(), host(headers)) {
            (None, None) => return Err((StatusCode::BAD_REQUEST, "one Host header is needed")),
            (named, said) => named.into_iter().chain(said.as_deref()).all(|name| self.knows(name)),
        };
        if admitted {
            return Ok(());
        }
        Err((StatusCode::MISDIRECTED_REQUEST, "the Host is none of this server's; see --host"))
    }

    fn knows(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        // Nobody can make an address lead elsewhere, nor a name of Twilio's.
        bare.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".twilio.com")
            || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(&name))
    }
}

/// The host that the headers name, without the port. Several are none that is known.
fn host(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::HOST).iter();
    let value = values.next()?;
    let uri = value.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let host = uri.as_ref().and_then(Uri::host).filter(|_| values.next().is_none());
    Some(host.unwrap_or_default().to_owned())
}
