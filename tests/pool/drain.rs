//! Connections opened ahead, and the end of a pool.

use std::time::Duration;

use tokio::time::Instant;
use twilio_proxy::call::{Effect, FaultKind, Rejection};

use crate::support::{Server, builder, counts, settle, text};

#[tokio::test(start_paused = true)]
async fn connections_opened_ahead_serve_the_first_calls() {
    let server = Server::default();
    let transport = server.transport(builder());
    transport.warm_up(&"http://localhost/any".parse().unwrap(), 3).await.unwrap();
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (3, 3, 3, 0));
    assert!(server.order().is_empty(), "nothing was requested");
    let calls: Vec<_> = (0..3)
        .map(|number| tokio::spawn(text(transport.clone(), format!("/held/{number}"))))
        .collect();
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (3, 0, 3, 3));
    (0..3).for_each(|number| server.release(&format!("/held/{number}")));
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // What is there already is not opened again.
    transport.warm_up(&"http://localhost/".parse().unwrap(), 3).await.unwrap();
    assert_eq!(transport.pool_stats().opened, 3);
}

/// Of many connections, those that came last had not begun to work when the pool was said to be warm, and the
/// calls of that moment opened others: after 500 opened ahead, 98 were at rest.
#[tokio::test(start_paused = true)]
async fn connections_opened_ahead_are_at_rest_in_the_very_moment() {
    let server = Server::default();
    let transport = server.transport(builder().max_idle_per_host(1000));
    for most in [500, 1000] {
        transport.warm_up(&"http://localhost/".parse().unwrap(), most).await.unwrap();
        let most = u64::try_from(most).unwrap();
        assert_eq!(counts(transport.pool_stats()), (most, most, most, most - 500));
    }
}

#[tokio::test(start_paused = true)]
async fn warming_up_says_what_a_call_would() {
    let server = Server::default();
    let transport = server.transport(builder());
    let fault = transport.warm_up(&"http://api.test/".parse().unwrap(), 1).await.expect_err("http");
    assert_eq!(fault.kind(), FaultKind::Config);
    server.dials_take(Duration::from_secs(60));
    let fault = transport.warm_up(&"http://localhost/".parse().unwrap(), 1).await;
    assert_eq!(fault.expect_err("too slow").kind(), FaultKind::Connect);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_the_calls_in_flight_and_takes_no_more() {
    let server = Server::default();
    let transport = server.transport(builder());
    text(transport.clone(), "/").await.unwrap();
    let busy = tokio::spawn(text(transport.clone(), "/held/1"));
    settle().await;
    let second = tokio::spawn(text(transport.clone(), "/held/2"));
    settle().await;
    server.release("/held/2");
    second.await.unwrap().unwrap();
    assert_eq!(counts(transport.pool_stats()), (2, 1, 2, 1));

    let begun = Instant::now();
    assert!(!transport.drain(Duration::from_secs(5)).await, "one is busy");
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(counts(transport.pool_stats()), (1, 0, 2, 1), "what idled is closed");
    for other in ["http://localhost/", "http://127.0.0.1/"] {
        let refused = transport.warm_up(&other.parse().unwrap(), 1).await.expect_err("closed");
        assert_eq!(refused.kind(), FaultKind::Rejected(Rejection::Closed));
    }
    let refused = text(transport.clone(), "/late").await.expect_err("closed");
    assert_eq!(refused.kind(), FaultKind::Rejected(Rejection::Closed));
    assert_eq!(refused.effect(), Effect::None);

    let drained = tokio::spawn({
        let transport = transport.clone();
        async move { transport.drain(Duration::from_secs(3600)).await }
    });
    settle().await;
    server.release("/held/1");
    assert!(drained.await.unwrap());
    assert!(begun.elapsed() < Duration::from_secs(6), "at once");
    assert_eq!(busy.await.unwrap().unwrap(), "1");
    assert_eq!(transport.pool_stats().open, 0);
}

#[tokio::test(start_paused = true)]
async fn draining_sees_connections_on_their_way() {
    let server = Server::default();
    server.dials_take(Duration::from_secs(1));
    let transport = server.transport(builder());
    let waits = tokio::spawn(text(transport.clone(), "/"));
    settle().await;
    let begun = Instant::now();
    assert!(transport.drain(Duration::from_secs(60)).await);
    assert!(begun.elapsed() > Duration::from_millis(900));
    assert_eq!(waits.await.unwrap().unwrap(), "1", "it was taken before");
}
