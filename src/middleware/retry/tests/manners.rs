//! Readiness, cancellation, the hook, and what is logged.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio_test::task;
use tower::Service;

use super::*;
use crate::call::{CallIds, Class, Fault, FaultKind, Rng};

/// Numbers its clones and writes down what each was asked. Calling one that isn't ready panics.
struct Noted {
    log: Arc<Mutex<Vec<(u32, &'static str)>>>,
    clones: Arc<AtomicU32>,
    number: u32,
    ready: bool,
    fails_when_readied_again: bool,
}

impl Noted {
    fn new() -> Self {
        let (log, clones) = (Arc::default(), Arc::default());
        Self { log, clones, number: 0, ready: false, fails_when_readied_again: false }
    }

    fn note(&self, what: &'static str) {
        self.log.lock().expect("no panic").push((self.number, what));
    }
}

impl Clone for Noted {
    fn clone(&self) -> Self {
        Self {
            log: Arc::clone(&self.log),
            clones: Arc::clone(&self.clones),
            number: self.clones.fetch_add(1, Relaxed) + 1,
            ready: false,
            fails_when_readied_again: self.fails_when_readied_again,
        }
    }
}

impl Service<Call> for Noted {
    type Response = Answer;
    type Error = BoxError;
    type Future = std::future::Ready<Outcomes>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.fails_when_readied_again && self.number > 0 {
            return Poll::Ready(Err("the service is closed".into()));
        }
        self.note("readied");
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Call) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        self.note("called");
        std::future::ready(Ok(answer(503)))
    }
}

#[tokio::test(start_paused = true)]
async fn the_readied_instance_is_called_first_and_a_clone_is_readied_for_the_rest() {
    let service = Noted::new();
    let log = Arc::clone(&service.log);
    let layer = RetryLayer::new().policy(StandardPolicy::new().max_attempts(3));
    let mut retry = layer.layer(service);
    assert!(retry.ready().await.expect("ready").call(fetch()).await.is_ok());
    let expected = [
        (0, "readied"),
        (0, "called"),
        // Number 1 is the one that these are cloned from, and never serves.
        (2, "readied"),
        (2, "called"),
        (3, "readied"),
        (3, "called"),
    ];
    assert_eq!(*log.lock().expect("no panic"), expected);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_to_get_ready_again_is_the_answer() {
    let service = Noted { fails_when_readied_again: true, ..Noted::new() };
    let budget = Budget::default();
    let call = fetch();
    let facts = facts(&call);
    let retry = RetryLayer::new().budget(budget.clone()).layer(service);
    let error = retry.oneshot(call).await.expect_err("closed");
    assert_eq!(error.to_string(), "the service is closed");
    // There was no second attempt, so none is counted and none is paid for.
    assert_eq!((facts.attempts(), budget.available()), (1, Budget::CAPACITY));
}

#[tokio::test(start_paused = true)]
async fn the_layer_is_as_ready_as_the_service_inside() {
    let (mut retry, mut server) = mocked(&RetryLayer::new());
    server.allow(0);
    let mut ready = task::spawn(retry.ready());
    assert!(ready.poll().is_pending());
    server.allow(1);
    assert!(ready.poll().is_ready());
}

#[test]
fn service_and_layer_can_be_shared_between_threads() {
    struct NeitherCloneNorDebug;
    fn shared<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    shared(&RetryLayer::new().classifier(NeitherCloneNorDebug));
    shared(&RetryLayer::new().layer(()));
}

/// Steps a call forward and drops it at each place where it can wait.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_anywhere_leaves_nothing_behind() {
    // What is left of the budget after a drop: before the retry is made all of it, after it not.
    let places = [("trying", 500), ("sleeping", 500), ("readying", 500), ("trying again", 486)];
    for (place, left) in places {
        let budget = Budget::default();
        let layer = RetryLayer::new().budget(budget.clone()).rng(Rng::seeded(1));
        let (mut retry, mut server) = mocked(&layer);
        let request = fetch();
        let facts = facts(&request);
        server.allow(1);
        let mut call = task::spawn(retry.ready().await.expect("ready").call(request));
        assert!(call.poll().is_pending());
        let (first, respond) = next(&mut server).await;
        drop(first);
        let mut held = None;
        if place != "trying" {
            respond.send_response(answer(503));
            assert!(call.poll().is_pending());
            assert_eq!(budget.available(), 486, "{place}");
        }
        if place.starts_with("readying") || place == "trying again" {
            tokio::time::advance(Duration::from_millis(60)).await;
            assert!(call.poll().is_pending());
        }
        if place == "trying again" {
            server.allow(1);
            assert!(call.poll().is_pending());
            held = Some(next(&mut server).await);
        }
        let shows = format!("{call:?}");
        let step = place.split(' ').next().expect("a word");
        assert!(shows.contains(&format!("step: \"{step}\"")), "at {place}: {shows}");

        drop(call);
        drop(held);
        assert_eq!(budget.available(), left, "{place}");
        assert_eq!(Arc::strong_count(&facts), 1, "{place}");
        drop(retry);
        assert!(server.next_request().await.is_none(), "{place}: a clone is still alive");
    }
}

/// An unread body holds its connection: it must go before the sleep, not after it.
#[tokio::test(start_paused = true)]
async fn a_discarded_response_is_dropped_before_the_sleep() {
    let alive = Arc::new(());
    let body = Arc::clone(&alive);
    let service = tower::service_fn(move |_: Call| {
        let mut response = Response::new(Arc::clone(&body));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        std::future::ready(Ok::<_, BoxError>(response))
    });
    let layer = RetryLayer::new().rng(Rng::seeded(1));
    let mut call = task::spawn(layer.layer(service).oneshot(fetch()));
    assert!(call.poll().is_pending());
    // One here, one in the service that is kept for later, none in a response.
    assert_eq!(Arc::strong_count(&alive), 2);
}

#[tokio::test(start_paused = true)]
async fn the_hook_sees_every_retry_and_nothing_else() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let layer = RetryLayer::new().on_retry(move |event| log.lock().expect("no panic").push(*event));
    let id = CallIds::new(&Rng::seeded(3)).next();
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe).with_id(id);
    let mut call = fetch();
    call.extensions_mut().insert(Arc::new(facts));

    let (done, mut server) = start(&layer, call);
    next(&mut server).await.1.send_response(answer(503));
    next(&mut server).await.1.send_error(Fault::new(FaultKind::Connect, "refused"));
    next(&mut server).await.1.send_response(answer(404));
    assert!(end(done).await.is_ok());

    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].attempt, seen[0].class), (1, Class::Unavailable));
    assert_eq!((seen[0].status, seen[0].fault), (Some(StatusCode::SERVICE_UNAVAILABLE), None));
    assert_eq!((seen[1].attempt, seen[1].class), (2, Class::NeverSent));
    assert_eq!((seen[1].status, seen[1].fault), (None, Some(FaultKind::Connect)));
    for event in seen.iter() {
        assert_eq!((event.operation, event.id), ("sessions.fetch", Some(id)));
    }
}

/// Collects what a subscriber prints.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn retries_and_their_end_are_logged_without_the_request() {
    let printed = Printed::default();
    let writer = printed.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mut call = request(Method::POST, Idempotency::Keyed, CallOptions::new().max_attempts(2));
    call.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic c2VjcmV0"));
    let (done, mut server) = start(&RetryLayer::new(), call);
    next(&mut server).await.1.send_response(answer(503));
    next(&mut server).await.1.send_response(answer(500));
    assert!(end(done).await.is_ok());
    assert_eq!(attempts(&RetryLayer::new(), fetch(), &[404]).await, 1);

    let printed = String::from_utf8(printed.0.lock().expect("no panic").clone()).expect("UTF-8");
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(lines[0].contains("trying again") && lines[0].contains("status=503"), "{printed}");
    assert!(
        lines[1].contains("giving up") && lines[1].contains("reason=\"attempts\""),
        "{printed}"
    );
    for secret in ["c2VjcmV0", "PageSize", "KS0", "order"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
