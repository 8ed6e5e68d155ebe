//! What becomes of the quota when the store goes, comes back, and has forgotten everything.

use proptest::prelude::*;

use super::*;
use crate::call::Rng;

/// The whole story: 20 s of all well, 10 s without a store, and back again with nothing remembered.
#[tokio::test(start_paused = true)]
async fn an_outage_costs_little_and_the_way_back_is_no_burst() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let processes = fleet(&store, &thirty(), 8, &log);
    let story = async {
        tokio::time::sleep(MS * 20_000).await;
        store.set_away(true);
        tokio::time::sleep(MS * 10_000).await;
        store.forget();
        store.set_away(false);
        tokio::time::sleep(MS * 30_000).await;
    };
    tokio::join!(saturate(&processes, 20, MS * 60_000), story);
    let seconds: Vec<_> =
        (0..60).map(|second| log.within(MS * 1000 * second, MS * 1000 * (second + 1))).collect();
    println!("{seconds:?}");
    for process in &processes {
        let status = process.limiter.status();
        println!("{status:?}");
        assert_eq!((status.outages, status.away_for), (1, None));
        assert!(status.alone > 0);
    }
    // By then all that had been given is used up.
    let away = log.within(MS * 26_000, MS * 30_000) as f64 / 4.0;
    assert!((27.0..=30.5).contains(&away), "{away} calls a second by shares");
    let after = log.within(MS * 33_000, MS * 60_000) as f64 / 27.0;
    assert!((29.4..=30.1).contains(&after), "{after} calls a second afterwards");
    // No second has more than its quota, and a first cell each.
    let settings = thirty();
    for window in [100, 1000, 5000] {
        let window = MS * window;
        let bound = settings.most_in(window) + 8 + 1;
        assert!(log.most_in(window) <= bound, "{} in {window:?}, not {bound}", log.most_in(window));
    }
    let went = log.went().len();
    assert!(went > 1700, "{went} calls in all");
}

/// A store that kept its book finds the quota whole, since nobody took from it while it was away. But all that time
/// the shares went on, and the others do not know yet.
#[tokio::test(start_paused = true)]
async fn a_store_that_remembers_gives_no_burst_for_the_time_it_was_away() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let settings = FleetSettings::new(Quota::per_second(30).burst(60)).processes(2);
    let processes = fleet(&store, &settings, 2, &log);
    let story = async {
        tokio::time::sleep(MS * 10_000).await;
        store.set_away(true);
        tokio::time::sleep(MS * 10_000).await;
        store.set_away(false);
    };
    tokio::join!(saturate(&processes, 80, MS * 30_000), story);
    for from in (18_000..26_000).step_by(250) {
        let second = log.within(MS * from, MS * (from + 1000));
        assert!(second <= 34, "{second} in the second from {from} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_fleet_goes_on_at_once_when_the_store_goes() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let processes = fleet(&store, &thirty(), 8, &log);
    processes[0].call().await.expect("goes");
    tokio::time::advance(MS * 1000).await;
    store.set_away(true);
    let begun = Instant::now();
    processes[0].call().await.expect("goes");
    // Eight intervals at the most, for one in eight.
    assert!(begun.elapsed() <= MS * 268, "{:?}", begun.elapsed());
    assert_eq!(processes[0].limiter.status().alone, 1);
}

/// Callers with less time than the patience never see a question out; together they notice all the same.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_noticed_by_callers_in_a_hurry() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let process = &fleet(&store, &thirty(), 1, &log)[0];
    process.call().await.expect("goes");
    store.set_takes(MS * 3_600_000);
    tokio::time::advance(MS * 1000).await;
    for _ in 0..100 {
        let _ = tokio::time::timeout(MS * 60, process.call()).await;
        tokio::time::advance(MS * 60).await;
    }
    let status = process.limiter.status();
    assert!(status.outages == 1 && status.alone > 10, "{status:?}");
}

/// A connection takes its time where it is made over TLS and far away.
#[tokio::test(start_paused = true)]
async fn the_first_question_has_time_to_connect() {
    let (store, log) = (MemoryStore::new(), Log::new());
    let process = &fleet(&store, &thirty(), 1, &log)[0];
    store.set_takes(MS * 600);
    let first = process.call();
    let story = async {
        tokio::time::sleep(MS * 10).await;
        store.set_takes(MS * 2);
    };
    let (called, ()) = tokio::join!(first, story);
    called.expect("goes");
    let status = process.limiter.status();
    assert_eq!(status.outages, 0);
    // Once it is there, 100 ms have to do.
    store.set_takes(MS * 600);
    tokio::time::advance(MS * 1000).await;
    process.call().await.expect("goes");
    assert_eq!(process.limiter.status().outages, 1);
}

/// A store that hangs is as one that is not there, after the patience is over; and is asked now and then only.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_away() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 3_600_000);
    let processes = fleet(&store, &thirty(), 1, &log);
    saturate(&processes, 5, MS * 10_000).await;
    let status = processes[0].limiter.status();
    assert_eq!((status.outages, status.used), (1, 0));
    assert!((10..=40).contains(&status.round_trips), "{status:?}");
    // One in eight of 30 a second.
    println!("{status:?}");
    assert!((30..=38).contains(&status.alone), "{status:?}");
}

/// Somebody empties the store: what it had given it gives again, and no more than that.
#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_in_silence_costs_a_horizon() {
    let (store, log) = (MemoryStore::new(), Log::new());
    store.set_takes(MS * 2);
    let processes = fleet(&store, &thirty(), 8, &log);
    let story = async {
        for _ in 0..2 {
            tokio::time::sleep(MS * 10_000).await;
            store.forget();
        }
    };
    tokio::join!(saturate(&processes, 20, MS * 30_000), story);
    let window = MS * 5000;
    let (most, bound) = (log.most_in(window), thirty().most_in_outage(window));
    println!("{most} of {bound}");
    assert!(most <= bound);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the store does, the fleet keeps to the stated bound.
    #[test]
    fn the_bound_holds_through_any_outages(
        count in 1_usize..9,
        callers in 1_usize..12,
        takes in 0_u32..60,
        burst in 1_u32..12,
        rate in 5_u32..60,
        acts in proptest::collection::vec((50_u32..6_000, 50_u32..6_000, any::<bool>()), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let (most, bounds) = runtime.block_on(async {
            let (store, log) = (MemoryStore::new(), Log::new());
            store.set_takes(MS * takes);
            let settings = FleetSettings::new(Quota::per_second(rate).burst(burst))
                .processes(count as u32);
            let processes = fleet(&store, &settings, count, &log);
            let story = async {
                for (well, away, forgets) in &acts {
                    tokio::time::sleep(MS * *well).await;
                    store.set_away(true);
                    tokio::time::sleep(MS * *away).await;
                    if *forgets { store.forget() }
                    store.set_away(false);
                }
                tokio::time::sleep(MS * 5_000).await;
            };
            tokio::select! {
                () = saturate(&processes, callers, MS * 60_000) => {}
                () = story => {}
            }
            let windows = [1, 50, 500, 1000, 5000].map(|window| MS * window);
            let most = windows.map(|window| log.most_in(window));
            (most, windows.map(|window| settings.most_in_outage(window)))
        });
        prop_assert!(most.iter().zip(&bounds).all(|(most, bound)| most <= bound), "{most:?} {bounds:?}");
    }

    /// As long as it answers, however late, the fleet is as one process.
    #[test]
    fn the_quota_holds_to_the_cell_while_the_store_answers(
        count in 1_usize..9,
        callers in 1_usize..12,
        takes in 0_u32..90,
        burst in 1_u32..12,
        rate in 1_u32..200,
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let (most, bounds) = runtime.block_on(async {
            let (store, log) = (MemoryStore::new(), Log::new());
            store.set_takes(MS * takes);
            let settings = FleetSettings::new(Quota::per_second(rate).burst(burst))
                .processes(count as u32);
            let processes = fleet(&store, &settings, count, &log);
            let rng = Rng::seeded(seed);
            // Callers that rest now and then, so that cells are saved, and lost.
            let callers = processes.iter().flat_map(|process| vec![process; callers]).map(|process| {
                let rng = &rng;
                async move {
                    loop {
                        // Some lose patience, and leave cells behind that were given for them.
                        let patience = rng.up_to(MS * 600);
                        if tokio::time::timeout(patience, process.call()).await.is_err() {
                            tokio::time::sleep(rng.up_to(MS * 1500)).await;
                        }
                    }
                }
            });
            let callers = futures_util::future::join_all(callers.map(|caller| async {
                let () = caller.await;
            }));
            let _ = tokio::time::timeout(MS * 8_000, callers).await;
            let windows = [1, 50, 500, 1000, 5000].map(|window| MS * window);
            let most = windows.map(|window| log.most_in(window));
            (most, windows.map(|window| settings.most_in(window)))
        });
        prop_assert!(most.iter().zip(&bounds).all(|(most, bound)| most <= bound), "{most:?} {bounds:?}");
    }
}
