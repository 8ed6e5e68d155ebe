//! Calls that would go so late that nobody hears their answer: 33 of 720 did in a simulation, each
//! cut off in flight by its deadline with nobody knowing what came of it.

use tokio_test::{assert_pending, assert_ready, task};
use tower::Layer;

use super::*;
use crate::call::{Effect, FaultKind, Live, Rejection};

const LIMITED: FaultKind = FaultKind::Rejected(Rejection::RateLimited);

fn within(number: u32, millis: u32) -> Request<u32> {
    let request = plain(number);
    facts(&request).tighten_deadline(Instant::now() + MS * millis);
    request
}

#[tokio::test(start_paused = true)]
async fn a_cell_that_would_come_just_before_the_deadline_is_not_waited_for() {
    let log = Log::new();
    let mut service = RateLimitLayer::new(Quota::per_minute(12)).layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    // The cell comes after 5 s, and half a second is to be left.
    let error = refusal(start(&mut service, within(1, 5499))).await;
    assert_eq!((fault(&error).kind(), fault(&error).effect()), (LIMITED, Effect::None));
    assert_eq!(fault(&error).retry_after(), Some(MS * 5000));
    start(&mut service, within(2, 5500)).await.expect("there is time enough");
    assert_eq!(log.calls(), [(0, Duration::ZERO), (2, MS * 5000)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_with_little_time_gives_up_a_quarter_of_it() {
    let log = Log::new();
    let mut service = RateLimitLayer::new(Quota::per_second(10)).layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    // 100 ms of 132 would leave less than 33.
    refusal(start(&mut service, within(1, 132))).await;
    start(&mut service, within(2, 136)).await.expect("there is time enough");
    // It is the call's whole time that counts, not what is left of it.
    let old = within(3, 1000);
    tokio::time::advance(MS * 850).await;
    start(&mut service, plain(4)).await.expect("goes");
    refusal(start(&mut service, old)).await;
    assert_eq!(log.numbers(), [0, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_cell_that_is_there_is_taken_with_any_time_left() {
    let log = Log::new();
    let layer = RateLimitLayer::new(Quota::per_second(10)).headroom(MS * 2000);
    let mut service = layer.layer(log.clone());
    let late = within(0, 9000);
    tokio::time::advance(MS * 8999).await;
    start(&mut service, late).await.expect("goes");
    assert_eq!(log.numbers(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_head_whose_cell_now_comes_too_late_is_refused_when_it_looks() {
    let begun = Instant::now();
    let quota = Live::new(Quota::per_minute(12));
    let mut service = RateLimitLayer::new(quota.clone()).layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    let waits = start(&mut service, within(1, 6000));
    tokio::time::advance(MS * 100).await;
    // When it looks after another second, 3.9 s are left to wait; at six to five that makes 4.68.
    quota.set(Quota::per_minute(10));
    let error = waits.await.expect_err("too late");
    assert_eq!((fault(&error).kind(), fault(&error).retry_after()), (LIMITED, Some(MS * 4680)));
    assert_eq!(begun.elapsed(), MS * 1100, "told when it looked again");
}

/// As when the runtime has too much to do: the one before looked late, and so does this one.
#[tokio::test(start_paused = true)]
async fn a_head_that_looks_too_late_leaves_the_cell_to_the_next() {
    let log = Log::new();
    let layer = RateLimitLayer::new(Quota::per_second(1).burst(2));
    let mut service = layer.layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    start(&mut service, plain(1)).await.expect("goes");
    let request = within(2, 4000);
    let facts = facts(&request);
    let mut late = task::spawn(start(&mut service, request));
    let mut next = task::spawn(start(&mut service, within(3, 9000)));
    let mut dead = task::spawn(start(&mut service, within(4, 3550)));
    assert_pending!(late.poll());
    assert_pending!(next.poll());
    assert_pending!(dead.poll());
    tokio::time::advance(MS * 3502).await;
    let error = assert_ready!(late.poll()).expect_err("too late");
    assert_eq!(fault(&error).kind(), LIMITED);
    // Two cells are there, and for the two who stand before whoever comes back.
    assert_eq!(fault(&error).retry_after(), Some(MS * 1000));
    assert!(!facts.is_queued());
    assert!(next.is_woken());
    assert_ready!(next.poll()).expect("goes");
    tokio::time::advance(MS * 48).await;
    let error = assert_ready!(dead.poll()).expect_err("dead");
    assert_eq!((fault(&error).kind(), fault(&error).effect()), (FaultKind::Deadline, Effect::None));
    assert_eq!((log.numbers(), layer.waiting()), (vec![0, 1, 3], 0));
    // The cell that neither of them took is there.
    start(&mut service, plain(5)).await.expect("goes");
    assert_eq!(log.calls().last(), Some(&(5, MS * 3550)));
}

/// What comes true a tick later than was reckoned, by a timer that rounds up, is not refused for it.
#[tokio::test(start_paused = true)]
async fn a_timers_tick_refuses_nobody() {
    let log = Log::new();
    // A cell each 4,999.1 ms: the timer fires at 5,000.
    let layer = RateLimitLayer::new(Quota::per(Duration::from_micros(4_999_100), 1));
    let mut service = layer.layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    let request = plain(1);
    facts(&request).tighten_deadline(Instant::now() + Duration::from_micros(5_499_100));
    start(&mut service, request).await.expect("goes");
    assert_eq!(log.numbers(), [0, 1]);
}
