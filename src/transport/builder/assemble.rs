//! From settings to a transport.

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::super::connect::{Connect, Connector};
use super::super::legacy::LegacyTransport;
use super::super::pool::{Limits, Pool, Speech};
use super::super::service::{Gate, ProxyTransport};
use super::super::tcp::DefaultConnector;
#[cfg(feature = "http2")]
use super::super::tls::Versions;
use super::super::tls::{self, Trust};
use super::super::tunnel::Tunnels;
use super::Builder;
use crate::call::Fault;

impl Builder {
    pub(super) fn over_tcp(
        &self,
    ) -> Result<(DefaultConnector, Option<rustls::ClientConfig>), Fault> {
        if matches!(self.trust, Trust::ByConnector) {
            return Err(tls::config_fault("tls_by_connector needs a connector: use build_with"));
        }
        let tls = self.tls()?;
        let tunnels = Tunnels::new(&self.tunnel, &self.tunnel_except)?;
        let mut tcp = HttpConnector::new_with_resolver(self.resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(self.tcp_nodelay);
        tcp.set_keepalive(self.tcp_keepalive);
        tcp.set_happy_eyeballs_timeout(self.happy_eyeballs);
        Ok((DefaultConnector::new(tcp, tunnels, tls.as_ref()), tls))
    }

    fn gate(&self, tls: Option<&rustls::ClientConfig>) -> Gate {
        let https = tls.is_some() || matches!(self.trust, Trust::ByConnector);
        Gate { plain_http: self.allow_plain_http, https }
    }

    pub(super) fn assemble<C: Connect>(
        self,
        connector: C,
        tls: Option<rustls::ClientConfig>,
    ) -> ProxyTransport<C> {
        let gate = self.gate(tls.as_ref());
        let limits = Limits {
            idle_timeout: self.idle_timeout,
            max_idle: self.max_idle_per_host,
            max_connections: self.max_connections.unwrap_or(usize::MAX),
        };
        let offers = |tls: &rustls::ClientConfig| {
            tls.alpn_protocols.iter().any(|protocol| protocol.as_slice() == b"h2")
        };
        let speech = Speech {
            #[cfg(feature = "http2")]
            http2_only: self.versions == Versions::Http2,
            #[cfg(not(feature = "http2"))]
            http2_only: false,
            offers_http2: tls.as_ref().is_some_and(offers),
            #[cfg(feature = "http2")]
            keep_alive: self.keep_alive,
            max_age: self.max_age,
        };
        let connector = Connector::new(connector, tls, self.connect_timeout);
        let bounded = self.connect_timeout.is_some();
        ProxyTransport::from_parts(Pool::new(connector, speech, limits, bounded), gate)
    }

    pub(super) fn assemble_legacy<C: Connect>(
        self,
        connector: C,
        tls: Option<rustls::ClientConfig>,
    ) -> LegacyTransport<C> {
        let gate = self.gate(tls.as_ref());
        let mut client = Client::builder(TokioExecutor::new());
        client
            .timer(TokioTimer::new())
            // Without a timer the idle timeout is looked at only when a connection is wanted.
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.max_idle_per_host)
            // Safe for any method: hyper hands a request back only if it never began to write it,
            // and the pool sends it again only if the connection had been used before. That is the
            // common end of a kept connection, and costs the caller no attempt.
            .retry_canceled_requests(true);
        #[cfg(feature = "http2")]
        {
            client.http2_only(self.versions == Versions::Http2);
            if let Some((every, within)) = self.keep_alive {
                client.http2_keep_alive_interval(every).http2_keep_alive_timeout(within);
            }
        }
        let connector = Connector::new(connector, tls, self.connect_timeout);
        LegacyTransport::from_parts(client.build(connector), gate)
    }
}
