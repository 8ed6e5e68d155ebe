//! A limiter that asks over the network fits the same layer: here one made of a timer.

use std::future::Future;
use std::pin::Pin;

use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceExt};

use super::super::Verdict;
use super::*;
use crate::call::{Effect, FaultKind, Rejection, WhenLimited};

/// Grants a cell every 100 ms for all keys, and takes 20 ms to say so.
#[derive(Clone, Debug, Default)]
struct Remote {
    next: Arc<Mutex<Option<Instant>>>,
    asked: Arc<AtomicUsize>,
}

impl Limiter for Remote {
    type State = ();
    type Asking = Pin<Box<dyn Future<Output = Verdict> + Send>>;

    fn untouched(&self, _: Instant) {}

    fn check(&self, _: &Key, (): &mut (), _: Instant) -> Check<Self::Asking> {
        self.asked.fetch_add(1, SeqCst);
        let next = Arc::clone(&self.next);
        Check::Ask(Box::pin(async move {
            tokio::time::sleep(MS * 10).await;
            let verdict = {
                let (now, mut next) = (Instant::now(), next.lock().expect("unpoisoned"));
                match *next {
                    Some(at) if at > now => Verdict::NotBefore(at),
                    _ => {
                        *next = Some(now + MS * 100);
                        Verdict::Go
                    }
                }
            };
            tokio::time::sleep(MS * 10).await;
            verdict
        }))
    }

    fn earliest(&self, (): &mut (), _: usize, now: Instant) -> Instant {
        now
    }

    fn is_idle(&self, (): &mut (), _: Instant) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn calls_go_in_order_and_two_questions_each_are_enough() {
    let remote = Remote::default();
    let log = Log::new();
    let service = RateLimitLayer::with_limiter(remote.clone()).layer(log.clone());
    let calls = (0..5).map(|number| {
        let call = service.clone().oneshot(plain(number));
        async move {
            tokio::time::sleep(MS * number).await;
            call.await
        }
    });
    futures_util::future::try_join_all(calls).await.expect("all go");
    let at = log.calls();
    assert_eq!(log.numbers(), [0, 1, 2, 3, 4]);
    assert_eq!(at[0].1, MS * 20);
    for pair in at.windows(2) {
        let gap = pair[1].1 - pair[0].1;
        assert!(gap >= MS * 100 && gap <= MS * 121, "{at:?}");
    }
    // Once on arrival, and as head of the line to learn when and to be let go.
    let asked = remote.asked.load(SeqCst);
    assert!(asked <= 3 * 5, "{asked} questions");
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_asks_leaves_the_line_free() {
    let remote = Remote::default();
    let layer = RateLimitLayer::with_limiter(remote);
    let log = Log::new();
    let mut service = layer.layer(log.clone());
    let request = plain(0);
    let facts = facts(&request);
    let mut asks = task::spawn(start(&mut service, request));
    assert_pending!(asks.poll());
    drop(asks);
    assert_eq!(facts.effect(), Effect::None, "asked, and not gone further");
    service.clone().oneshot(plain(1)).await.expect("goes");
    let mut waits = task::spawn(start(&mut service, plain(2)));
    let mut behind = task::spawn(start(&mut service, plain(3)));
    assert_pending!(waits.poll());
    tokio::time::advance(MS * 50).await;
    // Asked in vain and in line by now; then dropped in the middle of its next question or sleep.
    for _ in 0..3 {
        assert_pending!(waits.poll());
        assert_pending!(behind.poll());
        tokio::time::advance(MS * 11).await;
    }
    drop(waits);
    behind.await.expect("goes");
    assert_eq!((log.numbers(), layer.waiting()), (vec![1, 3], 0));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_is_refused_when_the_answer_is_no() {
    let layer = RateLimitLayer::with_limiter(Remote::default()).when_limited(WhenLimited::Refuse);
    let service = layer.layer(Log::new());
    service.clone().oneshot(plain(0)).await.expect("goes");
    let error = service.clone().oneshot(plain(1)).await.expect_err("refused");
    assert_eq!(fault(&error).kind(), FaultKind::Rejected(Rejection::RateLimited));
    assert_eq!(fault(&error).retry_after(), Some(MS * 70));
    assert_eq!(layer.waiting(), 0);
}
