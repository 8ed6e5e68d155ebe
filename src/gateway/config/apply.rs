//! A configuration becomes the settings of a builder.

use secrecy::ExposeSecret;

use super::live::Handles;
use super::{
    Choice, ConfigError, CredentialsFrom, GatewayConfig, HumanDuration, OrNever, Protocol,
};
use crate::call::WhenLimited;
use crate::gateway::{Gateway, GatewayBuilder, ReconcileLayer, StackLayers};
use crate::middleware::auth::Credentials;
use crate::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
#[cfg(feature = "redis")]
use crate::middleware::limit::fleet::RedisLimiter;
use crate::middleware::retry::{Budget, FullJitter};
use crate::transport::{self, ProxyTransport};
use crate::wire::Endpoint;

impl GatewayConfig {
    /// The builder with everything set, by way of these handles where it may change.
    pub(super) fn builder(&self, handles: &Handles) -> Result<GatewayBuilder, ConfigError> {
        let it = &self.endpoint;
        let mut builder = Gateway::builder(Credentials::none())
            .base_url(it.base_url.as_deref().unwrap_or(Endpoint::TWILIO))
            .authorization(handles.authorization.clone())
            .sign_with(handles.signing.clone())
            .quota(handles.quota.clone())
            .breaker(handles.breaker.clone())
            .reconcile(self.reconciling())
            .transport(self.moving()?)
            .allow_plain_http(it.allow_plain_http == Some(true));
        let (region, edge) = self.place();
        builder = region.into_iter().fold(builder, GatewayBuilder::region);
        builder = edge.into_iter().fold(builder, GatewayBuilder::edge);
        builder = it.failover_edges.iter().flatten().fold(builder, GatewayBuilder::failover_edge);
        builder = it.failover_urls.iter().flatten().fold(builder, GatewayBuilder::failover_to);
        builder = it.user_agent.iter().fold(builder, GatewayBuilder::user_agent);
        Ok(self.layered(self.provided(builder)?, handles))
    }

    /// Region and edge. Where credentials come from the environment, so do these if the file says
    /// nothing of them: a region that was overlooked would be another region's sessions.
    fn place(&self) -> (Option<String>, Option<String>) {
        let it = &self.endpoint;
        let place = (it.region.clone(), it.edge.clone());
        if self.credentials.source() != CredentialsFrom::Environment {
            return place;
        }
        // What is no text becomes what is no label, which is refused.
        let named = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        (place.0.or_else(|| named("TWILIO_REGION")), place.1.or_else(|| named("TWILIO_EDGE")))
    }

    /// The layers that have no method of the builder's.
    fn layered(&self, builder: GatewayBuilder, handles: &Handles) -> GatewayBuilder {
        let (deadline, timeout) = (handles.deadline.clone(), handles.attempt_timeout.clone());
        let (policy, ejection) = (handles.retry.clone(), handles.ejection.clone());
        let config = self.clone();
        builder.layers(move |mut layers| {
            layers.deadline = DeadlineLayer::new(deadline);
            layers.attempt_timeout = AttemptTimeoutLayer::new(timeout);
            layers.retry = layers.retry.policy(policy).schedule(config.spacing());
            if let Some(tokens) = config.retry.budget {
                layers.retry = layers.retry.budget(Budget::new(tokens));
            }
            layers.failover = layers.failover.ejection(ejection);
            if let Some(HumanDuration(decay)) = config.failover.decay {
                layers.failover = layers.failover.decay(decay);
            }
            config.limits(config.plain(layers))
        })
    }

    fn limits(&self, mut layers: StackLayers) -> StackLayers {
        let it = &self.rate_limit;
        if it.when_limited == Some(Choice::Refuse) {
            layers.rate_limit = layers.rate_limit.when_limited(WhenLimited::Refuse);
        }
        if let Some(calls) = it.max_waiting {
            layers.rate_limit = layers.rate_limit.max_waiting(calls);
        }
        if let Some(HumanDuration(headroom)) = it.headroom {
            layers.rate_limit = layers.rate_limit.headroom(headroom);
        }
        if let Some(calls) = self.concurrency.max_waiting {
            layers.concurrency = layers.concurrency.max_waiting(calls);
        }
        layers
    }

    fn plain(&self, mut layers: StackLayers) -> StackLayers {
        for (name, value) in self.headers.extra.iter().flatten() {
            // What is none is a problem, which is found before.
            if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
                layers.headers = layers.headers.header(name, value);
            }
        }
        if self.headers.request_id == Some(false) {
            layers.headers = layers.headers.without_request_id();
        }
        if let Some(limit) = self.collect.limit {
            layers.collect = layers.collect.limit(limit.0);
        }
        layers
    }

    pub(super) fn spacing(&self) -> FullJitter {
        let mut spacing = FullJitter::new();
        if let Some(HumanDuration(base)) = self.retry.base {
            spacing = spacing.base(base);
        }
        if let Some(HumanDuration(base)) = self.retry.throttled_base {
            spacing = spacing.throttled_base(base);
        }
        if let Some(HumanDuration(cap)) = self.retry.cap {
            spacing = spacing.cap(cap);
        }
        spacing
    }

    /// The limiter that the fleet shares, if there is a fleet.
    #[cfg(feature = "redis")]
    pub(super) fn fleet_limiter(
        &self,
        handles: &Handles,
    ) -> Result<Option<RedisLimiter>, ConfigError> {
        let it = &self.fleet;
        let Some(url) = &it.redis else { return Ok(None) };
        let mut limiter = RedisLimiter::builder(url.reveal())
            .quota(handles.quota.clone())
            .processes(handles.processes.clone());
        if let Some(prefix) = &it.prefix {
            limiter = limiter.prefix(prefix);
        }
        if let Some(HumanDuration(patience)) = it.patience {
            limiter = limiter.patience(patience);
        }
        limiter.build().map(Some).map_err(|error| {
            let fix = "give a URL such as \"redis://10.0.0.5:6379\" or \"rediss://host\"";
            self.problem("fleet.redis", error.to_string(), fix)
        })
    }

    fn reconciling(&self) -> ReconcileLayer {
        let it = &self.reconcile;
        let layer =
            ReconcileLayer::new().compare_participants(it.compare_participants == Some(true));
        match &it.name_unnamed {
            Some(prefix) => layer.name_unnamed(prefix.as_str()),
            None => layer,
        }
    }

    /// How bytes move.
    pub(super) fn moving(&self) -> Result<transport::Builder, ConfigError> {
        let it = &self.transport;
        let mut transport = ProxyTransport::builder();
        if let Some(OrNever(time)) = it.connect_timeout {
            transport = transport.connect_timeout(time);
        }
        if let Some(OrNever(time)) = it.happy_eyeballs {
            transport = transport.happy_eyeballs(time);
        }
        if let Some(at_once) = it.tcp_nodelay {
            transport = transport.tcp_nodelay(at_once);
        }
        if let Some(OrNever(time)) = it.tcp_keepalive {
            transport = transport.tcp_keepalive(time);
        }
        if let Some(OrNever(time)) = it.idle_timeout {
            transport = transport.idle_timeout(time);
        }
        if let Some(connections) = it.max_idle_per_host {
            transport = transport.max_idle_per_host(connections);
        }
        if let Some(connections) = it.max_connections {
            transport = transport.max_connections(connections.get());
        }
        if let Some(OrNever(age)) = it.max_age {
            transport = transport.max_age(age);
        }
        #[cfg(feature = "http2")]
        if it.http2_keep_alive.is_some() || it.http2_keep_alive_timeout.is_some() {
            let (every, within) = transport::Builder::HTTP2_KEEP_ALIVE;
            let every = it.http2_keep_alive.map_or(Some(every), |OrNever(every)| every);
            let within = it.http2_keep_alive_timeout.map_or(within, |HumanDuration(within)| within);
            transport = transport.http2_keep_alive(every.map(|every| (every, within)));
        }
        transport = match it.protocol {
            Some(Protocol::Http1) => transport.http1_only(),
            #[cfg(feature = "http2")]
            Some(Protocol::Http2) => transport.http2_only(),
            _ => transport,
        };
        if let Some(counts) = it.tunnel_from_env {
            transport = transport.tunnel_from_env(counts);
        }
        if let Some(url) = &it.tunnel {
            transport = transport.tunnel(url.reveal().expose_secret());
        }
        if let Some(exceptions) = &it.tunnel_except {
            transport = transport.tunnel_except(exceptions);
        }
        if let Some(path) = &it.roots_file {
            transport = transport.roots_pem(self.text_of("transport.roots_file", path)?);
        }
        if let Some(path) = &it.add_roots_file {
            transport = transport.add_roots_pem(self.text_of("transport.add_roots_file", path)?);
        }
        Ok(transport)
    }
}
