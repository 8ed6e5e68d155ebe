//! Where a callback was sent to, as its sender spells it.

/// A URL, cut where the port may stand. Every piece is the text as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// `https://host`.
    start: &'a str,
    /// The port, where the URL has one.
    port: Option<&'a str>,
    /// The port of the scheme.
    own: &'a str,
    /// A prefix that was taken off on the way here, then path and query.
    rest: [&'a str; 2],
}

impl<'a> Place<'a> {
    /// Cuts a whole URL, or `None` where it is none.
    pub(super) fn read(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        let own = if scheme.eq_ignore_ascii_case("https") {
            "443"
        } else if scheme.eq_ignore_ascii_case("http") {
            "80"
        } else {
            return None;
        };
        let authority = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (start, rest) = url.split_at_checked(scheme.len() + "://".len() + authority)?;
        let authority = after.get(..authority)?;
        // An IPv6 address has colons too, and a bracket behind them.
        let (start, port) = match authority.rsplit_once(':') {
            Some((_, port)) if is_number(port) => {
                (start.get(..start.len() - port.len() - 1)?, Some(port))
            }
            _ => (start, None),
        };
        let host = start.get(scheme.len() + "://".len()..)?;
        (!host.is_empty()).then_some(Self { start, port, own, rest: [rest, ""] })
    }

    /// The same origin and prefix, with this path and query.
    pub(super) fn at(self, path_and_query: &'a str) -> Self {
        Self { rest: [self.rest[0], path_and_query], ..self }
    }

    /// What stands behind the origin.
    pub(super) fn prefix(&self) -> &'a str {
        self.rest[0]
    }

    /// The ports that the sender may have written: none, and the one that it is.
    ///
    /// Twilio's own libraries try both, for it is not consistent in this.
    pub(super) fn ports(&self) -> [Option<&'a str>; 2] {
        [None, Some(self.port.unwrap_or(self.own))]
    }

    /// The URL with this port, in pieces.
    pub(super) fn parts(&self, port: Option<&'a str>) -> [&'a str; 5] {
        let colon = if port.is_some() { ":" } else { "" };
        [self.start, colon, port.unwrap_or_default(), self.rest[0], self.rest[1]]
    }
}

fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}
