use http::Uri;
use http::uri::{Authority, Scheme};

/// Scheme, host and port: what credentials are bound to.
///
/// The host is lower-cased and the scheme's own port is filled in, so that two origins are equal
/// exactly when requests to them reach the same place with the same protection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    /// The host, and the port where it is not the scheme's own: how most URIs spell it.
    authority: Box<str>,
    /// How much of the authority is the host.
    host: usize,
    port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URI.
    ///
    /// # Errors
    ///
    /// Says what is missing: a scheme that is known, or a host.
    pub fn of(uri: &Uri) -> Result<Self, OriginError> {
        let (secure, host, port) = read(uri)?;
        let mut authority = host.to_ascii_lowercase();
        let host = authority.len();
        if port != default_port(secure) {
            authority.push(':');
            authority.push_str(&port.to_string());
        }
        Ok(Self { secure, authority: authority.into(), host, port })
    }

    /// Whether an absolute URI leads to this machine: [`Origin::of`] and [`Origin::is_loopback`] in
    /// one step, without allocating.
    ///
    /// # Errors
    ///
    /// As [`Origin::of`].
    pub fn leads_to_loopback(uri: &Uri) -> Result<bool, OriginError> {
        read(uri).map(|(_, host, _)| is_loopback(host))
    }

    /// Whether a request URI goes to this origin. Compares without allocating.
    #[must_use]
    pub fn matches(&self, uri: &Uri) -> bool {
        let Some(authority) = uri.authority() else { return false };
        let same_scheme = match uri.scheme() {
            Some(scheme) => *scheme == if self.secure { Scheme::HTTPS } else { Scheme::HTTP },
            None => false,
        };
        // Nearly always spelled as here, and then not taken apart: that would cost a hundred
        // nanoseconds for every layer that asks.
        same_scheme && (*authority == *self.authority || self.is_spelled(authority))
    }

    /// Whether an authority is this one in another spelling.
    fn is_spelled(&self, authority: &Authority) -> bool {
        let host = authority.host();
        host.eq_ignore_ascii_case(self.host()) && port(authority, self.secure) == Some(self.port)
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, lower-cased; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.get(..self.host).unwrap_or_default()
    }

    /// The port, the scheme's own where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is this machine: `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }
}

/// Scheme, host and port, checked.
fn read(uri: &Uri) -> Result<(bool, &str, u16), OriginError> {
    let secure = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        _ => return Err(OriginError("the URL must begin with https:// or http://")),
    };
    let authority = uri.authority().ok_or(OriginError("the URL has no host"))?;
    if authority.as_str().contains('@') {
        return Err(OriginError("the URL must not carry a user name or password"));
    }
    let host = authority.host();
    if host.is_empty() {
        return Err(OriginError("the URL has no host"));
    }
    let port = port(authority, secure)
        .ok_or(OriginError("the URL's port is not a number from 1 to 65535"))?;
    Ok((secure, host, port))
}

/// The port that an authority without a user's name leads to, the scheme's own where it names none; `None`
/// if what stands behind the host is no port: such a URL names no place.
fn port(authority: &Authority, secure: bool) -> Option<u16> {
    match authority.as_str().strip_prefix(authority.host())? {
        "" => Some(default_port(secure)),
        // By itself the parser takes a sign as well. Nothing can listen on port 0.
        rest => rest
            .strip_prefix(':')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|port| *port != 0),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

/// Why a URL names no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginError(&'static str);

impl std::fmt::Display for OriginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests;
