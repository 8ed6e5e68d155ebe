//! What the facts say of calls over a transport that reports nothing, and has no `Collect` over it
//! to report in its stead.

use super::*;
use crate::call::{Effect, Fault, FaultKind, Rejection};
use crate::middleware::limit::ConcurrencyLimitLayer;

fn counts(facts: &CallFacts) -> (u32, u32, Effect) {
    (facts.reached(), facts.sent(), facts.effect())
}

/// A create that may be replayed: the calls whose failed attempts pile up.
fn replayed() -> Call {
    request(Method::POST, Idempotency::Unsafe, CallOptions::new().replay(true))
}

/// The bug: nobody had marked the first attempt, so the queue of the second one spoke for the
/// whole call. A deadline there said "nothing happened" of a create that the server had done.
#[tokio::test(start_paused = true)]
async fn an_unreported_attempt_is_not_forgotten_in_the_queue_of_the_next() {
    let (service, mut server) = mock::pair::<Call, Answer>();
    let limit = ConcurrencyLimitLayer::new(1);
    let retry = RetryLayer::new().layer(limit.layer(service));
    let call = replayed();
    let facts = facts(&call);
    let ours = tokio::spawn(retry.clone().oneshot(call));
    let (_, first) = next(&mut server).await;
    assert_eq!(counts(&facts), (0, 0, Effect::Unknown), "on its way, and nobody reports it");

    // Another call waits for the permit, and has it when the first attempt ends.
    let other = tokio::spawn(retry.oneshot(fetch()));
    tokio::task::yield_now().await;
    first.send_response(answer(503));
    let (_, _others) = next(&mut server).await;
    assert_eq!(counts(&facts), (1, 1, Effect::Unknown), "it may have acted");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((facts.attempts(), limit.waiting()), (2, 1));
    assert_eq!(counts(&facts), (1, 1, Effect::Unknown), "dropped in the queue");
    ours.abort();
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_reported_once_it_has_ended_and_as_what_it_turned_out_to_be() {
    let unprocessed = || Fault::new(FaultKind::Unprocessed, "refused stream").into();
    let reset = || BoxError::from("reset");
    let refused = || Fault::new(FaultKind::Rejected(Rejection::RateLimited), "full").into();
    let late = || Fault::new(FaultKind::Deadline, "one further down").into();
    type End = (Result<u16, fn() -> BoxError>, (u32, u32, Effect));
    let ends: [End; 8] = [
        (Ok(201), (1, 1, Effect::Unknown)),
        (Ok(429), (1, 1, Effect::None)),
        (Ok(409), (1, 1, Effect::None)),
        (Ok(302), (1, 1, Effect::Unknown)),
        (Err(unprocessed), (1, 0, Effect::None)),
        (Err(refused), (1, 0, Effect::None)),
        (Err(reset), (1, 1, Effect::Unknown)),
        (Err(late), (1, 1, Effect::Unknown)),
    ];
    let once = CallOptions::new().max_attempts(1);
    for (end, expected) in ends {
        let service = tower::service_fn(|_: Call| {
            std::future::ready(end.map(answer).map_err(|error| error()))
        });
        let call = request(Method::POST, Idempotency::Unsafe, once.clone());
        let facts = facts(&call);
        let _ = RetryLayer::new().layer(service).oneshot(call).await;
        assert_eq!(counts(&facts), expected, "{:?}", end.map_err(|error| error()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_back_off_after_a_harmless_attempt_is_harmless_and_the_next_attempt_is_not() {
    let call = create();
    let facts = facts(&call);
    let (ours, mut server) = start(&RetryLayer::new(), call);
    let (_, first) = next(&mut server).await;
    first.send_response(answer(429));
    // The call's task hears of the answer, and no time passes.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!((facts.attempts(), facts.effect()), (1, Effect::None), "asleep");
    let (_, _second) = next(&mut server).await;
    assert_eq!((facts.attempts(), facts.effect()), (2, Effect::Unknown), "on its way");
    ours.abort();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_the_transport_reports_is_not_reported_twice() {
    let service = tower::service_fn(|call: Call| {
        let facts = facts(&call);
        facts.mark_reached();
        // The first never found a connection.
        if facts.reached() > 1 {
            facts.mark_sent();
        }
        let first = facts.reached() == 1;
        let connect = || BoxError::from(Fault::new(FaultKind::Connect, "refused"));
        std::future::ready(if first { Err(connect()) } else { Ok(answer(201)) })
    });
    let call = create();
    let facts = facts(&call);
    let outcome = RetryLayer::new().layer(service).oneshot(call).await;
    assert_eq!(outcome.expect("an answer").status(), 201);
    assert_eq!(counts(&facts), (2, 1, Effect::Unknown));
}
