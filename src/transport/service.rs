use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, Uri, Version, header};
use http_body::Body;
use http_body_util::Full;
use tower::Service;

use super::body::ResponseBody;
use super::builder::Builder;
use super::connect::Connect;
use super::pool::{Pool, PoolStats, ResponseFuture, Sending};
use super::tcp::DefaultConnector;
use crate::call::{CallFacts, Fault, FaultKind, Origin};

/// Sends requests over pooled connections: the innermost service of a stack.
///
/// Clones are cheap and share the connections. Always ready: how many requests go out at once is
/// for the layers above to say. Dropping the last clone closes the connections that idle; one in
/// use closes when its response has been read.
///
/// It takes absolute `https` URIs, and `http` ones that lead to this machine or were
/// [allowed](Builder::allow_plain_http). It follows no redirect and adds one header, `host`, and the length of a body or of its absence.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use http_body_util::Full;
/// use tower::ServiceExt;
/// use twilio_proxy::call::{Effect, FaultKind};
/// use twilio_proxy::transport::ProxyTransport;
///
/// # tokio_test::block_on(async {
/// // Nobody listens on port 1.
/// let transport = ProxyTransport::builder().without_tls().build()?;
/// let request = Request::get("http://127.0.0.1:1/").body(Full::<Bytes>::default())?;
/// let fault = transport.oneshot(request).await.expect_err("refused");
/// assert_eq!(fault.kind(), FaultKind::Connect);
/// assert_eq!(fault.effect(), Effect::None);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// Raises [`Fault`]s of the kinds `Config` (nothing was sent and nothing will be until the settings
/// change), `Connect`, `Unprocessed` and `Interrupted`; [`classify_error`](super::classify_error)
/// says what proves which.
///
/// # Cancellation
///
/// Dropping the future while it connects leaves the connection to the next call, where there is a
/// connect timeout, and gives it up where there is none. Dropping it later closes an HTTP/1.1 connection and resets an HTTP/2 stream.
/// In both cases the call's [facts](CallFacts) already say whether anything may have been sent.
///
/// # Panics
///
/// Connections are tasks of tokio: calling it outside a runtime panics.
pub struct ProxyTransport<C = DefaultConnector> {
    pool: Pool<C>,
    gate: Gate,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) plain_http: bool,
    pub(super) https: bool,
}

impl Gate {
    pub(super) fn admit<B>(self, request: &Request<B>) -> Result<(), Fault> {
        self.admit_uri(request.uri())?;
        if request.method() == Method::CONNECT {
            let detail = "CONNECT makes a connection into a tunnel, and these are kept for calls";
            return Err(Fault::new(FaultKind::Config, detail));
        }
        match request.version() {
            Version::HTTP_10 | Version::HTTP_11 | Version::HTTP_2 => Ok(()),
            _ => Err(Fault::new(FaultKind::Config, "the request asks for an unknown HTTP version")),
        }
    }

    fn admit_uri(self, uri: &Uri) -> Result<(), Fault> {
        let loopback = Origin::leads_to_loopback(uri).map_err(|error| {
            Fault::new(FaultKind::Config, "the request's URI can't be sent to").with_source(error)
        })?;
        let detail = match uri.scheme() == Some(&Scheme::HTTPS) {
            true if self.https => return Ok(()),
            true => "this transport was built without TLS",
            false if self.plain_http || loopback => return Ok(()),
            false => {
                "plain http sends credentials in the clear: use https, or say allow_plain_http(true)"
            }
        };
        Err(Fault::new(FaultKind::Config, detail))
    }
}

impl ProxyTransport {
    /// Settings, each with its default.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A transport with every setting at its default.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> Result<Self, Fault> {
        Builder::new().build()
    }
}

impl<C> ProxyTransport<C> {
    pub(super) fn from_parts(pool: Pool<C>, gate: Gate) -> Self {
        Self { pool, gate }
    }
}

impl<C> ProxyTransport<C> {
    /// What the pool holds and has done.
    #[must_use]
    pub fn pool_stats(&self) -> PoolStats {
        self.pool.stats()
    }

    /// The same, without keeping the connections: for whoever watches longer than the transport lives.
    pub(crate) fn watch(&self) -> impl Fn() -> PoolStats + use<C> {
        self.pool.watch()
    }

    /// Takes no more calls, closes the connections that nobody uses, and waits until the others are
    /// done: whether they all were within this time. Those that were not go on.
    ///
    /// Calls that come later, through any clone, end in
    /// [`Rejected(Closed)`](crate::call::Rejection::Closed). A call is done when its answer's body has
    /// been read.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twilio_proxy::transport::ProxyTransport;
    ///
    /// # tokio_test::block_on(async {
    /// let transport = ProxyTransport::builder().without_tls().build()?;
    /// assert!(transport.drain(Duration::from_secs(5)).await);
    /// # Ok::<(), twilio_proxy::call::Fault>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the waiting; the pool stays closed.
    pub async fn drain(&self, within: Duration) -> bool {
        self.pool.drain(within).await
    }
}

impl<C: Connect> ProxyTransport<C> {
    /// Opens this many connections to the URI's origin, so that the first calls find them; over HTTP/2
    /// one, which they share. The path is of no matter, and nothing is requested.
    ///
    /// More than [`max_idle_per_host`](Builder::max_idle_per_host) are not kept, and more than
    /// [`max_connections`](Builder::max_connections) are waited for in vain: ask for no more.
    ///
    /// # Errors
    ///
    /// As a call: [`Connect`](FaultKind::Connect) where one of them could not be made. Those that
    /// could are kept.
    ///
    /// # Cancellation
    ///
    /// As a call's.
    pub async fn warm_up(&self, uri: &Uri, connections: usize) -> Result<(), Fault> {
        self.gate.admit_uri(uri)?;
        self.pool.warm_up(uri, connections).await
    }
}

impl<C: Connect> Service<Request<Full<Bytes>>> for ProxyTransport<C> {
    type Response = Response<ResponseBody>;
    type Error = Fault;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> ResponseFuture {
        if let Some(facts) = CallFacts::of(request.extensions()) {
            facts.mark_reached();
        }
        if let Err(fault) = self.gate.admit(&request) {
            return ResponseFuture::refused(fault);
        }
        announce_no_body(&mut request);
        match self.pool.origin(request.uri()) {
            Ok(origin) => ResponseFuture::sending(Sending::new(request, origin)),
            Err(fault) => ResponseFuture::refused(fault),
        }
    }
}

/// A POST without a body says so: hyper leaves the length out, and some servers then answer 411.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-8.6-5>
pub(super) fn announce_no_body(request: &mut Request<Full<Bytes>>) {
    let may_have_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    if may_have_body && request.body().is_end_stream() {
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

impl<C> Clone for ProxyTransport<C> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), gate: self.gate }
    }
}

impl<C> fmt::Debug for ProxyTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyTransport").field("gate", &self.gate).finish_non_exhaustive()
    }
}
