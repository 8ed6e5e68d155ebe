//! When a second try is started, by which clock.

use super::*;
use crate::middleware::deadline::AttemptTimeoutLayer;
use crate::middleware::limit::{Quota, RateLimitLayer};
use crate::middleware::retry::RetryLayer;

#[tokio::test(start_paused = true)]
async fn a_fixed_delay_is_kept_to_the_millisecond() {
    assert_eq!(run(&[(99, 200)], read()).await.2, [0]);
    assert_eq!(run(&[(101, 200)], read()).await.2, [0, 100]);
}

/// A layer that has seen so many reads, each answered after so many milliseconds.
async fn taught(settings: HedgeSettings, answers: impl Iterator<Item = u64>) -> HedgeLayer {
    let layer = HedgeLayer::new(settings);
    for millis in answers {
        let hedge = layer.layer(Server::new(&[(millis, 200)]));
        assert!(hedge.oneshot(read()).await.is_ok());
    }
    layer
}

fn learning() -> HedgeSettings {
    HedgeSettings::new().percent(100).burst(1000)
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_the_live_percentile_and_no_sooner() {
    // 95 of 100 take up to 95 ms.
    let layer = taught(learning(), 1..=96).await;
    let delay = layer.handle().delay("sessions.test").expect("enough is known");
    assert!(delay >= ms(91) && delay <= ms(98), "{delay:?}");

    let server = Server::new(&[(900, 200), (5, 200)]);
    let begun = Instant::now();
    assert!(layer.layer(server.clone()).oneshot(read()).await.is_ok());
    let second = Duration::from_millis(u64::try_from(server.times()[1]).expect("a time"));
    // Tokio's timers go by whole milliseconds.
    assert!(second >= delay && second <= delay + ms(2), "{second:?}, not {delay:?}");
    assert_eq!(begun.elapsed(), second + ms(5));
}

#[tokio::test(start_paused = true)]
async fn until_enough_answers_are_known_nothing_is_hedged() {
    let layer = taught(learning(), (0..63).map(|_| 10)).await;
    assert_eq!(layer.handle().delay("sessions.test"), None);
    let server = Server::new(&[(5000, 200)]);
    assert!(layer.layer(server.clone()).oneshot(read()).await.is_ok());
    assert_eq!(server.times(), [0]);
    assert_eq!(counts(&layer), (0, 0, 0, 0));
    // That was the sixty-fourth.
    assert!(layer.handle().delay("sessions.test").is_some());
}

#[tokio::test(start_paused = true)]
async fn floor_and_cap_hold_the_percentile() {
    let quick = taught(learning(), (0..64).map(|_| 1)).await;
    assert_eq!(quick.handle().delay("sessions.test"), Some(ms(20)));
    let slow = taught(learning(), (0..80).map(|_| 5000)).await;
    assert_eq!(slow.handle().delay("sessions.test"), Some(ms(2000)));
    // Nonsense is no panic.
    let (floor, cap) = (ms(50), ms(10));
    let delay = Delay::Percentile { percent: 200, floor, cap };
    let odd = taught(learning().delay(delay), (0..64).map(|_| 1)).await;
    assert_eq!(odd.handle().delay("sessions.test"), Some(ms(10)));
}

/// A fetch is not slow because lists are.
#[tokio::test(start_paused = true)]
async fn each_operation_has_a_delay_of_its_own() {
    let layer = taught(learning(), (0..64).map(|_| 40)).await;
    let mut list = read();
    list.extensions_mut().insert(Arc::new(CallFacts::new("sessions.list", Idempotency::Safe)));
    let server = Server::new(&[(5000, 200)]);
    assert!(layer.layer(server.clone()).oneshot(list).await.is_ok());
    assert_eq!(server.times(), [0]);

    let delays = layer.handle().delays();
    assert_eq!((delays[1], delays.len()), (("sessions.list", None), 2));
    assert!(delays[0].0 == "sessions.test" && delays[0].1.is_some());
}

/// Had the slow calls that hedges cut short gone uncounted, the percentile would sink, and the delay
/// with it, until every call was slow.
#[tokio::test(start_paused = true)]
async fn calls_that_a_hedge_cut_short_keep_the_percentile_up() {
    let layer = taught(learning(), (0..64).map(|_| 40)).await;
    let delay = || layer.handle().delay("sessions.test").expect("enough is known");
    let before = delay();
    for _ in 0..32 {
        // Half of the calls are slow: the percentile is theirs.
        for script in [&[(40, 200)][..], &[(900, 200), (40, 200)]] {
            assert!(layer.layer(Server::new(script)).oneshot(read()).await.is_ok());
        }
    }
    assert!(delay() > before + ms(20), "{:?} after {before:?}", delay());
}

#[tokio::test(start_paused = true)]
async fn failures_are_no_answers_to_learn_from() {
    let layer = taught(learning().burst(0), (0..64).map(|_| 100)).await;
    let before = layer.handle().delay("sessions.test");
    for _ in 0..64 {
        let hedge = layer.layer(Server::new(&[(500, 503)]));
        assert!(hedge.oneshot(read()).await.is_ok());
    }
    assert_eq!(layer.handle().delay("sessions.test"), before);
}

/// What a layer below does before the attempt begins, such as to fetch a token, is not the server's
/// slowness either, once the attempt has begun.
#[tokio::test(start_paused = true)]
async fn the_delay_counts_from_when_the_attempt_begins() {
    let server = Server::new(&[(900, 200)]);
    let attempt = AttemptTimeoutLayer::new(ms(60_000)).layer(server.clone());
    let fetches = tower::service_fn(move |call: Call| {
        let attempt = attempt.clone();
        async move {
            tokio::time::sleep(ms(60)).await;
            attempt.oneshot(call).await
        }
    });
    let layer = HedgeLayer::new(always());
    assert!(layer.layer(fetches).oneshot(read()).await.is_ok());
    // The first left at 60, the second was due 100 ms later and left after 60 more.
    assert_eq!(server.times(), [60, 220]);
}

/// A rate limit of one call a second, then a server that is slow.
async fn behind_a_queue(is_marked: bool) -> (Vec<u128>, u64) {
    let layer = HedgeLayer::new(always());
    let limit = RateLimitLayer::new(Quota::per_second(1).burst(1));
    let server = Server::new(&[(10, 200), (3000, 200)]);
    let timeout = AttemptTimeoutLayer::new(ms(60_000));
    if is_marked {
        let stack = layer.layer(limit.layer(timeout.layer(server.clone())));
        let (first, second) = tokio::join!(stack.clone().oneshot(read()), stack.oneshot(read()));
        assert!(first.is_ok() && second.is_ok());
    } else {
        let stack = layer.layer(limit.layer(server.clone()));
        let (first, second) = tokio::join!(stack.clone().oneshot(read()), stack.oneshot(read()));
        assert!(first.is_ok() && second.is_ok());
    }
    (server.times(), layer.handle().counts().fired)
}

/// The second call waits a second for its turn, ten times the delay, and is not hedged for that. It
/// is hedged 100 ms after it has gone; that try then waits for the next turn.
#[tokio::test(start_paused = true)]
async fn time_in_our_own_queue_does_not_count() {
    assert_eq!(behind_a_queue(true).await, (vec![0, 1000, 2000], 1));
    // Where no layer below says when an attempt begins, it does when it leaves the queue.
    assert_eq!(behind_a_queue(false).await, (vec![0, 1000, 2000], 1));
}

/// In a queue the call is not hedged at all, however long it stands there.
#[tokio::test(start_paused = true)]
async fn a_call_in_a_queue_is_not_hedged() {
    let layer = HedgeLayer::new(always());
    let limit = RateLimitLayer::new(Quota::per_second(1).burst(1));
    let stack = layer.layer(limit.layer(Server::new(&[(10, 200)])));
    let calls = (0..20).map(|_| stack.clone().oneshot(read()));
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(counts(&layer), (0, 0, 0, 0));
}

/// A hedge would take retry's place, without its pause and without its budget.
#[tokio::test(start_paused = true)]
async fn a_call_that_retry_repeats_is_left_to_retry() {
    let layer = HedgeLayer::new(always());
    let retry = RetryLayer::new().schedule(|| backoff::backoff::Constant::new(ms(400)));
    // One that fails soon is pausing when a hedge is due, and slow when it has gone on.
    let server = Server::new(&[(10, 503), (700, 200)]);
    let outcome = layer.layer(retry.layer(server.clone())).oneshot(read()).await;
    assert_eq!((status(&outcome), server.times()), (200, vec![0, 410]));
    assert_eq!(counts(&layer), (0, 0, 0, 0));
}

/// What retry repeated took several attempts and a pause: no measure of one answer.
#[tokio::test(start_paused = true)]
async fn a_call_that_retry_repeated_is_not_learnt_from() {
    let layer = HedgeLayer::new(learning());
    for _ in 0..640 {
        let stack = layer.layer(RetryLayer::new().layer(Server::new(&[(10, 503), (10, 200)])));
        assert!(stack.oneshot(read()).await.is_ok());
    }
    assert_eq!(layer.handle().delays(), []);
}

/// A try that is slow before it begins, over a connection that was lost, say, has no moment of its own
/// yet when the second one begins. The second one's is not it, or the slow call would count as a quick one.
#[tokio::test(start_paused = true)]
async fn the_second_tries_moment_is_not_taken_for_the_firsts() {
    let held = Delay::Percentile { percent: 95, floor: ms(DELAY), cap: ms(DELAY) };
    let layer = taught(learning().delay(held), (0..64).map(|_| 10)).await;
    let attempt = AttemptTimeoutLayer::new(ms(60_000)).layer(Server::new(&[(5, 200)]));
    for _ in 0..64 {
        let (attempt, tries) = (attempt.clone(), Arc::new(AtomicUsize::new(0)));
        let stuck_at_first = tower::service_fn(move |call: Call| {
            let (attempt, is_first) = (attempt.clone(), tries.fetch_add(1, SeqCst) == 0);
            async move {
                tokio::time::sleep(ms(if is_first { 900 } else { 0 })).await;
                attempt.oneshot(call).await
            }
        });
        assert!(layer.layer(stuck_at_first).oneshot(read()).await.is_ok());
    }
    assert_eq!(counts(&layer), (64, 64, 0, 0));
    let held = Delay::Percentile { percent: 95, floor: ms(0), cap: ms(60_000) };
    layer.handle().set(learning().delay(held));
    let delay = layer.handle().delay("sessions.test").expect("enough is known");
    assert!(delay >= ms(DELAY + 5), "{delay:?}");
}
