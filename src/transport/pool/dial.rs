//! Making a connection, and starting the task that moves its bytes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "http2")]
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::Connection as _;
use tokio::time::Instant;
use tower::Service;

use super::http1::{Driver, Kept};
use super::link::Link;
use super::origin::{DialGuard, Origin};
use super::state::Protocol;
use crate::call::{Fault, Rng};
use crate::transport::connect::{Connect, Connector};
use crate::transport::fault::{raise_broken_start, raise_connect};
use crate::transport::io::Io;

/// How connections are made and what they speak.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport) struct Speech {
    /// HTTP/2 without asking.
    pub(in crate::transport) http2_only: bool,
    /// Whether HTTP/2 is offered where TLS can agree on it.
    pub(in crate::transport) offers_http2: bool,
    /// How often an HTTP/2 connection is asked whether it is there, and how long it may take.
    #[cfg(feature = "http2")]
    pub(in crate::transport) keep_alive: Option<(Duration, Duration)>,
    pub(in crate::transport) max_age: Option<Duration>,
}

pub(super) type Dialing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What makes an origin's connections; the pool does not care what they are made of.
pub(super) trait Dial: Send + Sync {
    fn begin(&self, guard: DialGuard) -> Dialing;
}

/// A connection that was just made.
pub(super) trait Made: Send {
    fn protocol(&self) -> Protocol;

    /// Starts its task and gives it to the pool.
    fn enter(self: Box<Self>, origin: &Arc<Origin>);
}

pub(super) struct Dialer<C> {
    pub(super) connector: Connector<C>,
    pub(super) to: Uri,
    pub(super) speech: Speech,
    pub(super) rng: Arc<Rng>,
}

impl<C: Connect> Dial for Dialer<C> {
    fn begin(&self, guard: DialGuard) -> Dialing {
        let opening = self.connector.clone().call(self.to.clone());
        let speech = self.speech;
        // A fleet that was started together must not connect anew together.
        let age = speech.max_age.map(|most| most - self.rng.up_to(most / 10));
        Box::pin(async move {
            let made = match opening.await {
                Ok(stream) => shake_hands::<C>(stream, speech, age).await,
                Err(error) => Err(raise_connect(error)),
            };
            guard.end(made);
        })
    }
}

type Stream<C> = MaybeHttpsStream<Io<<C as Connect>::Stream>>;

async fn shake_hands<C: Connect>(
    stream: Stream<C>,
    speech: Speech,
    age: Option<Duration>,
) -> Result<Box<dyn Made>, Fault> {
    #[cfg(feature = "http2")]
    if speech.http2_only || stream.connected().is_negotiated_h2() {
        use hyper_util::rt::{TokioExecutor, TokioTimer};
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        if let Some((every, within)) = speech.keep_alive {
            builder.keep_alive_interval(every).keep_alive_timeout(within);
        }
        let (sender, connection) = builder.handshake(stream).await.map_err(raise_broken_start)?;
        let most = connection.current_max_send_streams();
        return Ok(Box::new(MadeHttp2 { sender, connection, most, age }));
    }
    let _ = (speech, stream.connected());
    let (sender, connection) = http1::handshake(stream).await.map_err(raise_broken_start)?;
    Ok(Box::new(MadeHttp1 { sender, connection, age }))
}

fn expiry(age: Option<Duration>, now: Instant) -> Option<Instant> {
    age.and_then(|age| now.checked_add(age))
}

struct MadeHttp1<T: hyper::rt::Read + hyper::rt::Write> {
    sender: http1::SendRequest<Full<Bytes>>,
    connection: http1::Connection<T, Full<Bytes>>,
    age: Option<Duration>,
}

impl<T> Made for MadeHttp1<T>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    fn protocol(&self) -> Protocol {
        Protocol::Http1
    }

    fn enter(self: Box<Self>, origin: &Arc<Origin>) {
        let (link, now) = (Arc::new(Link::default()), Instant::now());
        let kept = Kept::new(self.sender, Arc::clone(&link), now, expiry(self.age, now));
        origin.spawn(Driver::new(self.connection, link, Arc::downgrade(origin)));
        origin.give_new(kept);
    }
}

#[cfg(feature = "http2")]
struct MadeHttp2<T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static> {
    sender: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    connection:
        hyper::client::conn::http2::Connection<T, Full<Bytes>, hyper_util::rt::TokioExecutor>,
    most: usize,
    age: Option<Duration>,
}

#[cfg(feature = "http2")]
impl<T> Made for MadeHttp2<T>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    fn protocol(&self) -> Protocol {
        Protocol::Http2
    }

    fn enter(self: Box<Self>, origin: &Arc<Origin>) {
        let (id, most) = (origin.new_id(), Arc::new(AtomicUsize::new(self.most)));
        let now = Instant::now();
        let expires = expiry(self.age, now);
        let shared = super::http2::Shared::new(id, self.sender, Arc::clone(&most), now, expires);
        // Entered first: its end must find it.
        origin.share(shared);
        let driver = super::http2::Driver::new(self.connection, most, id, Arc::downgrade(origin));
        origin.spawn(driver);
    }
}
