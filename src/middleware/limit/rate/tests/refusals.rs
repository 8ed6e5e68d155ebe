use tower::{Layer, ServiceExt};

use super::*;
use crate::call::{Effect, FaultKind, Priority, Rejection, WhenLimited};

const LIMITED: FaultKind = FaultKind::Rejected(Rejection::RateLimited);
const FULL: FaultKind = FaultKind::Rejected(Rejection::QueueFull);

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_want_to_wait_is_told_when_to_come_back() {
    let log = Log::new();
    let mut service = RateLimitLayer::new(Quota::per_second(10)).layer(log.clone());
    let unwilling = |number| {
        call("sessions.fetch", number, CallOptions::new().when_limited(WhenLimited::Refuse))
    };
    start(&mut service, unwilling(0)).await.expect("there is a cell");
    tokio::time::advance(MS * 30).await;
    let error = refusal(start(&mut service, unwilling(1))).await;
    let fault = fault(&error);
    assert_eq!((fault.kind(), fault.effect()), (LIMITED, Effect::None));
    assert_eq!(fault.retry_after(), Some(MS * 70));
    // It took no cell: whoever comes when it was told to goes at once.
    tokio::time::advance(MS * 70).await;
    start(&mut service, unwilling(2)).await.expect("there is a cell");
    assert_eq!(log.numbers(), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_layer_may_refuse_for_all_and_a_call_may_wait_all_the_same() {
    let layer = RateLimitLayer::new(Quota::per_second(10)).when_limited(WhenLimited::Refuse);
    let mut service = layer.layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    refusal(start(&mut service, plain(1))).await;
    let wish = CallOptions::new().when_limited(WhenLimited::Wait);
    let patient = start(&mut service, call("sessions.fetch", 2, wish));
    // With one in line before it, the next refused call has to come back a cell later.
    let error = refusal(start(&mut service, plain(3))).await;
    assert_eq!(fault(&error).retry_after(), Some(MS * 200));
    patient.await.expect("goes");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_would_wait_past_its_deadline_is_refused_up_front() {
    let layer = RateLimitLayer::new(Quota::per_second(10)).headroom(Duration::ZERO);
    let mut service = layer.layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    let within = |millis| {
        let request = plain(millis);
        facts(&request).tighten_deadline(Instant::now() + MS * millis);
        request
    };
    // The first in line goes at 100 ms: a deadline of just that is no use.
    let error = refusal(start(&mut service, within(100))).await;
    assert_eq!(fault(&error).kind(), LIMITED);
    assert_eq!(fault(&error).retry_after(), Some(MS * 100));
    let first = start(&mut service, within(101));
    // The second would go at 200 ms.
    let error = refusal(start(&mut service, within(150))).await;
    assert_eq!(fault(&error).retry_after(), Some(MS * 200));
    let second = start(&mut service, within(201));
    let (first, second) = futures_util::future::join(first, second).await;
    assert!(first.is_ok() && second.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_turns_out_too_long_ends_at_once() {
    let begun = Instant::now();
    let quota = crate::call::Live::new(Quota::per_second(1));
    let mut service = RateLimitLayer::new(quota.clone()).layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    let request = plain(1);
    facts(&request).tighten_deadline(Instant::now() + MS * 4000);
    let waits = start(&mut service, request);
    tokio::time::advance(MS * 500).await;
    quota.set(Quota::per_minute(1));
    // Half a cell is left to wait for, of those that now take a minute.
    let behind = start(&mut service, plain(2));
    let error = waits.await.expect_err("past the deadline");
    assert_eq!(fault(&error).kind(), LIMITED);
    assert_eq!(fault(&error).retry_after(), Some(MS * 29_500));
    assert_eq!(begun.elapsed(), MS * 1000, "told when it looked again");
    drop(behind);
}

#[tokio::test(start_paused = true)]
async fn a_line_has_an_end_and_sooner_for_lower_priorities() {
    for (priority, places) in [(Priority::Low, 5), (Priority::Normal, 9), (Priority::High, 10)] {
        let layer = RateLimitLayer::new(Quota::per_second(10)).max_waiting(10);
        let mut service = layer.layer(Log::new());
        start(&mut service, plain(0)).await.expect("goes");
        let of = || call("sessions.fetch", 0, CallOptions::new().priority(priority));
        let mut waiting: Vec<_> = (0..places).map(|_| start(&mut service, of())).collect();
        assert_eq!(layer.waiting(), places);
        let error = refusal(start(&mut service, of())).await;
        assert_eq!(fault(&error).kind(), FULL);
        assert_eq!(fault(&error).retry_after(), Some(MS * 100 * (places as u32 + 1)));
        // One who leaves makes room for one.
        waiting.pop();
        waiting.push(start(&mut service, of()));
        refusal(start(&mut service, of())).await;
        for outcome in futures_util::future::join_all(waiting).await {
            outcome.expect("who got in line goes");
        }
    }
}

/// A burst of calls that can come again once kept those out that can't.
#[tokio::test(start_paused = true)]
async fn a_full_line_sends_the_youngest_of_lower_priority_away() {
    let layer = RateLimitLayer::new(Quota::per_second(10)).max_waiting(4);
    let log = Log::new();
    let mut service = layer.layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    let of =
        |number, priority| call("sessions.fetch", number, CallOptions::new().priority(priority));
    let mut low: Vec<_> =
        [1, 2].map(|number| start(&mut service, of(number, Priority::Low))).into();
    let mut stay: Vec<_> =
        [3, 4].map(|number| start(&mut service, of(number, Priority::High))).into();
    // The head is not sent away: it has the turn.
    stay.push(start(&mut service, of(5, Priority::High)));
    refusal(start(&mut service, of(6, Priority::Normal))).await;
    let error = refusal(low.pop().expect("the second")).await;
    assert_eq!(fault(&error).kind(), FaultKind::Rejected(Rejection::Shed));
    assert_eq!(fault(&error).retry_after(), Some(MS * 500));
    stay.extend(low);
    for outcome in futures_util::future::join_all(stay).await {
        outcome.expect("who is in line goes");
    }
    assert_eq!(log.numbers(), [0, 1, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_for_one_who_is_dead() {
    let layer = RateLimitLayer::new(Quota::per_second(10)).max_waiting(3);
    let mut service = layer.layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    let request = plain(1);
    facts(&request).tighten_deadline(Instant::now() + MS * 350);
    let _head = start(&mut service, plain(2));
    let dead = start(&mut service, request);
    // Nobody polls the head, so time passes and the line does not move.
    tokio::time::advance(MS * 400).await;
    let _next = start(&mut service, plain(3));
    let error = refusal(dead).await;
    assert_eq!((fault(&error).kind(), fault(&error).effect()), (FaultKind::Deadline, Effect::None));
}

#[tokio::test(start_paused = true)]
async fn a_line_of_no_places_lets_go_who_need_not_wait() {
    let service = RateLimitLayer::new(Quota::per_second(10).burst(2)).max_waiting(0);
    let mut service = service.layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    start(&mut service, plain(1)).await.expect("goes");
    let error = refusal(start(&mut service, plain(2))).await;
    assert_eq!(fault(&error).kind(), FULL);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_leaves_the_readied_service_where_it_is() {
    let log = Log::new();
    let layer = RateLimitLayer::new(Quota::per_second(10)).when_limited(WhenLimited::Refuse);
    let mut service = layer.layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    service.ready().await.expect("ready");
    refusal(service.call(plain(1))).await;
    tokio::time::advance(MS * 100).await;
    // Asked for once, not used up by the refusal: `Log` panics if it isn't ready.
    service.call(plain(2)).await.expect("goes");
    assert_eq!(log.numbers(), [0, 2]);
}
