//! Connections at rest: which is taken, and when they are closed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::{Server, builder, counts, settle, text};

#[tokio::test(start_paused = true)]
async fn the_newest_is_taken_first() {
    let server = Server::default();
    let transport = server.transport(builder());
    let one = tokio::spawn(text(transport.clone(), "/held/1"));
    settle().await;
    let two = tokio::spawn(text(transport.clone(), "/held/2"));
    settle().await;
    // The second connection comes to rest first, the first after it.
    server.release("/held/2");
    settle().await;
    server.release("/held/1");
    assert_eq!(
        (one.await.unwrap().unwrap(), two.await.unwrap().unwrap()),
        ("1".into(), "2".into())
    );
    settle().await;
    for _ in 0..3 {
        assert_eq!(text(transport.clone(), "/").await.unwrap(), "1");
    }
    assert_eq!(counts(transport.pool_stats()), (2, 2, 2, 3));
}

#[tokio::test(start_paused = true)]
async fn what_idles_too_long_is_closed_without_anybody_asking() {
    let server = Server::default();
    let transport = server.transport(builder().idle_timeout(Duration::from_secs(50)));
    text(transport.clone(), "/").await.unwrap();
    sleep(Duration::from_millis(49_900)).await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 0));
    sleep(Duration::from_millis(200)).await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0));
    // And again: who looks after the idle ones comes back with them.
    text(transport.clone(), "/").await.unwrap();
    sleep(Duration::from_millis(50_100)).await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_used_now_and_then_stays_and_what_is_busy_too() {
    let server = Server::default();
    let transport = server.transport(builder().idle_timeout(Duration::from_secs(50)));
    for _ in 0..10 {
        assert_eq!(text(transport.clone(), "/").await.unwrap(), "1");
        sleep(Duration::from_secs(40)).await;
    }
    let busy = tokio::spawn(text(transport.clone(), "/held"));
    sleep(Duration::from_secs(500)).await;
    server.release("/held");
    assert_eq!(busy.await.unwrap().unwrap(), "1");
}

#[tokio::test(start_paused = true)]
async fn what_a_quiet_hour_does_not_need_grows_old_at_the_bottom() {
    let server = Server::default();
    let transport = server.transport(builder().idle_timeout(Duration::from_secs(50)));
    let calls: Vec<_> = (0..5)
        .map(|number| tokio::spawn(text(transport.clone(), format!("/held/{number}"))))
        .collect();
    settle().await;
    (0..5).for_each(|number| server.release(&format!("/held/{number}")));
    for call in calls {
        call.await.unwrap().unwrap();
    }
    for _ in 0..12 {
        sleep(Duration::from_secs(5)).await;
        text(transport.clone(), "/").await.unwrap();
    }
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 5, 12));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_replaced_at_its_greatest_age_less_a_tenth_at_most() {
    for _ in 0..20 {
        let server = Server::default();
        let transport = server.transport(builder().max_age(Duration::from_secs(100)));
        let begun = Instant::now();
        let mut replaced = None;
        while begun.elapsed() < Duration::from_secs(110) {
            if text(transport.clone(), "/").await.unwrap() == "2" {
                replaced.get_or_insert(begun.elapsed());
            }
            sleep(Duration::from_millis(500)).await;
        }
        let at = replaced.expect("it is too old").as_millis();
        assert!((90_000..=100_500).contains(&at), "{at}");
        settle().await;
        assert_eq!(transport.pool_stats().open, 1, "the old one was closed");
    }
}

#[tokio::test(start_paused = true)]
async fn age_cuts_no_call_and_closes_what_idles() {
    let server = Server::default();
    let transport = server.transport(builder().max_age(Duration::from_secs(10)).idle_timeout(None));
    let call = tokio::spawn(text(transport.clone(), "/held"));
    sleep(Duration::from_secs(60)).await;
    server.release("/held");
    assert_eq!(call.await.unwrap().unwrap(), "1");
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0));
    text(transport.clone(), "/").await.unwrap();
    sleep(Duration::from_secs(11)).await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 2, 0), "nobody had to ask");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_closes_is_not_kept() {
    let server = Server::default();
    let transport = server.transport(builder());
    assert_eq!(text(transport.clone(), "/last").await.unwrap(), "1");
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0));
    assert_eq!(text(transport.clone(), "/").await.unwrap(), "2");
}
