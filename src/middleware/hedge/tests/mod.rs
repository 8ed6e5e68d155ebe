//! Behaviour in paused time, no sockets. Here is what the tests share: a server that follows a script,
//! and calls as a gateway would make them.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::call::{BoxError, CallFacts, CallOptions, Collected, Fault, FaultKind, Idempotency};

mod budget;
mod latency;
mod manners;
mod permission;
mod race;
mod simulation;
mod timing;

type Call = Request<Full<Bytes>>;
type Answer = Response<Collected>;
type Outcome = Result<Answer, BoxError>;

/// What most tests hedge after, in milliseconds.
const DELAY: u64 = 100;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Hedges every read after [`DELAY`], without a budget worth the name.
fn always() -> HedgeSettings {
    HedgeSettings::new().delay(Delay::Fixed(ms(DELAY))).percent(100).burst(1000)
}

fn request(method: Method, idempotency: Idempotency, options: CallOptions) -> Call {
    let facts = CallFacts::new("sessions.test", idempotency).with_options(Some(options.into()));
    let builder = Request::builder().method(method).uri("https://api.example/v1/Sessions/KC0");
    builder.extension(Arc::new(facts)).body(Full::from("the body")).expect("a request")
}

fn read() -> Call {
    request(Method::GET, Idempotency::Safe, CallOptions::new())
}

fn write() -> Call {
    request(Method::POST, Idempotency::Keyed, CallOptions::new())
}

fn facts(call: &Call) -> Arc<CallFacts> {
    Arc::clone(CallFacts::of(call.extensions()).expect("facts"))
}

/// How the server treats one try: so many milliseconds, then this status; 0 breaks the connection.
type Turn = (u64, u16);

/// A server that treats try after try as its script says, the last one of it for ever. Clones are the
/// same server; each must be readied before it is called.
struct Server {
    state: Arc<State>,
    is_clone: bool,
    is_ready: bool,
}

struct State {
    born: Instant,
    script: Mutex<VecDeque<Turn>>,
    seen: Mutex<Vec<Seen>>,
    alive: AtomicUsize,
    clones_get_ready: bool,
}

/// One try, as the server saw it.
struct Seen {
    at: Duration,
    body: Bytes,
    facts: Option<Arc<CallFacts>>,
}

/// Counts the tries that are alive.
struct Alive(Arc<State>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
    }
}

impl Server {
    fn new(script: &[Turn]) -> Self {
        Self::with(script, true)
    }

    /// No clone of it ever gets ready.
    fn never_twice(script: &[Turn]) -> Self {
        Self::with(script, false)
    }

    fn with(script: &[Turn], clones_get_ready: bool) -> Self {
        let state = State {
            born: Instant::now(),
            script: Mutex::new(script.iter().copied().collect()),
            seen: Mutex::default(),
            alive: AtomicUsize::new(0),
            clones_get_ready,
        };
        Self { state: Arc::new(state), is_clone: false, is_ready: false }
    }

    fn turn(&self) -> Turn {
        let mut script = self.state.script.lock().expect("unpoisoned");
        match script.len() {
            1 => script[0],
            _ => script.pop_front().expect("a script"),
        }
    }

    /// When each try came, in milliseconds.
    fn times(&self) -> Vec<u128> {
        self.state.seen.lock().expect("unpoisoned").iter().map(|it| it.at.as_millis()).collect()
    }

    fn alive(&self) -> usize {
        self.state.alive.load(SeqCst)
    }
}

impl Clone for Server {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), is_clone: true, is_ready: false }
    }
}

impl Service<Call> for Server {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Outcome> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.is_clone && !self.state.clones_get_ready {
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        assert!(mem::take(&mut self.is_ready), "called without being ready");
        let (state, (after, status)) = (Arc::clone(&self.state), self.turn());
        state.alive.fetch_add(1, SeqCst);
        let alive = Alive(Arc::clone(&state));
        Box::pin(async move {
            let _alive = alive;
            let facts = CallFacts::of(call.extensions()).cloned();
            let body = call.into_body().collect().await?.to_bytes();
            let seen = Seen { at: state.born.elapsed(), body, facts };
            state.seen.lock().expect("unpoisoned").push(seen);
            if after > 0 {
                tokio::time::sleep(ms(after)).await;
            }
            if status == 0 {
                return Err(Fault::new(FaultKind::Interrupted, format!("broken at {after}")).into());
            }
            let mut answer = Response::new(Collected::default());
            *answer.status_mut() = StatusCode::from_u16(status)?;
            Ok(answer)
        })
    }
}

/// One call over a server with this script, hedged [`always`]: its status, how long it took, and when
/// the tries came, in milliseconds. What loses is gone by then, and nothing has leaked.
async fn run(script: &[Turn], call: Call) -> (u16, u128, Vec<u128>) {
    let server = Server::new(script);
    let hedge = HedgeLayer::new(always()).layer(server.clone());
    let begun = Instant::now();
    let outcome = hedge.oneshot(call).await;
    assert_eq!(server.alive(), 0, "a try outlives its call");
    (status(&outcome), begun.elapsed().as_millis(), server.times())
}

/// The status; 0 for an error.
fn status(outcome: &Outcome) -> u16 {
    outcome.as_ref().map_or(0, |answer| answer.status().as_u16())
}

/// Fired, won, denied, suspended.
fn counts<C>(layer: &HedgeLayer<C>) -> (u64, u64, u64, u64) {
    let HedgeCounts { fired, won, denied, suspended } = layer.handle().counts();
    (fired, won, denied, suspended)
}
