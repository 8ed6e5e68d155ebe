//! The same transport over hyper-util's `client::legacy`, the pool that most Rust services run on.

mod future;

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use tower::Service;

use super::body::ResponseBody;
use super::connect::{Connect, Connector};
use super::service::{Gate, announce_no_body};
use super::tcp::DefaultConnector;
use crate::call::{CallFacts, Fault};
pub use future::LegacyFuture;
use future::Witness;

/// [`ProxyTransport`](super::ProxyTransport) over hyper-util's pool in place of this crate's own.
///
/// The connector, the faults, the facts and what goes over the wire are the same, and the same tests
/// hold both. It costs about a tenth more CPU time a call, and knows no cap, no greatest age, no
/// warm-up and no draining. Take it where a pool that half the ecosystem has run for years weighs more.
///
/// ```
/// use twilio_proxy::transport::ProxyTransport;
///
/// let transport = ProxyTransport::builder().without_tls().build_legacy()?;
/// # Ok::<(), twilio_proxy::call::Fault>(())
/// ```
///
/// # Errors
///
/// As [`ProxyTransport`](super::ProxyTransport).
///
/// # Cancellation
///
/// Dropping the future while it connects gives the connection up, or leaves it to the pool where
/// it is nearly there. Dropping it later closes an HTTP/1.1 connection and resets an HTTP/2 stream.
/// In both cases the call's [facts](CallFacts) already say whether anything may have been sent.
///
/// # Panics
///
/// Connections are tasks of tokio: calling it outside a runtime panics.
pub struct LegacyTransport<C = DefaultConnector> {
    client: Client<Connector<C>, Full<Bytes>>,
    gate: Gate,
}

impl<C> LegacyTransport<C> {
    pub(super) fn from_parts(client: Client<Connector<C>, Full<Bytes>>, gate: Gate) -> Self {
        Self { client, gate }
    }
}

impl<C: Connect> Service<Request<Full<Bytes>>> for LegacyTransport<C> {
    type Response = Response<ResponseBody>;
    type Error = Fault;
    type Future = LegacyFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> LegacyFuture {
        if let Some(facts) = CallFacts::of(request.extensions()) {
            facts.mark_reached();
        }
        if let Err(fault) = self.gate.admit(&request) {
            return LegacyFuture::refused(fault);
        }
        announce_no_body(&mut request);
        let witness = Witness::of(&mut request);
        LegacyFuture::sending(self.client.request(request), witness)
    }
}

impl<C> Clone for LegacyTransport<C> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), gate: self.gate }
    }
}

impl<C> fmt::Debug for LegacyTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyTransport").field("gate", &self.gate).finish_non_exhaustive()
    }
}
