//! What goes out with requests, and where the secret of a client goes.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue, Uri, header};

use super::{GatewayConfig, Problem};
use crate::call::Origin;
use crate::wire::TOKEN_URL;

impl GatewayConfig {
    pub(super) fn check_headers(&self, found: &mut Vec<Problem>) {
        let mut names = BTreeSet::new();
        for (name, value) in self.headers.extra.iter().flatten() {
            let key = format!("headers.extra.{name}");
            let Ok(parsed) = name.parse::<HeaderName>() else {
                found.push(Problem::new(
                    key,
                    "it is no name of a header",
                    "give one such as \"X-Team\"",
                ));
                continue;
            };
            if HeaderValue::from_str(value).is_err() {
                found.push(Problem::new(key, "it can't stand in a header", "give visible ASCII"));
            } else if OURS.contains(&parsed) {
                found.push(Problem::new(
                    key,
                    "this header is the gateway's own",
                    "take it out; credentials belong into `credentials`",
                ));
            } else if !names.insert(parsed.as_str().to_owned()) {
                found.push(Problem::new(
                    key,
                    "the header is there twice: capitals make no difference",
                    "take one of the two out",
                ));
            }
        }
    }

    /// As the client itself would, which is asked only when a gateway is built.
    pub(super) fn check_token_url(&self, url: &str, found: &mut Vec<Problem>) {
        let is_trusted = self.endpoint.allow_plain_http == Some(true);
        let problem = match url.parse::<Uri>().map(|uri| Origin::of(&uri)) {
            Err(_) => "it is no URL".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(origin)) if !(origin.is_secure() || origin.is_loopback() || is_trusted) => {
                "the client's secret would go over the network without TLS".to_owned()
            }
            Ok(Ok(_)) => return,
        };
        let fix = format!("give a URL such as \"{TOKEN_URL}\", without a password");
        found.push(Problem::new("credentials.token_url", problem, fix));
    }
}

/// Headers that layers and transport set by themselves, or that would change what comes back.
const OURS: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::EXPECT,
    header::ACCEPT_ENCODING,
];
