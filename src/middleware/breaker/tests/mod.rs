//! What the tests of the breaker share: a server that does as it is told, and calls to it.

mod counting;
mod handle;
mod model;
mod states;
mod threads;
mod time;
mod window;

use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};

use super::{BreakerLayer, CircuitState, CircuitStatus, Settings};
use crate::call::{BoxError, CallFacts, Effect, Fault, FaultKind, Idempotency, Rejection, Rng};

const URL: &str = "https://api.test/v1/Sessions?phone=15550001111";
const SECOND: Duration = Duration::from_secs(1);

/// How the server takes a call.
#[derive(Clone, Debug)]
enum Manner {
    Answer(u16),
    Fail(Fault),
    /// With an error that nobody here has heard of.
    Break,
    Slowly(Duration, u16),
    Hang,
}

impl Manner {
    fn fault(kind: FaultKind) -> Self {
        Self::Fail(Fault::new(kind, "the server's fault"))
    }
}

const FAILS: Manner = Manner::Answer(503);
const GOES_WELL: Manner = Manner::Answer(200);

/// A server, and how many calls reached it.
#[derive(Clone, Debug)]
struct Server(Arc<Mutex<(Manner, usize)>>);

impl Server {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((GOES_WELL, 0))))
    }

    fn does(&self, manner: Manner) {
        self.0.lock().expect("unpoisoned").0 = manner;
    }

    fn reached(&self) -> usize {
        self.0.lock().expect("unpoisoned").1
    }
}

impl Service<Request<Full<Bytes>>> for Server {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<()>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        let mut state = self.0.lock().expect("unpoisoned");
        state.1 += 1;
        let manner = state.0.clone();
        Box::pin(async move {
            let status = match manner {
                Manner::Answer(status) => status,
                Manner::Fail(fault) => return Err(fault.into()),
                Manner::Break => return Err("odd".into()),
                Manner::Slowly(time, status) => {
                    tokio::time::sleep(time).await;
                    status
                }
                Manner::Hang => pending().await,
            };
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            Ok(response)
        })
    }
}

fn request_to(url: &str) -> Request<Full<Bytes>> {
    let mut request = Request::get(url).body(Full::default()).expect("a request");
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe);
    request.extensions_mut().insert(Arc::new(facts));
    request
}

/// A breaker that opens at five failures of ten calls, over a server.
struct Bench {
    layer: BreakerLayer,
    server: Server,
}

impl Bench {
    fn new() -> Self {
        Self::with(Settings::new().min_calls(10))
    }

    fn with(settings: Settings) -> Self {
        let layer = BreakerLayer::new(settings).rng(Rng::seeded(1));
        Self { layer, server: Server::new() }
    }

    async fn call(&self) -> Result<Response<()>, BoxError> {
        self.call_to(URL).await
    }

    async fn call_to(&self, url: &str) -> Result<Response<()>, BoxError> {
        self.layer.layer(self.server.clone()).oneshot(request_to(url)).await
    }

    async fn calls(&self, count: usize, manner: Manner) {
        self.server.does(manner);
        for _ in 0..count {
            let _ = self.call().await;
        }
    }

    /// The rejection of a call that must not reach the server.
    async fn rejected(&self) -> Fault {
        let reached = self.server.reached();
        let error = self.call().await.expect_err("rejected");
        let fault = Fault::find(error.as_ref()).expect("a fault").clone();
        assert_eq!(fault.kind(), FaultKind::Rejected(Rejection::CircuitOpen));
        assert_eq!((fault.effect(), self.server.reached()), (Effect::None, reached));
        fault
    }

    fn status(&self) -> CircuitStatus {
        self.layer.circuits().list().into_iter().next().expect("a circuit")
    }

    fn state(&self) -> CircuitState {
        self.status().state
    }

    /// Opens the circuit, and lets the time pass until it may be tried.
    async fn wait_until_probing(&self) {
        if self.layer.circuits().list().is_empty() || self.state() == CircuitState::Closed {
            self.calls(10, FAILS).await;
        }
        let wait = self.status().retry_after.expect("open");
        tokio::time::sleep(wait).await;
    }
}
