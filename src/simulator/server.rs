use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Simulator;
use super::exchange::{Outcome, exchange};
use super::socket::{Fate, Wire, reset};
use super::state::Shared;
use crate::call::Collected;

/// A [`Simulator`] behind a real socket: HTTP/1.1, and HTTP/2 by prior knowledge with the feature
/// `http2`, on 127.0.0.1 and a free port.
///
/// What the [fault plan](super::FaultPlan) breaks is really broken here: a reset is a TCP reset, a
/// truncated answer ends in the middle. On HTTP/2 such an end takes every request of its connection
/// along, as it does in life.
///
/// Dropping it stops it: its connections end at once, its tasks soon after.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use twilio_proxy::simulator::Simulator;
///
/// let simulator = Simulator::new();
/// let server = simulator.serve().await?;
/// println!("point a client at {}", server.base_url());
/// server.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct SimulatorServer {
    address: SocketAddr,
    tasks: TaskTracker,
    drain: CancellationToken,
    kill: CancellationToken,
}

impl SimulatorServer {
    pub(super) async fn start(simulator: &Simulator) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let server = Self {
            address: listener.local_addr()?,
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            // A child of nothing: draining must not kill.
            kill: CancellationToken::new(),
        };
        let door = Door {
            shared: Arc::clone(&simulator.shared),
            tasks: server.tasks.clone(),
            drain: server.drain.clone(),
            kill: server.kill.clone(),
        };
        server.tasks.spawn(door.open(listener));
        Ok(server)
    }

    /// Where it listens, such as `http://127.0.0.1:49152`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets the requests in flight be answered, and ends. Requests that
    /// the fault plan stalls are not waited for.
    ///
    /// # Cancellation
    ///
    /// Dropped, it stops the server as dropping the server does.
    pub async fn shutdown(self) {
        self.drain.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for SimulatorServer {
    fn drop(&mut self) {
        self.drain.cancel();
        self.kill.cancel();
    }
}

impl fmt::Debug for SimulatorServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Where connections come in.
#[derive(Clone)]
struct Door {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    drain: CancellationToken,
    kill: CancellationToken,
}

impl Door {
    async fn open(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.drain.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) if self.shared.lock().refuse() => reset(&stream),
                Ok((stream, _)) => drop(self.tasks.spawn(self.clone().serve(stream))),
                // Out of file descriptors, most likely: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn serve(self, stream: TcpStream) {
        let fate = Arc::new(Fate::default());
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(Wire::new(stream, Arc::clone(&fate)));
        let answer = service_fn(|request| self.answer(&fate, request));
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut connection = pin!(builder.serve_connection(io, answer));
        let mut draining = false;
        loop {
            tokio::select! {
                // How it ended is the client's to tell; this side has nobody to report to.
                _ = connection.as_mut() => return,
                () = fate.ended() => return,
                () = self.kill.cancelled() => return,
                () = self.drain.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    fn answer(
        &self,
        fate: &Arc<Fate>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Reply>, Infallible>> + use<> {
        let (shared, drain, fate) =
            (Arc::clone(&self.shared), self.drain.clone(), Arc::clone(fate));
        async move {
            let (head, body) = request.into_parts();
            let version = head.version;
            let Ok(body) = body.collect().await else {
                // The client broke off: there is nobody to answer.
                fate.end();
                return pending().await;
            };
            let reply = match exchange(&shared, head, body.to_bytes(), || ()).await {
                Outcome::Answer(response) => response.map(Reply::whole),
                Outcome::Truncated(response) => cut(response),
                Outcome::Garbled(mut response) => {
                    fate.garble();
                    if version < Version::HTTP_2 {
                        let close = HeaderValue::from_static("close");
                        response.headers_mut().insert(header::CONNECTION, close);
                    }
                    response.map(Reply::whole)
                }
                Outcome::Refused | Outcome::Reset => {
                    fate.reset();
                    pending().await
                }
                Outcome::Stalled { _ticket } => {
                    drain.cancelled().await;
                    fate.end();
                    pending().await
                }
            };
            Ok(reply)
        }
    }
}

/// The answer with the length of its whole body and half of the body.
fn cut(response: Response<Collected>) -> Response<Reply> {
    let (mut head, body) = response.into_parts();
    let bytes = body.into_bytes();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    Response::from_parts(head, Reply { bytes: Some(half), breaks: true, flushed: false })
}

/// A body that comes whole, or breaks off.
struct Reply {
    bytes: Option<Bytes>,
    breaks: bool,
    flushed: bool,
}

impl Reply {
    fn whole(body: Collected) -> Self {
        let bytes = Some(body.into_bytes()).filter(|bytes| !bytes.is_empty());
        Self { bytes, breaks: false, flushed: false }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.breaks {
            return Poll::Ready(None);
        }
        if !self.flushed {
            // hyper writes out what it has when a body is not ready, and drops it when one fails:
            // without this turn the half would never leave.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(BrokeOff)))
    }

    fn is_end_stream(&self) -> bool {
        !self.breaks && self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            // The length that the head claims is no length of this body.
            _ if self.breaks => SizeHint::default(),
            bytes => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}

#[derive(Debug)]
struct BrokeOff;

impl fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fault plan breaks the answer off here")
    }
}

impl std::error::Error for BrokeOff {}
