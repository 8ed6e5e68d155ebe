//! The cap on connections, and the queue for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::ServiceExt;
use twilio_proxy::call::{CallFacts, Effect, FaultKind, Idempotency};

use crate::support::{Server, builder, counts, get, settle, text};

#[tokio::test(start_paused = true)]
async fn no_more_connections_are_open_than_the_cap_and_all_are_served() {
    let server = Server::default();
    let transport = server.transport(builder().max_connections(2));
    let calls: Vec<_> = (0..20)
        .map(|number| tokio::spawn(text(transport.clone(), format!("/held/{number}"))))
        .collect();
    for number in 0..20 {
        settle().await;
        assert_eq!(transport.pool_stats().open, 2);
        server.release(&format!("/held/{number}"));
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(counts(transport.pool_stats()), (2, 2, 2, 18));
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_fair_and_who_leaves_it_holds_nobody_up() {
    let server = Server::default();
    let transport = server.transport(builder().max_connections(1));
    let mut calls: Vec<_> = (0..200)
        .map(|number| Some(tokio::spawn(text(transport.clone(), format!("/held/{number:03}")))))
        .collect();
    settle().await;
    let leaves = |number: usize| number % 4 == 1 || number % 4 == 2;
    for number in (1..200).filter(|number| leaves(*number)) {
        calls[number].take().expect("still there").abort();
    }
    let stay: Vec<_> = (0..200).filter(|number| !leaves(*number)).collect();
    assert_eq!(stay.len(), 100);
    for number in &stay {
        settle().await;
        server.release(&format!("/held/{number:03}"));
        calls[*number].take().expect("it stayed").await.unwrap().unwrap();
    }
    let expected: Vec<_> = stay.iter().map(|number| format!("/held/{number:03}")).collect();
    assert_eq!(server.order(), expected, "first come, first served");
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 99));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_is_quicker_than_one_on_its_way() {
    let server = Server::default();
    let transport = server.transport(builder());
    let busy = tokio::spawn(text(transport.clone(), "/held"));
    settle().await;
    server.dials_take(Duration::from_secs(1));
    let waits = tokio::spawn(text(transport.clone(), "/"));
    sleep(Duration::from_millis(100)).await;
    server.release("/held");
    busy.await.unwrap().unwrap();
    assert_eq!(waits.await.unwrap().unwrap(), "1");
    // The other is kept for the next call.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(counts(transport.pool_stats()), (2, 2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_serves_who_waits_when_none_comes_back() {
    let server = Server::default();
    let transport = server.transport(builder().max_connections(2));
    let _busy = tokio::spawn(text(transport.clone(), "/held"));
    settle().await;
    assert_eq!(text(transport.clone(), "/").await.unwrap(), "2");
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_with_the_calls_deadline() {
    let server = Server::default();
    let transport = server.transport(builder().max_connections(1));
    let busy = tokio::spawn(text(transport.clone(), "/held"));
    settle().await;
    let facts = Arc::new(CallFacts::new("test", Idempotency::Unsafe));
    let begun = Instant::now();
    facts.tighten_deadline(begun + Duration::from_secs(3));
    let mut request = get("/");
    request.extensions_mut().insert(Arc::clone(&facts));
    let fault = transport.clone().oneshot(request).await.expect_err("no connection came free");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Deadline, Effect::None));
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!((facts.reached(), facts.sent(), facts.effect()), (1, 0, Effect::None));
    server.release("/held");
    busy.await.unwrap().unwrap();
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 0), "it left the queue");
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_fails_fails_one_call_and_the_next_has_another() {
    let server = Server::default();
    server.dials_take(Duration::from_secs(60));
    let timeout = Duration::from_secs(5);
    let transport = server.transport(builder().max_connections(1).connect_timeout(timeout));
    let first = tokio::spawn(text(transport.clone(), "/1"));
    let second = tokio::spawn(text(transport.clone(), "/2"));
    settle().await;
    server.dials_take(Duration::ZERO);
    let fault = first.await.unwrap().expect_err("too slow");
    assert_eq!(fault.kind(), FaultKind::Connect);
    assert_eq!(fault.to_string(), "no connection could be made in time");
    assert_eq!(second.await.unwrap().unwrap(), "1");
}
