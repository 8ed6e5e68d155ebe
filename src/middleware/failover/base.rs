use std::fmt;

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::call::{Origin, OriginError};

/// Where an endpoint is: scheme, host and port, and the path that all its URLs begin with.
#[derive(Clone, Debug)]
pub struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Without its last slash: empty, or such as `/mock`.
    prefix: Box<str>,
    origin: Origin,
}

impl Base {
    /// Reads an absolute `http` or `https` URL, such as `https://proxy.twilio.com`. A query is left out.
    ///
    /// # Errors
    ///
    /// Says what is missing: a scheme that is known, or a host.
    pub fn new(url: &Uri) -> Result<Self, OriginError> {
        let origin = Origin::of(url)?;
        Ok(Self {
            scheme: if origin.is_secure() { Scheme::HTTPS } else { Scheme::HTTP },
            // Never the default: a URL without an authority has no origin.
            authority: url.authority().cloned().unwrap_or(Authority::from_static("localhost")),
            prefix: url.path().trim_end_matches('/').into(),
            origin,
        })
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path that its URLs begin with; empty, or such as `/mock`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether a request's URL lies under this base.
    pub(super) fn covers(&self, uri: &Uri) -> bool {
        let rest = uri.path().strip_prefix(&*self.prefix);
        let below = |rest: &str| self.prefix.is_empty() || rest.is_empty() || rest.starts_with('/');
        // As our own gateway spells it; the long way is for what others call by another name.
        let same =
            || uri.scheme() == Some(&self.scheme) && uri.authority() == Some(&self.authority);
        rest.is_some_and(below) && (same() || self.origin.matches(uri))
    }

    /// The same place under another base, for a URL that lies under this one; `None` if it becomes
    /// longer than a URL may be.
    pub(super) fn moved(&self, uri: Uri, to: &Self) -> Option<Uri> {
        let mut parts = uri.into_parts();
        parts.scheme = Some(to.scheme.clone());
        parts.authority = Some(to.authority.clone());
        if self.prefix != to.prefix {
            let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
            let rest = path.get(self.prefix.len()..).unwrap_or_default();
            let slash = if to.prefix.is_empty() && !rest.starts_with('/') { "/" } else { "" };
            let path = format!("{}{slash}{rest}", to.prefix);
            parts.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(path)).ok()?);
        }
        Uri::from_parts(parts).ok()
    }
}

/// Equal where requests reach the same place.
impl PartialEq for Base {
    fn eq(&self, other: &Self) -> bool {
        self.origin == other.origin && self.prefix == other.prefix
    }
}

impl Eq for Base {}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}
