//! Behaviour in paused time, no sockets. Here is what the tests share: endpoints that act as they
//! are told, and requests as a gateway would make them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceExt};

use super::group::{Ask, Done, End, Group};
use super::outlier::{Change, Standing};
use super::*;
use crate::call::{
    BoxError, CallFacts, CallOptions, Class, Collected, Effect, Fault, FaultKind, Idempotency,
    Rejection, Rng,
};
use crate::middleware::retry::RetryLayer;

mod addresses;
mod choice;
mod drops;
mod ejection;
mod live;
mod model;
mod moving;
mod writes;

type Call = Request<Full<Bytes>>;
type Answer = Response<Collected>;

const A: &str = "a.test";
const B: &str = "b.test";
const C: &str = "c.test";

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn base(url: &str) -> Base {
    Base::new(&url.parse().unwrap()).unwrap()
}

fn at(host: &str) -> Base {
    base(&format!("https://{host}"))
}

/// A layer over these hosts, which leaves nothing to chance.
fn over(hosts: &[&str]) -> FailoverLayer {
    let layer = FailoverLayer::new(at(hosts[0])).rng(Rng::seeded(7));
    hosts.iter().fold(layer, |layer, host| layer.or(at(host)))
}

fn request(idempotency: Idempotency, options: CallOptions) -> Call {
    let method = if idempotency == Idempotency::Safe { Method::GET } else { Method::POST };
    let mut call = Request::new(Full::new(Bytes::from_static(b"Ttl=60")));
    *call.method_mut() = method;
    *call.uri_mut() = format!("https://{A}/v1/Services?a=b").parse().unwrap();
    let facts = CallFacts::new("test", idempotency).with_options(Some(Box::new(options)));
    call.extensions_mut().insert(Arc::new(facts));
    call
}

fn read() -> Call {
    request(Idempotency::Safe, CallOptions::new())
}

fn write() -> Call {
    request(Idempotency::Keyed, CallOptions::new())
}

fn facts(call: &Call) -> Arc<CallFacts> {
    Arc::clone(CallFacts::of(call.extensions()).unwrap())
}

/// What an endpoint does with a request, and after how long.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Answer(u16, Duration),
    /// Nobody is there.
    Refuse,
    /// It takes the request and breaks off.
    Break,
    /// Its circuit is open, for so many seconds more if that is known.
    Open(Option<u64>),
    Never,
}

const OK: Act = Act::Answer(200, Duration::ZERO);

/// All endpoints behind one service, which notes who was asked and reports to the facts as a
/// transport does. An instance that is called without being ready panics.
struct Doors {
    act: Arc<dyn Fn(&str) -> Act + Send + Sync>,
    seen: Arc<Mutex<Vec<String>>>,
    alive: Arc<()>,
    ready: bool,
}

impl Doors {
    fn new(act: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        let (seen, alive) = (Arc::default(), Arc::default());
        Self { act: Arc::new(act), seen, alive, ready: false }
    }

    /// The hosts that were asked since the last look.
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Clone for Doors {
    fn clone(&self) -> Self {
        let (act, seen) = (Arc::clone(&self.act), Arc::clone(&self.seen));
        Self { act, seen, alive: Arc::clone(&self.alive), ready: false }
    }
}

impl Service<Call> for Doors {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if std::mem::replace(&mut self.ready, true) {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, call: Call) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        let host = call.uri().host().unwrap().to_owned();
        let act = (self.act)(&host);
        self.seen.lock().unwrap().push(host);
        let facts = CallFacts::of(call.extensions()).cloned();
        let alive = Arc::clone(&self.alive);
        Box::pin(async move {
            let _alive = alive;
            let report = |marks: &[fn(&CallFacts)]| {
                if let Some(facts) = &facts {
                    marks.iter().for_each(|mark| mark(facts));
                }
            };
            let (reached, sent) = (CallFacts::mark_reached, CallFacts::mark_sent);
            match act {
                Act::Answer(status, after) => {
                    report(&[reached, sent]);
                    sleep(after).await;
                    let mut answer = Response::new(Collected::new(Bytes::new()));
                    *answer.status_mut() = status.try_into().unwrap();
                    if Effect::of_status(answer.status()) == Effect::None {
                        report(&[CallFacts::mark_harmless]);
                    }
                    Ok(answer)
                }
                Act::Refuse => {
                    report(&[reached]);
                    Err(Fault::new(FaultKind::Connect, "nobody is there").into())
                }
                Act::Break => {
                    report(&[reached, sent]);
                    Err(Fault::new(FaultKind::Interrupted, "it broke off").into())
                }
                Act::Open(seconds) => {
                    let kind = FaultKind::Rejected(Rejection::CircuitOpen);
                    let fault = Fault::new(kind, "the circuit is open");
                    Err(match seconds {
                        Some(seconds) => fault.with_retry_after(Duration::from_secs(seconds)),
                        None => fault,
                    }
                    .into())
                }
                Act::Never => {
                    report(&[reached, sent]);
                    std::future::pending().await
                }
            }
        })
    }
}

/// One attempt by itself: no retry.
async fn once(layer: &FailoverLayer, doors: &Doors, call: Call) -> Result<Answer, BoxError> {
    layer.layer(doors.clone()).oneshot(call).await
}

/// A whole call, tried again by the default policy.
async fn whole(layer: &FailoverLayer, doors: &Doors, call: Call) -> Result<Answer, BoxError> {
    let retry = RetryLayer::new().rng(Rng::seeded(1));
    retry.layer(layer.layer(doors.clone())).oneshot(call).await
}

fn states(layer: &FailoverLayer) -> Vec<EndpointState> {
    layer.endpoints().health().iter().map(|health| health.state).collect()
}

fn pending(layer: &FailoverLayer) -> u32 {
    layer.endpoints().health().iter().map(|health| health.pending).sum()
}
