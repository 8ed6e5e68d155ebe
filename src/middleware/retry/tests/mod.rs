//! Behaviour in paused time, no sockets. Here is what the tests share: a mocked server that is
//! talked to from the test's own task, and requests as a gateway would make them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};
use tower_test::mock::{self, Mock, SendResponse};

use super::*;
use crate::call::{BoxError, CallFacts, CallOptions, Collected, Idempotency, StatusClassifier};

mod budget;
mod credentials;
mod decisions;
mod delays;
mod effects;
mod manners;
mod replay;
mod schedules;

type Call = Request<Full<Bytes>>;
type Answer = Response<Collected>;
type Server = mock::Handle<Call, Answer>;
type Outcomes = Result<Answer, BoxError>;

const URI: &str = "https://proxy.example/v1/Services/KS0/Sessions?PageSize=50";
const BODY: &str = "UniqueName=order%201234&Ttl=60";

fn request(method: Method, idempotency: Idempotency, options: CallOptions) -> Call {
    let body = if method == Method::GET { "" } else { BODY };
    let facts = CallFacts::new("sessions.test", idempotency).with_options(Some(options.into()));
    Request::builder()
        .method(method)
        .uri(URI)
        .extension(Arc::new(facts))
        .body(Full::from(body))
        .expect("a request")
}

/// A call that may be repeated whatever came of it.
fn fetch() -> Call {
    request(Method::GET, Idempotency::Safe, CallOptions::new())
}

/// A call that must not be repeated when nobody knows what came of it.
fn create() -> Call {
    request(Method::POST, Idempotency::Unsafe, CallOptions::new())
}

fn facts(call: &Call) -> Arc<CallFacts> {
    Arc::clone(CallFacts::of(call.extensions()).expect("facts"))
}

fn answer(status: u16) -> Answer {
    let mut answer = Response::new(Collected::default());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer
}

fn answer_with_retry_after(status: u16, value: &str) -> Answer {
    let mut answer = answer(status);
    let value = HeaderValue::from_str(value).expect("a header value");
    answer.headers_mut().insert(header::RETRY_AFTER, value);
    answer
}

fn mocked(layer: &RetryLayer) -> (Retry<Mock<Call, Answer>, StatusClassifier>, Server) {
    let (service, server) = mock::pair();
    (layer.layer(service), server)
}

/// Makes one call on a task of its own, through a stack that is gone when the call is over: then
/// the server's next request is `None`.
fn start(layer: &RetryLayer, call: Call) -> (JoinHandle<Outcomes>, Server) {
    let (retry, server) = mocked(layer);
    (tokio::spawn(retry.oneshot(call)), server)
}

async fn next(server: &mut Server) -> (Call, SendResponse<Answer>) {
    server.next_request().await.expect("another attempt")
}

/// What became of a call. One that hangs fails, when a day of paused time has passed in no time.
async fn end(call: JoinHandle<Outcomes>) -> Outcomes {
    let day = Duration::from_secs(24 * 3600);
    tokio::time::timeout(day, call).await.expect("the call hangs").expect("no panic")
}

/// Answers attempt after attempt with this status, and says when each came.
async fn fail_all(server: &mut Server, status: u16) -> Vec<Duration> {
    let start = Instant::now();
    let mut times = Vec::new();
    while let Some((_, respond)) = server.next_request().await {
        times.push(start.elapsed());
        assert!(times.len() < 100, "the call never ends");
        respond.send_response(answer(status));
    }
    times
}

/// The statuses that a call meets, one an attempt, until it is over; then its own result.
async fn run(layer: &RetryLayer, call: Call, statuses: &[u16]) -> (usize, Outcomes) {
    let (done, mut server) = start(layer, call);
    let mut attempts = 0;
    while let Some((_, respond)) = server.next_request().await {
        let status = statuses.get(attempts).expect("an attempt too many");
        attempts += 1;
        respond.send_response(answer(*status));
    }
    (attempts, end(done).await)
}

async fn attempts(layer: &RetryLayer, call: Call, statuses: &[u16]) -> usize {
    run(layer, call, statuses).await.0
}
