//! Where the rate settles, against servers with limits of their own, in paused time.

use std::time::Duration;

use super::servers::{Rule, Server, client, press};

const MS: Duration = Duration::from_millis(1);

/// The limit of all of them, in calls a second.
const LIMIT: f64 = 30.0;

/// Twice the limit is asked for, for 130 seconds; the first ten don't count.
async fn settle(rule: Rule, latency: u32, seed: u64) -> (f64, f64) {
    let server = Server::new(rule, MS * latency, seed);
    press(&client(&server).1, 0, 60, 130).await;
    let tally = server.tally(10, 130);
    (tally.rate / LIMIT, tally.refusals())
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_is_used_to_97_percent_and_1_call_in_100_is_refused() {
    for (latency, seed) in [(20, 1), (50, 2), (100, 3), (100, 4), (200, 5), (200, 6), (400, 7)] {
        let (used, refused) = settle(Rule::window(150), latency, seed).await;
        println!("window, {latency} ms, seed {seed}: {used:.4} used, {refused:.4} refused");
        assert!(used >= 0.97, "{used} of the limit used at {latency} ms, seed {seed}");
        assert!(refused <= 0.01, "{refused} refused at {latency} ms, seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_a_bucket_and_nearly_so_a_counter_by_the_second() {
    for latency in [50, 200] {
        let (used, refused) = settle(Rule::bucket(30), latency, 1).await;
        println!("bucket, {latency} ms: {used:.4} used, {refused:.4} refused");
        assert!(used >= 0.97 && refused <= 0.01, "{used} {refused}");
        let (used, refused) = settle(Rule::seconds(30), latency, 1).await;
        println!("seconds, {latency} ms: {used:.4} used, {refused:.4} refused");
        assert!(used >= 0.95 && refused <= 0.0125, "{used} {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_limit_halves_it_settles_again() {
    let server = Server::new(Rule::window(150), MS * 100, 1);
    let (_, service) = client(&server);
    let change = async {
        tokio::time::sleep(Duration::from_secs(70)).await;
        server.set_rule(Rule::window(75));
    };
    tokio::join!(press(&service, 0, 60, 190), change);
    let (before, after) = (server.tally(10, 70), server.tally(80, 190));
    println!("before {before:?}, after {after:?}");
    assert!(before.rate >= 0.97 * 30.0 && after.rate >= 0.97 * 15.0);
    assert!(before.refusals() <= 0.01 && after.refusals() <= 0.015);
}

#[tokio::test(start_paused = true)]
async fn when_the_limit_is_lifted_the_quota_is_back_within_21_seconds() {
    let server = Server::new(Rule::window(150), MS * 100, 1);
    let (layer, service) = client(&server);
    let change = async {
        tokio::time::sleep(Duration::from_secs(70)).await;
        assert!(layer.is_throttled());
        assert_eq!(layer.throttled_keys(), 1);
        server.set_rule(Rule::window(usize::MAX));
        for second in 1.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if !layer.is_throttled() {
                return second;
            }
        }
        0
    };
    let ((), took) = tokio::join!(press(&service, 0, 60, 120), change);
    println!("back after {took} s");
    assert!(took <= 21, "back after {took} s");
    assert_eq!(layer.throttled_keys(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_is_not_mistaken_for_the_limit() {
    for storm in [3, 10, 60] {
        let server = Server::new(Rule::window(150), MS * 100, 1);
        let (_, service) = client(&server);
        let change = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            server.refuse_everything_for(Duration::from_secs(storm));
        };
        tokio::join!(press(&service, 0, 60, 200), change);
        let end = 60 + storm;
        let back = (0..60).find(|s| server.tally(end + s, end + s + 5).rate >= 27.0);
        let tally = server.tally(60, end + 5);
        println!("storm of {storm} s: back after {back:?} s, {tally:?}");
        // Half of it is forgotten in five seconds: of a long one, there is nothing to come back to.
        let longest = if storm <= 10 { 12 } else { 30 };
        assert!(back.is_some_and(|seconds| seconds <= longest), "back after {back:?} s");
        // And during it hardly anything is sent.
        assert!(tally.refused <= 90 + storm as usize, "{tally:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_share_a_limit_roughly_fairly() {
    for late in [0, 30] {
        let server = Server::new(Rule::window(150), MS * 100, 1);
        let ((_, one), (_, two)) = (client(&server), client(&server));
        let later = async {
            tokio::time::sleep(Duration::from_secs(late)).await;
            press(&two, 2, 60, 330 - late).await;
        };
        tokio::join!(press(&one, 1, 60, 330), later);
        let of = |who| server.tally_of(Some(who), 60, 330).rate;
        let all = server.tally(60, 330);
        println!("{late} s later: {:.1} and {:.1} a second, {all:?}", of(1), of(2));
        assert!(all.rate >= 0.97 * LIMIT && all.refusals() <= 0.02, "{all:?}");
        assert!(of(1).min(of(2)) >= 0.6 * of(1).max(of(2)), "{} and {}", of(1), of(2));
    }
}
