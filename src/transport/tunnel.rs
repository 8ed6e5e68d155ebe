use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::call::{Fault, FaultKind, Origin};

/// Which HTTP CONNECT proxy a request is tunnelled through, if any.
#[derive(Clone, Default)]
pub(super) enum TunnelChoice {
    #[default]
    Environment,
    None,
    Given(String),
}

/// Without the URL: it may hold a password.
impl fmt::Debug for TunnelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::None => "None",
            Self::Given(_) => "Given(…)",
        })
    }
}

/// The CONNECT proxies that were configured. Never prints their passwords: hyper-util's matcher keeps
/// them apart from the URLs.
pub(super) struct Tunnels(Matcher);

impl Tunnels {
    /// What the builder was told.
    pub(super) fn new(choice: &TunnelChoice, exceptions: &str) -> Result<Option<Self>, Fault> {
        match choice {
            TunnelChoice::None => Ok(None),
            TunnelChoice::Environment => Self::from_environment(|name| std::env::var(name).ok()),
            TunnelChoice::Given(url) => {
                check("the tunnel", url)?;
                let matcher = Matcher::builder().all(url.as_str()).no(exceptions).build();
                Ok(Some(Self(matcher)))
            }
        }
    }

    /// What the environment says; a name in capitals goes before the same in small letters.
    fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Fault> {
        // In a CGI process `HTTP_PROXY` is the request's own `Proxy` header: anybody's say.
        // https://httpoxy.org/
        if read("REQUEST_METHOD").is_some() {
            return Ok(None);
        }
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = read(name).filter(|value| !value.trim().is_empty())?;
                Some((name, value.trim().to_owned()))
            })
        };
        let mut settings = [
            first(["HTTPS_PROXY", "https_proxy"]),
            first(["HTTP_PROXY", "http_proxy"]),
            first(["ALL_PROXY", "all_proxy"]),
        ];
        if settings.iter().all(Option::is_none) {
            return Ok(None);
        }
        for (name, value) in settings.iter().flatten() {
            check(name, value)?;
        }
        let mut value =
            |index: usize| settings.get_mut(index).and_then(Option::take).unwrap_or_default().1;
        let exceptions = first(["NO_PROXY", "no_proxy"]).unwrap_or_default().1;
        let matcher = Matcher::builder().https(value(0)).http(value(1)).all(value(2));
        Ok(Some(Self(matcher.no(exceptions).build())))
    }

    /// The CONNECT proxy for a connection to `uri`. This machine is reached without one: a proxy
    /// elsewhere would look for the service on *its* loopback.
    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        if Origin::leads_to_loopback(uri).unwrap_or(false) {
            return None;
        }
        self.0.intercept(uri)
    }
}

impl fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// hyper-util takes a URL that it can't read for no proxy at all. The request would then leave by a
/// way that was meant to be closed, so it is an error here. The URL is not repeated: it may hold a password.
fn check(name: &str, url: &str) -> Result<(), Fault> {
    let probe = Matcher::builder().all(url).build();
    match probe.intercept(&Uri::from_static("https://proxy.twilio.com")) {
        Some(_) => Ok(()),
        None => Err(Fault::new(
            FaultKind::Config,
            format!(
                "{name} is no URL of a CONNECT proxy: it must be like http://user:password@host:port"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Result<Option<Tunnels>, Fault> {
        Tunnels::from_environment(|name| {
            let value = pairs.iter().find(|pair| pair.0 == name)?;
            Some(value.1.to_owned())
        })
    }

    fn tunnel_for(pairs: &[(&str, &str)], uri: &'static str) -> Option<String> {
        let tunnels = environment(pairs).expect("well formed")?;
        Some(tunnels.intercept(&Uri::from_static(uri))?.uri().to_string())
    }

    #[test]
    fn the_environment_names_a_proxy_for_each_scheme_and_exceptions() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "b:2"), ("NO_PROXY", "skip.test")];
        assert_eq!(tunnel_for(&both, "https://x.test"), Some("http://a:1/".into()));
        assert_eq!(tunnel_for(&both, "http://x.test"), Some("http://b:2/".into()));
        assert_eq!(tunnel_for(&both, "https://api.skip.test"), None);
        assert_eq!(
            tunnel_for(&[("https_proxy", "a:1")], "https://x.test"),
            Some("http://a:1/".into())
        );
        assert_eq!(tunnel_for(&[("HTTPS_PROXY", " ")], "https://x.test"), None);
        assert_eq!(tunnel_for(&[], "https://x.test"), None);
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        for uri in ["http://localhost:9", "http://127.0.0.1", "https://[::1]:4", "http://LOCALHOST"]
        {
            assert_eq!(tunnel_for(&[("ALL_PROXY", "http://a:1")], uri), None, "{uri}");
        }
    }

    #[test]
    fn a_request_to_a_cgi_script_names_no_proxy() {
        let pairs = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://evil:1")];
        assert_eq!(tunnel_for(&pairs, "http://x.test"), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_an_error_not_a_way_around_it() {
        let fault = environment(&[("HTTPS_PROXY", "ftp://user:secret@a:1")]).expect_err("ftp");
        assert_eq!(fault.kind(), FaultKind::Config);
        assert!(fault.to_string().starts_with("HTTPS_PROXY is no URL"), "{fault}");
        assert!(!format!("{fault:?}").contains("secret"));
    }

    #[test]
    fn the_password_is_not_printed() {
        let tunnels =
            environment(&[("HTTPS_PROXY", "http://user:secret@a:1")]).expect("well formed");
        let printed = format!("{tunnels:?}");
        assert!(printed.contains("a:1") && !printed.contains("secret"), "{printed}");
    }
}
