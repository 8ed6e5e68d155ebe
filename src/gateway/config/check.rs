//! What no single value shows: settings that contradict each other, or that nobody would heed.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::Value;

use super::read::shown;
use super::{CredentialsFrom, GatewayConfig, LayerName, OrNever, Problem, Protocol, order};
use crate::middleware::headers::UserAgent;
use crate::wire::Endpoint;

impl GatewayConfig {
    /// Everything that is wrong with it, as far as can be told without opening a file.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = order::check(self.layers());
        self.check_endpoint(&mut found);
        self.check_credentials(&mut found);
        self.check_signing(&mut found);
        self.check_times(&mut found);
        self.check_bounds(&mut found);
        self.check_counts(&mut found);
        self.check_headers(&mut found);
        self.check_build(&mut found);
        self.check_for_no_effect(&mut found);
        found.into_iter().map(|problem| self.shown(problem)).collect()
    }

    /// The problem, with what stands at its key.
    pub(super) fn shown(&self, problem: Problem) -> Problem {
        // OK because a configuration is plain data.
        let tree = serde_json::to_value(self).unwrap_or_default();
        let value =
            problem.key.split('.').try_fold(&tree, |value, key| match key.split_once('[') {
                None => value.get(key),
                Some((list, at)) => {
                    value.get(list)?.get(at.trim_end_matches(']').parse::<usize>().ok()?)
                }
            });
        shown(problem, value.filter(|value| !value.is_object()), &self.origins)
    }

    fn check_endpoint(&self, found: &mut Vec<Problem>) {
        let endpoint = &self.endpoint;
        let region = endpoint.region.as_deref();
        let own = endpoint.base_url.as_deref().unwrap_or(Endpoint::TWILIO);
        let urls = endpoint.failover_urls.iter().flatten().enumerate();
        let urls =
            urls.map(|(at, url)| (format!("endpoint.failover_urls[{at}]"), url.as_str(), None));
        let edges = endpoint.failover_edges.iter().flatten().enumerate();
        let edges = edges
            .map(|(at, edge)| (format!("endpoint.failover_edges[{at}]"), own, Some(edge.as_str())));
        let first = ("endpoint.base_url".to_owned(), own, endpoint.edge.as_deref());
        for (key, url, edge) in std::iter::once(first).chain(urls).chain(edges) {
            match Endpoint::with_region(url, region, edge) {
                Err(error) => found.push(Problem::new(
                    key,
                    error.to_string(),
                    format!(
                        "give a URL such as \"{}\", and region and edge as Twilio names them",
                        Endpoint::TWILIO
                    ),
                )),
                Ok(at) if is_plain(&at) && endpoint.allow_plain_http != Some(true) => {
                    found.push(Problem::new(
                        key,
                        "the credentials would go over the network without TLS",
                        "begin the URL with https, or say `endpoint.allow_plain_http = true` if you \
                         trust that network",
                    ));
                }
                Ok(_) => {}
            }
        }
        if let Some(agent) = &endpoint.user_agent
            && let Err(error) = UserAgent::default().with(agent)
        {
            found.push(Problem::new(
                "endpoint.user_agent",
                error.to_string(),
                "give a product and a version, such as \"shop/3.1\"",
            ));
        }
    }

    fn check_credentials(&self, found: &mut Vec<Problem>) {
        use CredentialsFrom::{ApiKey, AuthToken, Environment, File, None, Oauth};
        let it = &self.credentials;
        let from = it.source();
        // A key, whether it is given, where it counts, and where it has to be.
        let keys: [(&str, bool, &[CredentialsFrom], &[CredentialsFrom]); 10] = [
            ("account_sid", it.account_sid.is_some(), &[AuthToken, ApiKey, Oauth], &[AuthToken]),
            ("auth_token", it.auth_token.is_some(), &[AuthToken], &[AuthToken]),
            ("api_key_sid", it.api_key_sid.is_some(), &[ApiKey], &[ApiKey]),
            ("api_key_secret", it.api_key_secret.is_some(), &[ApiKey], &[ApiKey]),
            ("file", it.file.is_some(), &[File], &[File]),
            ("check_every", it.check_every.is_some(), &[File], &[]),
            ("client_id", it.client_id.is_some(), &[Oauth], &[Oauth]),
            ("client_secret", it.client_secret.is_some(), &[Oauth], &[Oauth]),
            ("token_url", it.token_url.is_some(), &[Oauth], &[]),
            ("scope", it.scope.is_some(), &[Oauth], &[]),
        ];
        let word = |from: CredentialsFrom| match from {
            Environment => "environment",
            AuthToken => "auth_token",
            ApiKey => "api_key",
            File => "file",
            Oauth => "oauth",
            None => "none",
        };
        for (key, is_given, counts, needed) in keys {
            let key = format!("credentials.{key}");
            if is_given && !counts.contains(&from) {
                let words: Vec<String> =
                    counts.iter().map(|from| format!("\"{}\"", word(*from))).collect();
                found.push(Problem::new(
                    key,
                    format!("it counts for nothing where `credentials.from` is \"{}\"", word(from)),
                    format!("take it out, or set `credentials.from` to {}", words.join(" or ")),
                ));
            } else if !is_given && needed.contains(&from) {
                found.push(Problem::new(
                    key,
                    format!("it is missing, and `credentials.from` is \"{}\"", word(from)),
                    "give it, in the file or as a variable",
                ));
            }
        }
        if let (Oauth, Some(url)) = (from, &it.token_url) {
            self.check_token_url(url, found);
        }
        if from != None && !self.has(LayerName::Auth) {
            found.push(Problem::new(
                "stack",
                "there are credentials, and no layer that puts them on the requests",
                "put `auth` into the stack, or set `credentials.from` to \"none\"",
            ));
        }
    }

    fn check_signing(&self, found: &mut Vec<Problem>) {
        let it = &self.signing;
        if it.key_file.as_ref().is_some_and(|name| name.contains("-----BEGIN")) {
            found.push(Problem::new(
                "signing.key_file",
                "it is a key, and not the name of a file",
                "put the key into a file that this process alone may read, and give its path",
            ));
        }
        let parts = [
            ("key_file", it.key_file.is_some()),
            ("credential_sid", it.credential_sid.is_some()),
            ("api_key_sid", it.api_key_sid.is_some()),
            ("account_sid", it.account_sid.is_some()),
        ];
        if parts.iter().any(|(_, is_given)| *is_given) || it.algorithm.is_some() {
            for (key, _) in parts.iter().filter(|(_, is_given)| !is_given) {
                found.push(Problem::new(
                    format!("signing.{key}"),
                    "it is missing, and there are other settings of the signature",
                    "give it, or take the table out",
                ));
            }
        }
        let key = self.credentials.api_key_sid;
        let are_others = match self.credentials.source() {
            CredentialsFrom::AuthToken | CredentialsFrom::Oauth => true,
            CredentialsFrom::ApiKey => key.is_some() && key != it.api_key_sid,
            CredentialsFrom::Environment | CredentialsFrom::File | CredentialsFrom::None => false,
        };
        if it.api_key_sid.is_some() && are_others {
            found.push(Problem::new(
                "signing.api_key_sid",
                "the credentials are not this API key's, and no request could be sent",
                "set `credentials.from` to \"api_key\" and `credentials.api_key_sid` to this key",
            ));
        }
    }

    fn check_counts(&self, found: &mut Vec<Problem>) {
        if let (Some(min), Some(max)) = (self.concurrency.min, self.concurrency.max)
            && min > max
        {
            found.push(Problem::new(
                "concurrency.min",
                format!("it is more than `concurrency.max`, which is {max}"),
                format!("give {max} or less, or raise `concurrency.max`"),
            ));
        }
        if let (Some(idle), Some(open)) =
            (self.transport.max_idle_per_host, self.transport.max_connections)
            && idle > open.get()
        {
            found.push(Problem::new(
                "transport.max_idle_per_host",
                format!("it is more than `transport.max_connections`, which is {open}: so many are never open"),
                format!("give {open} or less, or raise `transport.max_connections`"),
            ));
        }
        if self.collect.limit.is_some_and(|limit| limit.0 == 0) {
            found.push(Problem::new(
                "collect.limit",
                "no answer could ever be read",
                "give a size such as \"8MiB\"",
            ));
        }
        for (at, status) in self.retry.statuses.iter().flatten().enumerate() {
            let status = StatusCode::from_u16(status.get()).ok();
            if !status.is_some_and(|it| it.is_client_error() || it.is_server_error()) {
                found.push(Problem::new(
                    format!("retry.statuses[{at}]"),
                    "it is no status of a failure",
                    "give a number from 400 to 599",
                ));
            }
        }
    }

    /// What the program was built without, and the rest of a fleet.
    fn check_build(&self, found: &mut Vec<Problem>) {
        if cfg!(not(feature = "http2")) && self.transport.protocol == Some(Protocol::Http2) {
            found.push(Problem::new(
                "transport.protocol",
                "this program was built without HTTP/2",
                "build it with the feature `http2` of twilio-proxy, or choose \"auto\" or \"http1\"",
            ));
        }
        self.check_keep_alive(found);
        let it = &self.fleet;
        if it == &super::FleetConfig::default() {
            return;
        }
        if it.redis.is_none() {
            found.push(Problem::new(
                "fleet.redis",
                "it is missing, and there are other settings of the fleet",
                "give the URL of a Redis, or take the table out",
            ));
        } else if !self.has(LayerName::RateLimit) {
            found.push(Problem::new(
                "fleet",
                "it counts for nothing: the stack has no `rate_limit`",
                "take the table out, or put `rate_limit` into the stack",
            ));
        }
        if cfg!(not(feature = "redis")) {
            found.push(Problem::new(
                "fleet",
                "this program was built without Redis",
                "build it with the feature `redis` of twilio-proxy, or take the table out",
            ));
        }
    }

    /// Whether the questions to a silent HTTP/2 connection are ever asked.
    fn check_keep_alive(&self, found: &mut Vec<Problem>) {
        let it = &self.transport;
        let keys = [
            ("transport.http2_keep_alive", it.http2_keep_alive.is_some()),
            ("transport.http2_keep_alive_timeout", it.http2_keep_alive_timeout.is_some()),
        ];
        let (problem, fix) = if cfg!(not(feature = "http2")) {
            (
                "this program was built without HTTP/2",
                "build it with the feature `http2` of twilio-proxy, or take it out",
            )
        } else if it.protocol == Some(Protocol::Http1) {
            (
                "it counts for nothing where `transport.protocol` is \"http1\"",
                "take it out, or choose \"auto\" or \"http2\"",
            )
        } else if it.http2_keep_alive_timeout.is_some()
            && it.http2_keep_alive == Some(OrNever(None))
        {
            found.push(Problem::new(
                "transport.http2_keep_alive_timeout",
                "it counts for nothing where `transport.http2_keep_alive` is \"never\"",
                "take one of the two out",
            ));
            return;
        } else {
            return;
        };
        for (key, _) in keys.into_iter().filter(|(_, is_given)| *is_given) {
            found.push(Problem::new(key, problem, fix));
        }
    }

    /// Tables for layers that are not in the stack.
    fn check_for_no_effect(&self, found: &mut Vec<Problem>) {
        let Ok(Value::Object(tables)) = serde_json::to_value(self) else { return };
        let in_stack: BTreeSet<&str> = self.layers().iter().map(|layer| layer.as_str()).collect();
        for layer in LayerName::DEFAULT_ORDER.iter().map(|layer| layer.as_str()) {
            let is_set =
                tables.get(layer).and_then(Value::as_object).is_some_and(|table| !table.is_empty());
            if is_set && !in_stack.contains(layer) {
                found.push(Problem::new(
                    layer,
                    format!("it counts for nothing: the stack has no `{layer}`"),
                    format!("take the table out, or put `{layer}` into the stack"),
                ));
            }
        }
        let others = self.endpoint.failover_edges.iter().chain(&self.endpoint.failover_urls);
        if others.flatten().next().is_some() && !self.has(LayerName::Failover) {
            found.push(Problem::new(
                "endpoint",
                "there are several endpoints, and no layer that chooses among them",
                "put `failover` into the stack, or leave one endpoint",
            ));
        }
    }

    pub(super) fn has(&self, layer: LayerName) -> bool {
        self.layers().contains(&layer)
    }
}

fn is_plain(endpoint: &Endpoint) -> bool {
    !endpoint.origin().is_secure() && !endpoint.origin().is_loopback()
}
