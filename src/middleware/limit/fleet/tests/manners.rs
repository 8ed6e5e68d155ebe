//! What becomes of those who are dropped, and of what the server says.

use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio_test::{assert_pending, task};

use super::super::link::{Link, Road};
use super::*;
use crate::call::Rng;
use crate::middleware::limit::rate::{Key, Limiter};

/// The question is the key's: whoever comes next goes on with it, and has the cell.
#[tokio::test(start_paused = true)]
async fn a_cell_that_was_asked_for_by_one_who_was_dropped_serves_the_next() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 20);
    let process = &fleet(&store, &thirty(), 1, &log)[0];
    let mut dropped = task::spawn(process.call());
    assert_pending!(dropped.poll());
    tokio::time::advance(MS * 10).await;
    drop(dropped);
    process.call().await.expect("goes");
    assert_eq!((store.asked(), log.went()), (1, vec![MS * 20]));
    let status = process.limiter.status();
    assert_eq!((status.granted, status.used, status.failures), (1, 1, 0));
}

/// What was given for ten who left is not a burst for ten who come later.
#[tokio::test(start_paused = true)]
async fn cells_whose_time_is_over_are_lost() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let process = &fleet(&store, &thirty(), 1, &log)[0];
    let ten = || futures_util::future::try_join_all((0..10).map(|_| process.call()));
    let _ = tokio::time::timeout(MS * 5, ten()).await;
    let status = process.limiter.status();
    assert!(status.leased() >= 5, "{status:?}");
    tokio::time::advance(MS * 5_000).await;
    let before = log.went().len();
    ten().await.expect("all go");
    let at = log.went().split_off(before);
    let at_once = at.iter().filter(|other| **other < at[0] + MS * 20).count();
    assert!(at_once <= 5, "{at:?}");
    assert!(process.limiter.status().expired >= 5);
}

/// A question that nobody waited for is no sign of an outage when it is found much later.
#[tokio::test(start_paused = true)]
async fn a_question_left_behind_is_asked_anew() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 20);
    let process = &fleet(&store, &thirty(), 1, &log)[0];
    let mut dropped = task::spawn(process.call());
    assert_pending!(dropped.poll());
    drop(dropped);
    tokio::time::advance(MS * 10_000).await;
    process.call().await.expect("goes");
    let status = process.limiter.status();
    assert_eq!((status.outages, status.failures, status.used), (0, 0, 1));
}

/// One process is told to wait, and the other keeps away as well.
#[tokio::test(start_paused = true)]
async fn a_retry_after_holds_the_whole_fleet() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let processes = fleet(&store, &thirty(), 2, &log);
    processes[1].call().await.expect("goes");
    let told = |_: Request<()>| {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, "10".parse().unwrap());
        response
    };
    processes[0].call_for(told).await.expect("an answer");
    let at = log.beginning.elapsed();
    assert!(processes[0].layer.is_throttled() && !processes[1].layer.is_throttled());
    // Its own next call waits, and tells the store as it comes.
    let mut waits = task::spawn(processes[0].call());
    assert_pending!(waits.poll());
    processes[1].call().await.expect("goes");
    assert!(log.beginning.elapsed() >= at + MS * 10_000, "{:?}", log.went());
    waits.await.expect("goes");
}

/// A quota that changes in one process is the fleet's with its next question.
#[tokio::test(start_paused = true)]
async fn the_newest_quota_holds() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let quota = crate::call::Live::new(Quota::per_second(30).burst(5));
    let settings = FleetSettings::new(quota.clone()).processes(2);
    let processes = fleet(&store, &settings, 2, &log);
    let story = async {
        tokio::time::sleep(MS * 10_000).await;
        quota.set(Quota::per_second(10).burst(3));
        tokio::time::sleep(MS * 10_000).await;
    };
    tokio::join!(saturate(&processes, 10, MS * 20_000), story);
    let (before, after) =
        (log.within(Duration::ZERO, MS * 10_000), log.within(MS * 12_000, MS * 20_000));
    assert!((295..=305).contains(&before), "{before}");
    assert!((78..=84).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_key_is_forgotten_and_one_in_use_is_not() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let process = &fleet(&store, &thirty(), 1, &log)[0];
    let limiter = &process.limiter;
    let key = Key::Named("key".into());
    let mut state = limiter.untouched(Instant::now());
    assert!(limiter.is_idle(&mut state, Instant::now()));
    let crate::middleware::limit::rate::Check::Ask(asking) =
        limiter.check(&key, &mut state, Instant::now())
    else {
        panic!("nothing is leased yet");
    };
    assert!(!limiter.is_idle(&mut state, Instant::now()), "somebody asks");
    asking.await;
    assert!(!limiter.is_idle(&mut state, Instant::now()), "it has just gone");
    assert!(limiter.is_idle(&mut state, Instant::now() + MS * 10_000));
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_looks_whether_the_store_is_back() {
    let (rng, mut link, mut now) = (Rng::seeded(1), Link::default(), Instant::now());
    assert_eq!(link.road(now, &rng), Road::Open);
    assert!(link.failed(now), "news");
    assert!(!link.failed(now), "no news");
    let mut probes = Vec::new();
    for _ in 0..5_000 {
        now += MS;
        if link.road(now, &rng) == Road::Open {
            probes.push(now);
        }
    }
    let gaps: Vec<_> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((10..=22).contains(&probes.len()), "{gaps:?}");
    assert!(gaps.iter().all(|gap| (MS * 50..=MS * 501).contains(gap)), "{gaps:?}");
    assert!(link.answered(now).is_some());
    assert_eq!((link.answered(now), link.road(now, &rng)), (None, Road::Open));
}
