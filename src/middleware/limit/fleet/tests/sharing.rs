//! A fleet that shares a quota, as long as its store answers.

use super::*;

/// 8 processes, 30 calls a second, 60 seconds; the answer takes 2 ms.
#[tokio::test(start_paused = true)]
async fn eight_processes_get_the_quota_and_no_more_and_ask_seldom() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let processes = fleet(&store, &thirty(), 8, &log);
    saturate(&processes, 20, MS * 60_000).await;
    let went = log.went().len() as f64;
    let by = log.by(8);
    let per_call = store.asked() as f64 / went;
    println!(
        "{went} calls, {per_call:.3} round trips each, {by:?}, worst {}",
        log.most_in(MS * 5000)
    );
    assert!((went / 1800.0 - 1.0).abs() < 0.02, "{went} calls in 60 s");
    assert!(per_call <= 0.1, "{per_call} round trips a call");
    let (least, most) = (by.iter().min().unwrap(), by.iter().max().unwrap());
    assert!(*most as f64 / *least as f64 <= 1.2, "unfair: {by:?}");
    for window in [1, 100, 1000, 5000] {
        let window = MS * window;
        assert!(
            log.most_in(window) <= thirty().most_in(window),
            "in {window:?}: {}",
            log.most_in(window)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_process_alone_has_the_whole_quota() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let processes = fleet(&store, &thirty(), 1, &log);
    saturate(&processes, 20, MS * 20_000).await;
    let went = log.went().len();
    assert!((590..=605).contains(&went), "{went} calls");
    assert!(store.asked() < 60, "{} questions", store.asked());
}

/// More processes than there are cells within the horizon: they come back one by one.
#[tokio::test(start_paused = true)]
async fn a_crowd_does_not_ask_more_than_about_twice_a_cell() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let processes = fleet(&store, &thirty().processes(400), 400, &log);
    saturate(&processes, 2, MS * 60_000).await;
    let went = log.went().len();
    println!("{went} calls, {} questions", store.asked());
    assert!(went as f64 > 1800.0 * 0.98, "{went} calls");
    assert!(store.asked() <= 400 + 2 * went as u64 + 60, "{} questions", store.asked());
}

#[tokio::test(start_paused = true)]
async fn rare_calls_hoard_nothing() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let processes = fleet(&store, &thirty(), 2, &log);
    for _ in 0..10 {
        tokio::time::advance(MS * 700).await;
        processes[0].call().await.expect("goes");
        processes[1].call().await.expect("goes");
    }
    let status = processes[0].limiter.status();
    assert_eq!((status.granted, status.used, status.expired), (10, 10, 0));
    // The very first find a store that knows nothing, and gives out no cell that may be somebody's.
    let late = log.went().iter().skip(2).filter(|at| at.as_millis() % 700 > 35).count();
    assert_eq!(late, 0, "none waited: {:?}", log.went());
}

/// A hundred callers at once ask together.
#[tokio::test(start_paused = true)]
async fn those_who_ask_at_once_share_a_question() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 10);
    let processes = fleet(&store, &thirty(), 1, &log);
    let calls = (0..100).map(|_| processes[0].call());
    futures_util::future::try_join_all(calls).await.expect("all go");
    // One for a cell, and the others for the most that a lease may take.
    assert!(store.asked() <= 2 + 100 / 14, "{} questions", store.asked());
    assert!(log.most_in(MS * 1000) <= 35);
}
