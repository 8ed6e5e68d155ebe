use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, header};

use super::Refusal;
use super::place::Place;
use crate::call::Origin;

/// What of a callback's URL is not in the request: scheme, host and port, as Twilio was told them.
///
/// A signature is one of the URL that Twilio *calls*. A server behind a proxy sees another: `http`
/// where it was `https`, an inner host, a path without its prefix. So the public URL is a setting.
#[derive(Clone, Debug)]
pub struct PublicUrl {
    base: Base,
}

#[derive(Clone, Debug)]
enum Base {
    Fixed(Arc<str>),
    Forwarded { prefix: Arc<str> },
}

impl PublicUrl {
    /// A URL such as `https://hooks.example.com`, or `https://example.com/hooks` where that path is
    /// taken off on the way to the layer.
    ///
    /// It is used as it is written here, and must be written as Twilio was told it. What the
    /// request says of its host is not looked at. A port may be there or not: both are tried.
    ///
    /// # Errors
    ///
    /// Says why this is no such URL: another scheme than `http` and `https`, no host, a user name, a
    /// query.
    pub fn new(url: &str) -> Result<Self, PublicUrlError> {
        let url = url.trim_end_matches('/');
        if url.contains(['?', '#']) {
            return Err(PublicUrlError("the public URL must have no query and no fragment".into()));
        }
        let uri: Uri =
            url.parse().map_err(|_| PublicUrlError("the public URL is no URL".into()))?;
        Origin::of(&uri).map_err(|error| PublicUrlError(error.to_string().into()))?;
        Place::read(url).ok_or_else(|| PublicUrlError("the public URL is no URL".into()))?;
        Ok(Self { base: Base::Fixed(url.into()) })
    }

    /// Believes what a proxy in front says: `X-Forwarded-Proto`, and `X-Forwarded-Host` or else the
    /// host of the request.
    ///
    /// Off unless it is asked for. Only where **every** request comes through a proxy that *sets*
    /// these headers, for whoever reaches the server in another way chooses them himself: he can't
    /// sign, but he could play a callback of another host of yours back to this one. Each header
    /// must be there once and have one value: a list would leave open whose word it is. `Forwarded`
    /// (RFC 7239) is not read, so that no two headers can disagree.
    #[must_use]
    pub fn from_forwarded_headers() -> Self {
        Self { base: Base::Forwarded { prefix: "".into() } }
    }

    /// With this path before the request's own, such as `/hooks`.
    ///
    /// # Errors
    ///
    /// It is not the beginning of a path.
    pub fn with_prefix(self, prefix: &str) -> Result<Self, PublicUrlError> {
        let prefix = prefix.trim_end_matches('/');
        let is_path = prefix.is_empty()
            || (prefix.starts_with('/')
                && !prefix.contains(['?', '#'])
                && prefix.parse::<PathAndQuery>().is_ok());
        if !is_path {
            return Err(PublicUrlError("the prefix must be a path that begins with /".into()));
        }
        let base = match self.base {
            Base::Fixed(url) => Base::Fixed(format!("{url}{prefix}").into()),
            Base::Forwarded { prefix: before } => {
                Base::Forwarded { prefix: format!("{before}{prefix}").into() }
            }
        };
        Ok(Self { base })
    }

    /// What stands before the path of this request.
    pub(super) fn base(&self, head: &Parts) -> Result<Cow<'_, str>, Refusal> {
        let prefix = match &self.base {
            Base::Fixed(url) => return Ok(Cow::Borrowed(url)),
            Base::Forwarded { prefix } => prefix,
        };
        let unclear = Refusal::Malformed("the forwarded headers name no clear origin");
        let scheme = match single(&head.headers, "x-forwarded-proto", unclear)? {
            Some(b"https") => "https",
            Some(b"http") => "http",
            _ => return Err(unclear),
        };
        let forwarded = single(&head.headers, "x-forwarded-host", unclear)?;
        let own = single(&head.headers, header::HOST.as_str(), unclear)?;
        let own = own.or_else(|| head.uri.authority().map(|host| host.as_str().as_bytes()));
        let host = forwarded.or(own).and_then(|host| Authority::try_from(host).ok());
        match host {
            Some(host) if !host.as_str().contains('@') => {
                Ok(Cow::Owned(format!("{scheme}://{host}{prefix}")))
            }
            _ => Err(unclear),
        }
    }
}

/// The one value of a header. Several are not for this code to choose from.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &str,
    several: Refusal,
) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(several),
        (value, None) => Ok(value.map(|value| value.as_bytes())),
    }
}

/// Why a text is no [`PublicUrl`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrlError(Box<str>);

impl fmt::Display for PublicUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PublicUrlError {}
