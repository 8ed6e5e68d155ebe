use std::future::Future;
use std::sync::atomic::Ordering::SeqCst;

use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};

use super::*;
use crate::call::Effect;

#[tokio::test(start_paused = true)]
async fn calls_go_at_once_while_there_are_cells_and_evenly_after() {
    let log = Log::new();
    let service = RateLimitLayer::new(Quota::per_second(10).burst(3)).layer(log.clone());
    let calls = (0..6).map(|number| service.clone().oneshot(plain(number)));
    futures_util::future::try_join_all(calls).await.expect("all go");
    let at = |millis: u32| MS * millis;
    assert_eq!(
        log.calls(),
        [(0, at(0)), (1, at(0)), (2, at(0)), (3, at(100)), (4, at(200)), (5, at(300))]
    );
}

/// A loop of `until_ready` for each waiter took 12,336 checks for this and inverted 8,047 pairs.
#[tokio::test(start_paused = true)]
async fn of_200_that_wait_100_are_dropped_and_the_rest_go_in_order_losing_no_cell() {
    let (limiter, checks) = Counting::new(Quota::per_second(100));
    let layer = RateLimitLayer::with_limiter(limiter);
    let (log, mut random) = (Log::new(), fastrand::Rng::with_seed(200));
    let service = layer.layer(log.clone());
    let mut calls: Vec<_> =
        (0..200).map(|number| tokio::spawn(service.clone().oneshot(plain(number)))).collect();
    // Half of them, the head among them more than once, each at some moment while it waits.
    let mut doomed: Vec<usize> = (1..200).collect();
    random.shuffle(&mut doomed);
    for number in doomed.into_iter().take(100) {
        tokio::time::sleep(MS * random.u32(0..4)).await;
        calls[number].abort();
        if random.bool() {
            tokio::task::yield_now().await;
        }
    }
    let mut done = Vec::new();
    for (number, call) in calls.drain(..).enumerate() {
        if call.await.is_ok() {
            done.push(number as u32);
        }
    }
    assert_eq!(log.numbers(), done, "out of order");
    assert!((100..150).contains(&done.len()), "{} went", done.len());
    for (cell, (_, at)) in log.calls().into_iter().enumerate() {
        assert_eq!(at, MS * 10 * cell as u32, "a cell was lost");
    }
    let checks = checks.load(SeqCst);
    assert!(checks <= 2 * done.len() + 20, "{checks} checks");
    assert_eq!(layer.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_costs_two_checks_however_many_wait() {
    let (limiter, checks) = Counting::new(Quota::per_second(50));
    let service = RateLimitLayer::with_limiter(limiter).layer(Log::new());
    let calls = (0..100).map(|number| service.clone().oneshot(plain(number)));
    futures_util::future::try_join_all(calls).await.expect("all go");
    assert!(checks.load(SeqCst) <= 200, "{checks:?} checks for 100 calls");
}

#[tokio::test(start_paused = true)]
async fn a_new_call_does_not_overtake_one_whose_cell_has_come() {
    let log = Log::new();
    let mut service = RateLimitLayer::new(Quota::per_second(10)).layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    let mut first = task::spawn(start(&mut service, plain(1)));
    assert_pending!(first.poll());
    // The cell is there and the first one in line has not noticed yet.
    tokio::time::advance(MS * 100).await;
    let mut second = task::spawn(start(&mut service, plain(2)));
    assert_pending!(second.poll());
    assert!(first.is_woken());
    assert_ready!(first.poll()).expect("goes");
    assert_pending!(second.poll());
    assert_eq!(log.numbers(), [0, 1]);
    tokio::time::advance(MS * 100).await;
    assert_ready!(second.poll()).expect("goes");
}

#[tokio::test(start_paused = true)]
async fn the_head_dropped_leaves_its_cell_to_the_next() {
    let log = Log::new();
    let layer = RateLimitLayer::new(Quota::per_second(10));
    let mut service = layer.layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    let mut head = task::spawn(start(&mut service, plain(1)));
    let mut next = task::spawn(start(&mut service, plain(2)));
    assert_pending!(head.poll());
    assert_pending!(next.poll());
    tokio::time::advance(MS * 60).await;
    drop(head);
    assert!(next.is_woken());
    assert_pending!(next.poll());
    tokio::time::advance(MS * 40).await;
    assert_ready!(next.poll()).expect("goes");
    assert_eq!(log.calls(), [(0, Duration::ZERO), (2, MS * 100)]);
    assert_eq!(layer.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_line_is_known_to_have_done_nothing() {
    let mut service = RateLimitLayer::new(Quota::per_second(10)).layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    let request = plain(1);
    let facts = facts(&request);
    let mut waits = task::spawn(start(&mut service, request));
    assert_eq!(facts.effect(), Effect::None);
    assert_pending!(waits.poll());
    assert_eq!(facts.effect(), Effect::None);
    tokio::time::advance(MS * 100).await;
    assert_ready!(waits.poll()).expect("goes");
    // Gone on to a service that says nothing of what it sent.
    assert_eq!(facts.effect(), Effect::Unknown);

    let request = plain(2);
    let facts = super::facts(&request);
    drop(start(&mut service, request));
    assert_eq!(facts.effect(), Effect::None, "dropped in line");
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services_and_takes_no_cell() {
    let (mock, mut handle) = tower_test::mock::pair::<Request<u32>, Response<()>>();
    let mut service = RateLimitLayer::new(Quota::per_second(1)).layer(mock);
    let mut ready = task::spawn(async { service.ready().await.map(|_| ()) });
    handle.allow(0);
    assert_pending!(ready.poll());
    handle.allow(9);
    assert_ready!(ready.poll()).expect("ready");
    drop(ready);
    for _ in 0..5 {
        service.ready().await.expect("ready");
    }
    let answer = tokio::spawn(service.call(plain(7)));
    let (request, send) = handle.next_request().await.expect("the one cell is still there");
    assert_eq!(request.into_body(), 7);
    send.send_response(Response::new(()));
    answer.await.expect("no panic").expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn the_services_error_comes_through_untouched() {
    let (mock, mut handle) = tower_test::mock::pair::<Request<u32>, Response<()>>();
    let service = RateLimitLayer::default().layer(mock);
    let answer = tokio::spawn(service.oneshot(plain(7)));
    let (_, send) = handle.next_request().await.expect("a call");
    send.send_error("broken");
    assert_eq!(answer.await.expect("no panic").expect_err("broken").to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn every_service_of_a_layer_and_its_clones_shares_the_quota() {
    let log = Log::new();
    let layer = RateLimitLayer::new(Quota::per_second(10));
    let one = layer.layer(log.clone());
    let other = layer.clone().layer(log.clone());
    let calls = [one.clone().oneshot(plain(0)), one.oneshot(plain(1)), other.oneshot(plain(2))];
    futures_util::future::try_join_all(calls).await.expect("all go");
    assert_eq!(log.calls(), [(0, Duration::ZERO), (1, MS * 100), (2, MS * 200)]);
}

#[test]
fn service_and_future_can_be_sent_and_named() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync + Clone>() {}
    fn is_future<T: Future>() {}
    is_shared::<RateLimit<Log>>();
    is_shared::<RateLimitLayer>();
    is_send::<Calling<LocalLimiter>>();
    is_future::<Calling<LocalLimiter>>();
}
