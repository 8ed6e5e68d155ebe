mod assemble;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tower::Service;

use super::connect::Connect;
use super::legacy::LegacyTransport;
use super::resolve::{HostName, Resolver};
use super::service::ProxyTransport;
use super::tls::{self, Trust, Versions};
use super::tunnel::TunnelChoice;
use crate::call::{BoxError, Fault};

/// Settings of a [`ProxyTransport`], each with a default that suits a long-running process.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::transport::ProxyTransport;
///
/// let transport = ProxyTransport::builder()
///     .connect_timeout(Duration::from_secs(2))
///     .idle_timeout(Duration::from_secs(20))
///     .allow_plain_http(true) // a sidecar does the TLS
///     .without_tls()
///     .build()?;
/// # Ok::<(), twilio_proxy::call::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    connect_timeout: Option<Duration>,
    happy_eyeballs: Option<Duration>,
    tcp_nodelay: bool,
    tcp_keepalive: Option<Duration>,
    resolver: Resolver,
    tunnel: TunnelChoice,
    tunnel_except: String,
    idle_timeout: Option<Duration>,
    max_idle_per_host: usize,
    max_connections: Option<usize>,
    max_age: Option<Duration>,
    allow_plain_http: bool,
    trust: Trust,
    roots: Vec<Vec<u8>>,
    versions: Versions,
    #[cfg(feature = "http2")]
    keep_alive: Option<(Duration, Duration)>,
}

impl Builder {
    /// How often an HTTP/2 connection is asked whether it is there, and how long it has to answer.
    #[cfg(feature = "http2")]
    pub(crate) const HTTP2_KEEP_ALIVE: (Duration, Duration) =
        (Duration::from_secs(20), Duration::from_secs(10));

    pub(super) fn new() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(5)),
            happy_eyeballs: Some(Duration::from_millis(250)),
            tcp_nodelay: true,
            tcp_keepalive: Some(Duration::from_secs(60)),
            resolver: Resolver::system(),
            tunnel: TunnelChoice::default(),
            tunnel_except: String::new(),
            idle_timeout: Some(Duration::from_secs(50)),
            max_idle_per_host: 100,
            max_connections: None,
            max_age: None,
            allow_plain_http: false,
            trust: Trust::default(),
            roots: Vec::new(),
            #[cfg(feature = "http2")]
            versions: Versions::Both,
            #[cfg(not(feature = "http2"))]
            versions: Versions::Http1,
            #[cfg(feature = "http2")]
            keep_alive: Some(Self::HTTP2_KEEP_ALIVE),
        }
    }

    /// How long a connection may take to come about: name look-up, TCP, CONNECT proxy and TLS
    /// together. 5 s: several round trips around the world, a lost packet included. `None` leaves
    /// it to the layers above.
    ///
    /// A call that waits for a connection also takes one that another call gives back meanwhile.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// How long the first family of addresses (IPv6, mostly) is tried before the other is tried
    /// beside it. 250 ms, as <https://www.rfc-editor.org/rfc/rfc8305#section-8> recommends; `None`
    /// tries one address after the other.
    #[must_use]
    pub fn happy_eyeballs(mut self, delay: impl Into<Option<Duration>>) -> Self {
        self.happy_eyeballs = delay.into();
        self
    }

    /// Whether small writes leave at once (TCP_NODELAY). They do: a request is one write, and
    /// holding its last packet back gains nothing.
    #[must_use]
    pub fn tcp_nodelay(mut self, enabled: bool) -> Self {
        self.tcp_nodelay = enabled;
        self
    }

    /// How long a TCP connection may be silent before the kernel asks whether the other side is
    /// still there. 60 s: address translators on the way often forget a silent connection after a
    /// few minutes. `None` never asks.
    #[must_use]
    pub fn tcp_keepalive(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.tcp_keepalive = after.into();
        self
    }

    /// Looks names up with this service, in place of the operating system.
    ///
    /// The port of an address it returns counts only where the URL names none and it isn't 0.
    #[must_use]
    pub fn resolver<R>(mut self, resolver: R) -> Self
    where
        R: Service<HostName> + Clone + Send + Sync + 'static,
        R::Response: IntoIterator<Item = SocketAddr>,
        R::Error: Into<BoxError>,
        R::Future: Send + 'static,
    {
        self.resolver = Resolver::custom(resolver);
        self
    }

    /// Sends every request by a tunnel through this HTTP CONNECT proxy, whatever the environment says:
    /// `http://user:password@host:port`, or `https://` for TLS up to the proxy too. User and
    /// password, percent-encoded in the URL, go to the proxy as `Proxy-Authorization`, and nowhere
    /// else.
    ///
    /// This machine (`localhost`, loopback addresses) is always reached without a tunnel.
    #[must_use]
    pub fn tunnel(mut self, url: impl Into<String>) -> Self {
        self.tunnel = TunnelChoice::Given(url.into());
        self
    }

    /// The exceptions to [`Builder::tunnel`], as in `NO_PROXY`: names (their subdomains included),
    /// addresses and networks, parted by commas; `*` for all.
    #[must_use]
    pub fn tunnel_except(mut self, exceptions: impl Into<String>) -> Self {
        self.tunnel_except = exceptions.into();
        self
    }

    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` of the environment count, in
    /// capitals or small letters. They do: where an administrator has set them there is often no
    /// other way out. They are read once, by `build`.
    ///
    /// The variables name HTTP CONNECT proxies, as [`Builder::tunnel`] does, and exceptions, as
    /// [`Builder::tunnel_except`] does; this setting replaces an earlier [`Builder::tunnel`].
    #[must_use]
    pub fn tunnel_from_env(mut self, enabled: bool) -> Self {
        self.tunnel = if enabled { TunnelChoice::Environment } else { TunnelChoice::None };
        self
    }

    /// How long a connection that nobody uses is kept. It is never used again after that, and
    /// closed no later than after twice that.
    ///
    /// 50 s, to be ahead of the load balancers that close after 60 s
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout>):
    /// a request that crosses their close on the wire fails with unknown effect. `None` keeps it
    /// until the server closes.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into();
        self
    }

    /// How many connections per host are kept while nobody uses them; 0 keeps none. 100: more than
    /// a process has in flight in its quiet hours. It is no limit on the connections in use; the
    /// concurrency limit is.
    #[must_use]
    pub fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.max_idle_per_host = connections;
        self
    }

    /// How many connections an origin may have open at once. `None`, the default, sets no limit but
    /// that of the calls in flight.
    ///
    /// Calls beyond it wait in the order in which they came, for a connection that is given back or
    /// for room to open one, and no longer than until the call's
    /// [deadline](crate::call::CallFacts::deadline). At least 1; of no effect on
    /// [`Builder::build_legacy`].
    #[must_use]
    pub fn max_connections(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.max_connections = connections.into().map(|most| most.max(1));
        self
    }

    /// How long a connection is used before another takes its place, less up to a tenth by chance, so
    /// that a fleet that started together doesn't connect anew together. `None`, the default, keeps
    /// it for as long as it is good.
    ///
    /// What a name resolves to is asked when a connection is made: this bounds how long a change
    /// goes unnoticed. Calls under way are never cut. Of no effect on [`Builder::build_legacy`].
    #[must_use]
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.max_age = age.into();
        self
    }

    /// Whether `http://` may go to other machines. It may not: credentials would be readable on
    /// the way. This machine is always allowed.
    #[must_use]
    pub fn allow_plain_http(mut self, allowed: bool) -> Self {
        self.allow_plain_http = allowed;
        self
    }

    /// Trusts the certificates that the operating system trusts. The default, where the feature is on.
    #[cfg(feature = "platform-roots")]
    #[must_use]
    pub fn platform_roots(mut self) -> Self {
        self.trust = Trust::Platform;
        self
    }

    /// Trusts Mozilla's root certificates, compiled in. The default where `platform-roots` is off,
    /// and what that falls back on where the operating system has no certificates.
    #[cfg(feature = "bundled-roots")]
    #[must_use]
    pub fn bundled_roots(mut self) -> Self {
        self.trust = Trust::Bundled;
        self
    }

    /// Trusts these root certificates and no others: the contents of a PEM file.
    #[must_use]
    pub fn roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.trust = Trust::Given;
        self.roots = vec![pem.as_ref().to_vec()];
        self
    }

    /// Trusts these root certificates too: the contents of a PEM file, such as that of a
    /// company that inspects its traffic.
    #[must_use]
    pub fn add_roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Does TLS as this configuration says: client certificates, other cryptography, a verifier of
    /// your own. Where it names no protocols for ALPN, they are filled in.
    #[must_use]
    pub fn tls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.trust = Trust::Custom(config.into());
        self
    }

    /// Takes the streams of the connector for secured already, so that `https` goes over them as
    /// they are. For [`Builder::build_with`]: `build` connects by plain TCP and refuses it.
    ///
    /// What such a stream agreed on by ALPN is not seen: it speaks HTTP/1.1, or HTTP/2 where
    /// `http2_only` says so.
    #[must_use]
    pub fn tls_by_connector(mut self) -> Self {
        self.trust = Trust::ByConnector;
        self
    }

    /// Does no TLS at all: only `http` can be asked for, so no certificates are needed.
    #[must_use]
    pub fn without_tls(mut self) -> Self {
        self.trust = Trust::Off;
        self
    }

    /// Speaks HTTP/1.1 only.
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 only, also over plain TCP, where both sides must know beforehand. The default
    /// offers both and lets the server choose, which over plain TCP means HTTP/1.1.
    #[cfg(feature = "http2")]
    #[must_use]
    pub fn http2_only(mut self) -> Self {
        self.versions = Versions::Http2;
        self
    }

    /// How often an HTTP/2 connection with requests in flight is asked whether it is still there,
    /// and how long it may take to answer before it is given up. Every 20 s, and 10 s: all calls of
    /// a process share one connection, so a dead one must not be waited for until TCP gives up.
    /// `None` never asks. A connection that idles is not asked: servers count that as abuse.
    #[cfg(feature = "http2")]
    #[must_use]
    pub fn http2_keep_alive(
        mut self,
        every_within: impl Into<Option<(Duration, Duration)>>,
    ) -> Self {
        self.keep_alive = every_within.into();
        self
    }

    /// The transport, over TCP.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::call::FaultKind::Config): there are no certificates to trust (the fault
    /// says which feature or setting would bring some), a certificate is damaged, or the URL of a
    /// CONNECT proxy can't be read.
    pub fn build(self) -> Result<ProxyTransport, Fault> {
        let (connector, tls) = self.over_tcp()?;
        Ok(self.assemble(connector, tls))
    }

    /// The same over hyper-util's `client::legacy` in place of this crate's own pool.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn build_legacy(self) -> Result<LegacyTransport, Fault> {
        let (connector, tls) = self.over_tcp()?;
        Ok(self.assemble_legacy(connector, tls))
    }

    /// The transport, over streams that `connector` opens, with TLS put over them for `https`. The
    /// settings of TCP, resolver and tunnel are the connector's own business then, and not used.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn build_with<C: Connect>(self, connector: C) -> Result<ProxyTransport<C>, Fault> {
        let tls = self.tls()?;
        Ok(self.assemble(connector, tls))
    }

    /// The same over hyper-util's `client::legacy`.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn build_legacy_with<C: Connect>(self, connector: C) -> Result<LegacyTransport<C>, Fault> {
        let tls = self.tls()?;
        Ok(self.assemble_legacy(connector, tls))
    }

    fn tls(&self) -> Result<Option<rustls::ClientConfig>, Fault> {
        tls::client_config(&self.trust, &self.roots, self.versions)
    }
}
