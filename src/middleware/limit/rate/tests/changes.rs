use tokio_test::{assert_pending, assert_ready, task};
use tower::Layer;

use super::*;
use crate::call::{Live, WhenLimited};

#[tokio::test(start_paused = true)]
async fn a_raised_quota_holds_from_each_keys_next_call_on() {
    let quota = Live::new(Quota::per_minute(1));
    let layer = RateLimitLayer::new(quota.clone()).when_limited(WhenLimited::Refuse);
    let mut service = layer.layer(Log::new());
    for operation in ["sessions.fetch", "sessions.list"] {
        start(&mut service, call(operation, 0, CallOptions::new())).await.expect("goes");
        refusal(start(&mut service, call(operation, 1, CallOptions::new()))).await;
    }
    quota.set(Quota::per_second(10).burst(5));
    for operation in ["sessions.fetch", "sessions.list"] {
        let error = refusal(start(&mut service, call(operation, 2, CallOptions::new()))).await;
        // Its last cell was taken, and a change gives none: the next comes at the new rate.
        assert_eq!(fault(&error).retry_after(), Some(MS * 100));
    }
    tokio::time::advance(MS * 100).await;
    for operation in ["sessions.fetch", "sessions.list"] {
        start(&mut service, call(operation, 3, CallOptions::new())).await.expect("goes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lowered_burst_cuts_what_is_saved() {
    let quota = Live::new(Quota::per_second(1).burst(50));
    let layer = RateLimitLayer::new(quota.clone()).when_limited(WhenLimited::Refuse);
    let mut service = layer.layer(Log::new());
    start(&mut service, plain(0)).await.expect("goes");
    quota.set(Quota::per_second(1).burst(2));
    start(&mut service, plain(1)).await.expect("goes");
    start(&mut service, plain(2)).await.expect("goes");
    refusal(start(&mut service, plain(3))).await;
    // And setting it back gives nothing back.
    quota.set(Quota::per_second(1).burst(50));
    refusal(start(&mut service, plain(4))).await;
}

#[tokio::test(start_paused = true)]
async fn a_sleeper_hears_of_a_raised_quota_within_a_second() {
    let quota = Live::new(Quota::per(Duration::from_secs(3600), 1));
    let log = Log::new();
    let mut service = RateLimitLayer::new(quota.clone()).layer(log.clone());
    start(&mut service, plain(0)).await.expect("goes");
    let mut head = task::spawn(start(&mut service, plain(1)));
    let mut next = task::spawn(start(&mut service, plain(2)));
    assert_pending!(head.poll());
    assert_pending!(next.poll());
    tokio::time::advance(MS * 300).await;
    quota.set(Quota::per_second(10));
    // A call that comes now still goes behind those who wait.
    let mut last = task::spawn(start(&mut service, plain(3)));
    assert_pending!(last.poll());
    tokio::time::advance(MS * 1000).await;
    assert_ready!(head.poll()).expect("goes");
    futures_util::future::try_join(next, last).await.expect("both go");
    assert_eq!(log.numbers(), [0, 1, 2, 3]);
}

/// A key that rests under a small burst is forgotten, and would come back under a large one, full:
/// so often as somebody changes the quota there and back, a burst for nothing.
#[test]
fn a_key_forgotten_and_seen_again_under_a_larger_burst_has_no_more_than_it_had() {
    let (small, large) = (Quota::per_second(10).burst(2), Quota::per_second(10).burst(1000));
    let quota = Live::new(small);
    let limiter = LocalLimiter::new(quota.clone());
    let key = Key::Named("one".into());
    let (begun, mut gone) = (Instant::now(), 0);
    let mut cells = limiter.untouched(begun);
    for round in 0..50 {
        // So long that what was measured is of no use any more.
        let now = begun + Duration::from_secs(round * 6);
        quota.set(small);
        assert!(limiter.is_idle(&mut cells, now), "full again, and forgotten");
        quota.set(large);
        cells = limiter.untouched(now);
        let goes = |_: &_| matches!(limiter.check(&key, &mut cells, now), Check::Go);
        gone += (0..1000).filter(goes).count();
    }
    assert!(gone <= 2 + 49 * 60, "{gone} went");
}
