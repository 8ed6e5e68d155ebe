//! When the next attempt comes, and when none does.

use std::sync::Mutex;

use jiff::Timestamp;

use super::*;
use crate::call::{Clock, Rng};

/// A schedule without lots, to see the floor alone.
fn at_once(layer: RetryLayer) -> RetryLayer {
    layer.schedule(FullJitter::new().cap(Duration::ZERO))
}

/// The delay between a first attempt that is answered so, and the second.
async fn delay_after(layer: &RetryLayer, first: Answer) -> Duration {
    let (_done, mut server) = start(layer, fetch());
    let (_, respond) = next(&mut server).await;
    let failed = Instant::now();
    respond.send_response(first);
    let (_, respond) = next(&mut server).await;
    respond.send_response(answer(200));
    failed.elapsed()
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_is_a_floor_with_the_jitter_above_it() {
    let delay = delay_after(&at_once(RetryLayer::new()), answer_with_retry_after(503, "2")).await;
    assert!((2000..=2001).contains(&delay.as_millis()), "{delay:?}");

    let mut above = Vec::new();
    for seed in 0..20 {
        let layer = RetryLayer::new().rng(Rng::seeded(seed));
        let delay = delay_after(&layer, answer_with_retry_after(429, "2")).await;
        assert!((2000..=3001).contains(&delay.as_millis()), "{delay:?}");
        above.push(delay.as_millis());
    }
    above.dedup();
    assert!(above.len() > 10, "clients told the same must not come back together: {above:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_read_by_the_layers_clock() {
    // One second after the answer was made, by a clock that has nothing to do with today.
    let clock = Clock::starting_at("1994-11-06T08:49:37Z".parse::<Timestamp>().expect("a time"));
    tokio::time::advance(Duration::from_millis(500)).await;
    let layer = at_once(RetryLayer::new().clock(clock));
    let date = answer_with_retry_after(503, "Sun, 06 Nov 1994 08:49:39 GMT");
    let delay = delay_after(&layer, date).await;
    assert!((1500..=1501).contains(&delay.as_millis()), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn a_date_that_is_past_means_now() {
    let past = answer_with_retry_after(503, "Sun, 06 Nov 1994 08:49:37 GMT");
    let delay = delay_after(&at_once(RetryLayer::new()), past).await;
    assert!(delay <= Duration::from_millis(1), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn garbage_in_retry_after_is_as_good_as_none() {
    for garbage in ["soon", "-3", "1.5", "", "Sun, 99 Nov 1994 08:49:37 GMT"] {
        let layer = at_once(RetryLayer::new());
        let delay = delay_after(&layer, answer_with_retry_after(503, garbage)).await;
        assert!(delay <= Duration::from_millis(1), "{garbage:?}: {delay:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_more_than_the_cap_is_not_waited_for() {
    for wait in ["61", "18446744073709551616000"] {
        let (done, mut server) = start(&RetryLayer::new(), fetch());
        let start = Instant::now();
        next(&mut server).await.1.send_response(answer_with_retry_after(429, wait));
        let answer = end(done).await.expect("an answer");
        assert_eq!(start.elapsed(), Duration::ZERO);
        // The caller reads there when to come back.
        assert_eq!(answer.headers()[header::RETRY_AFTER], wait);
        assert!(server.next_request().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_cap_on_retry_after_can_be_raised() {
    let policy = StandardPolicy::new().max_retry_after(Duration::from_secs(600));
    let layer = at_once(RetryLayer::new().policy(policy));
    let delay = delay_after(&layer, answer_with_retry_after(429, "600")).await;
    assert_eq!(delay.as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn nobody_sleeps_past_the_deadline() {
    let within = |time| {
        let call = fetch();
        let facts = facts(&call);
        facts.tighten_deadline(facts.started() + Duration::from_millis(time));
        call
    };
    let layer = at_once(RetryLayer::new());

    // A second to sleep and a second left: to begin at the deadline is to fail at it.
    let (done, mut server) = start(&layer, within(1000));
    let began = Instant::now();
    next(&mut server).await.1.send_response(answer_with_retry_after(503, "1"));
    let answer = end(done).await.expect("the answer itself");
    assert_eq!((answer.status().as_u16(), began.elapsed()), (503, Duration::ZERO));
    assert!(server.next_request().await.is_none());

    // A moment more, and there is a second attempt.
    let (_done, mut server) = start(&layer, within(1100));
    next(&mut server).await.1.send_response(answer_with_retry_after(503, "1"));
    assert!(server.next_request().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_stops_a_retry_costs_no_token() {
    let call = fetch();
    facts(&call).tighten_deadline(Instant::now() + Duration::from_millis(1));
    let budget = Budget::default();
    let layer = RetryLayer::new().budget(budget.clone());
    let (done, mut server) = start(&layer, call);
    next(&mut server).await.1.send_response(answer_with_retry_after(503, "1"));
    assert!(end(done).await.is_ok());
    assert_eq!(budget.available(), Budget::CAPACITY);
}

/// The delays of one call that fails at every attempt.
async fn delays(seed: u64, status: u16) -> Vec<Duration> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let layer = RetryLayer::new()
        .policy(StandardPolicy::new().max_attempts(12))
        .rng(Rng::seeded(seed))
        .on_retry(move |event| log.lock().expect("no panic").push(event.delay));
    let (done, mut server) = start(&layer, fetch());
    let times = fail_all(&mut server, status).await;
    assert!(end(done).await.is_ok());
    let seen = seen.lock().expect("no panic").clone();
    // What the hook was told is what came to pass, to the timer's millisecond.
    for (pair, delay) in times.windows(2).zip(&seen) {
        let slept = pair[1].checked_sub(pair[0]).expect("time goes on");
        assert!(slept >= *delay && slept - *delay <= Duration::from_millis(1), "{slept:?}");
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_delays() {
    let (once, again, other) = (delays(7, 503).await, delays(7, 503).await, delays(8, 503).await);
    assert_eq!(once.len(), 11);
    assert_eq!(once, again);
    assert_ne!(once, other);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_spreads_wider() {
    let mut longest = Duration::ZERO;
    for seed in 0..20 {
        let (broken, throttled) = (delays(seed, 503).await[0], delays(seed, 429).await[0]);
        assert!(broken <= Duration::from_millis(50), "{broken:?}");
        assert!(throttled <= Duration::from_secs(1), "{throttled:?}");
        longest = longest.max(throttled);
    }
    assert!(longest > Duration::from_millis(500), "{longest:?}");
}
