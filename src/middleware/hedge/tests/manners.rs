//! Readiness, cancellation, facts, and what is logged.

use tokio_test::task;

use super::*;
use crate::call::{CallIds, Rng};
use crate::middleware::deadline::DeadlineLayer;
use crate::middleware::retry::{RetryLayer, StandardPolicy};

/// Polls a call so many times, with time for anything in between, and drops it.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_poll_leaves_nothing_behind() {
    let scripts: [&[Turn]; 4] =
        [&[(150, 200), (900, 200)], &[(900, 200)], &[(150, 0), (900, 200)], &[(50, 200)]];
    for script in scripts {
        for polls in 0..12 {
            let server = Server::new(script);
            let layer = HedgeLayer::new(always());
            let call = read();
            let facts = facts(&call);
            let mut calling = task::spawn(layer.layer(server.clone()).oneshot(call));
            for _ in 0..polls {
                if calling.poll().is_ready() {
                    break;
                }
                tokio::time::advance(ms(60)).await;
            }
            drop(calling);
            assert_eq!(server.alive(), 0, "{script:?} at poll {polls}");
            let seen = mem::take(&mut *server.state.seen.lock().expect("unpoisoned"));
            drop(seen);
            assert_eq!(Arc::strong_count(&facts), 1, "{script:?} at poll {polls}");
            assert_eq!(Arc::strong_count(&server.state), 1, "{script:?} at poll {polls}");
            // What was paid for was made, or given back.
            let handle = layer.handle();
            let fired = u32::try_from(handle.counts().fired).expect("few");
            assert_eq!(fired + handle.available(), polls.min(1), "{script:?} at poll {polls}");
        }
    }
}

/// The service below has no second instance to give: the hedge never goes, and costs nothing.
#[tokio::test(start_paused = true)]
async fn a_second_try_that_never_gets_ready_is_not_paid_for() {
    // The very instance that is readied is called, or this would hang.
    let first = Server::never_twice(&[(900, 200)]);
    let server = first.clone();
    let layer = HedgeLayer::new(always());
    let mut hedge = layer.layer(first);
    let outcome = hedge.ready().await.expect("ready").call(read()).await;
    assert_eq!((status(&outcome), server.times()), (200, vec![0]));
    assert_eq!((counts(&layer), layer.handle().available()), ((0, 0, 0, 0), 1));
}

/// A service that cannot be made ready again fails the second try only.
#[tokio::test(start_paused = true)]
async fn a_second_try_whose_service_fails_to_get_ready_has_failed() {
    #[derive(Default)]
    struct Once {
        is_clone: bool,
    }
    impl Clone for Once {
        fn clone(&self) -> Self {
            Self { is_clone: true }
        }
    }
    impl Service<Call> for Once {
        type Response = Answer;
        type Error = BoxError;
        type Future = Pin<Box<dyn Future<Output = Outcome> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(if self.is_clone { Err("closed".into()) } else { Ok(()) })
        }

        fn call(&mut self, _: Call) -> Self::Future {
            Box::pin(async {
                tokio::time::sleep(ms(900)).await;
                Ok(Response::new(Collected::default()))
            })
        }
    }
    let layer = HedgeLayer::new(always());
    let mut hedge = layer.layer(Once::default());
    let outcome = hedge.ready().await.expect("ready").call(read()).await;
    assert_eq!(status(&outcome), 200);
    assert_eq!((counts(&layer), layer.handle().available()), ((0, 0, 0, 0), 1));
}

/// The facts are the call's, not a try's: attempts of both are counted, each once.
#[tokio::test(start_paused = true)]
async fn attempts_of_both_tries_are_counted_once_each() {
    let retry = RetryLayer::new().policy(StandardPolicy::new().max_attempts(2)).rng(Rng::seeded(1));
    let layer = HedgeLayer::new(always());
    // The first breaks beside the second, and retry sends it again; that one wins.
    let server = Server::new(&[(150, 503), (900, 200), (100, 200)]);
    let call = read();
    let facts = facts(&call);
    assert!(layer.layer(retry.layer(server.clone())).oneshot(call).await.is_ok());
    assert_eq!((server.times().len(), facts.attempts()), (3, 3));
    assert_eq!((server.alive(), counts(&layer)), (0, (1, 0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_both() {
    let server = Server::new(&[(900, 200)]);
    let stack = DeadlineLayer::new(ms(500)).layer(HedgeLayer::new(always()).layer(server.clone()));
    let begun = Instant::now();
    let error = stack.oneshot(read()).await.expect_err("too late");
    assert_eq!(Fault::find(&*error).map(Fault::kind), Some(FaultKind::Deadline));
    assert_eq!((begun.elapsed(), server.times(), server.alive()), (ms(500), vec![0, 100], 0));
}

#[test]
fn layer_service_and_future_can_be_shared_between_threads() {
    struct NeitherCloneNorDebug;
    fn shared<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let layer = HedgeLayer::default().classifier(NeitherCloneNorDebug);
    shared(&layer);
    shared(&layer.handle());
    shared(&HedgeLayer::off().layer(()));
    let server = Server::with(&[(1, 200)], true);
    let hedge = HedgeLayer::off().layer(server);
    sent(&hedge.oneshot(read()));
}

#[tokio::test(start_paused = true)]
async fn the_future_shows_how_the_call_stands() {
    let layer = HedgeLayer::new(always());
    let mut hedge = layer.layer(Server::new(&[(900, 200), (50, 503), (900, 200)]));
    let mut call = task::spawn(hedge.ready().await.expect("ready").call(read()));
    for state in ["waiting", "racing", "lost"] {
        assert!(call.poll().is_pending());
        assert!(format!("{call:?}").contains(state), "{call:?}");
        tokio::time::advance(ms(101)).await;
    }
    let mut off = HedgeLayer::off().layer(Server::new(&[(1, 200)]));
    let call = off.ready().await.expect("ready").call(read());
    assert!(format!("{call:?}").contains("off"));
}

/// Collects what a subscriber prints.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_try_is_logged_without_the_request() {
    let printed = Printed::default();
    let writer = printed.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let id = CallIds::new(&Rng::seeded(3)).next();
    let mut call = read();
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe).with_id(id);
    call.extensions_mut().insert(Arc::new(facts));
    assert_eq!(run(&[(900, 200)], call).await.2, [0, 100]);

    let printed = String::from_utf8(printed.0.lock().expect("unpoisoned").clone()).expect("UTF-8");
    let lines: Vec<_> = printed.lines().filter(|line| line.contains("second try")).collect();
    assert_eq!(lines.len(), 1, "{printed}");
    assert!(lines[0].contains("sessions.fetch") && lines[0].contains("delay=100ms"), "{printed}");
    assert!(lines[0].contains(&id.to_string()), "{printed}");
    assert!(!printed.contains("KC0") && !printed.contains("the body"), "{printed}");
}
