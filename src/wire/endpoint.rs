use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::call::{Origin, OriginError};

/// Where the API is: a base URL, with Twilio's region and edge worked into its host.
///
/// The rule is that of Twilio's own libraries: `product[.edge][.region].suffix`, where what is
/// configured overrides what the URL says, and an edge without a region takes region `us1`.
/// <https://www.twilio.com/docs/global-infrastructure/edge-locations>
#[derive(Clone, Debug)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// Path of the base URL without its last slash: empty, or such as `/mock`.
    prefix: Box<str>,
    origin: Origin,
    region: Option<Box<str>>,
    edge: Option<Box<str>>,
    others: Vec<Endpoint>,
}

impl Endpoint {
    /// Where Twilio serves Proxy.
    pub const TWILIO: &'static str = "https://proxy.twilio.com";

    /// Reads a base URL, such as [`Endpoint::TWILIO`] or `http://127.0.0.1:4010/mock`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the URL: no scheme, no host, a query, credentials in it.
    pub fn new(base: &str) -> Result<Self, EndpointError> {
        Self::with_region(base, None, None)
    }

    /// The same with a region (such as `ie1`) and an edge (such as `dublin`).
    ///
    /// # Errors
    ///
    /// As [`Endpoint::new`], and says which of the two is no host label.
    pub fn with_region(
        base: &str,
        region: Option<&str>,
        edge: Option<&str>,
    ) -> Result<Self, EndpointError> {
        let uri: Uri = base.parse().map_err(|_| EndpointError::NotAUrl)?;
        let region = label(region, "region")?;
        let edge = label(edge, "edge")?;
        let origin = Origin::of(&uri).map_err(EndpointError::Origin)?;
        if uri.query().is_some() {
            return Err(EndpointError::Query);
        }
        let authority =
            placed(&uri, region.as_deref(), edge.as_deref()).ok_or(EndpointError::NotAUrl)?;
        let mut endpoint = Self {
            scheme: if origin.is_secure() { Scheme::HTTPS } else { Scheme::HTTP },
            authority,
            prefix: uri.path().trim_end_matches('/').into(),
            origin,
            region,
            edge,
            others: Vec::new(),
        };
        endpoint.origin = Origin::of(&endpoint.uri(PathAndQuery::from_static("/")))
            .map_err(EndpointError::Origin)?;
        Ok(endpoint)
    }

    /// Scheme, host and port, with region and edge worked in.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path before `/v1`, empty at Twilio.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Says where else the same API is, for a stack that [fails over](crate::middleware::failover).
    ///
    /// What this endpoint stands for must be what the other does, as two edges are doors to one
    /// region. Requests go on naming this endpoint; URLs that the server names may lead to any.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        let same = |one: &Self| one.origin == other.origin && one.prefix == other.prefix;
        if !same(&self) && !self.others.iter().any(same) {
            self.others.push(other);
        }
        self
    }

    /// This endpoint, and then the others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// The base URL, with region and edge worked in.
    #[must_use]
    pub fn base(&self) -> Uri {
        let path = PathAndQuery::try_from(&*self.prefix);
        // An empty prefix is no path by itself; any other was one in the URL that it comes from.
        self.uri(path.unwrap_or(PathAndQuery::from_static("/")))
    }

    /// The absolute URI of a path on this endpoint.
    #[must_use]
    pub fn uri(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        // Never the default: scheme, authority and path are all there.
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Admits an absolute URL that the server named, such as the next page's: the same region and
    /// edge are worked into it, and then it must have the origin of this endpoint or of one of the
    /// [others](Self::or). What comes out leads to this one: who serves it is chosen later.
    ///
    /// # Errors
    ///
    /// The URL is none, or leads elsewhere: credentials must not go there.
    pub fn admit(&self, url: &str) -> Result<Uri, EndpointError> {
        let uri: Uri = url.parse().map_err(|_| EndpointError::NotAUrl)?;
        Origin::of(&uri).map_err(EndpointError::Origin)?;
        for endpoint in self.all() {
            if endpoint.is_origin_of(&uri)?
                && let Some(path) = self.path_from(endpoint, &uri)
            {
                // From our own parts, so that what goes out is our spelling of the host.
                return Ok(self.uri(path));
            }
        }
        Err(EndpointError::Elsewhere)
    }

    fn is_origin_of(&self, uri: &Uri) -> Result<bool, EndpointError> {
        let authority = placed(uri, self.region.as_deref(), self.edge.as_deref())
            .ok_or(EndpointError::NotAUrl)?;
        let mut parts = uri.clone().into_parts();
        parts.authority = Some(authority);
        let placed = Uri::from_parts(parts).map_err(|_| EndpointError::NotAUrl)?;
        Ok(self.origin.matches(&placed))
    }

    /// The path here of a URL on `endpoint`, which is this one or another with a prefix of its own.
    fn path_from(&self, endpoint: &Self, uri: &Uri) -> Option<PathAndQuery> {
        let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        if self.prefix == endpoint.prefix {
            return Some(path);
        }
        let rest = path.as_str().strip_prefix(&*endpoint.prefix)?;
        rest.starts_with('/').then(|| format!("{}{rest}", self.prefix).parse().ok())?
    }
}

/// An empty setting is as good as none: environment variables are often set to nothing.
fn label(value: Option<&str>, what: &'static str) -> Result<Option<Box<str>>, EndpointError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let fits = value.len() <= 63
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-');
    if fits { Ok(Some(value.into())) } else { Err(EndpointError::Label(what)) }
}

/// The authority with region and edge worked into its host.
fn placed(uri: &Uri, region: Option<&str>, edge: Option<&str>) -> Option<Authority> {
    let authority = uri.authority()?;
    let host = authority.host();
    let pieces: Vec<&str> = host.split('.').collect();
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    let (own_edge, own_region) = match pieces[..] {
        _ if is_address => return Some(authority.clone()),
        [_, _, _] => (None, None),
        [_, region, _, _] => (None, Some(region)),
        [_, edge, region, _, _] => (Some(edge), Some(region)),
        // Too few labels to hold a region, or more than the rule speaks of: not a host of Twilio's.
        _ => return Some(authority.clone()),
    };
    let edge = edge.or(own_edge);
    let region = region.or(own_region).or(edge.map(|_| "us1"));
    let (product, suffix) = (pieces[0], &pieces[pieces.len() - 2..]);
    let labels: Vec<&str> =
        [Some(product), edge, region].into_iter().flatten().chain(suffix.iter().copied()).collect();
    let port = &authority.as_str()[host.len()..];
    format!("{}{port}", labels.join(".")).parse().ok()
}

/// Why a URL is no endpoint, or not of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// It does not parse.
    NotAUrl,
    /// It names no origin.
    Origin(OriginError),
    /// It has a query.
    Query,
    /// The region or the edge is no host label.
    Label(&'static str),
    /// It leads to another scheme, host or port.
    Elsewhere,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAUrl => f.write_str("not a URL"),
            Self::Origin(error) => error.fmt(f),
            Self::Query => f.write_str("a base URL must not have a query"),
            Self::Label(what) => {
                write!(f, "the {what} must be letters, digits and inner hyphens, 63 at most")
            }
            Self::Elsewhere => f.write_str("the URL leads to another scheme, host or port"),
        }
    }
}

impl std::error::Error for EndpointError {}

#[cfg(test)]
mod tests;
