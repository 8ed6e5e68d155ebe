//! A seed replays a run: the same faults, the same jitter, the same ids, the same outcome.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use twilio_proxy::middleware::retry::RetryEvent;
use twilio_proxy::simulator::{Commit, FaultPlan, Simulator, Stats};

use crate::never_twice::everything;
use crate::traffic::Traffic;
use crate::world::{builder, clock, settings};

/// All that can be seen of a run from outside.
#[derive(Debug, PartialEq)]
struct Run {
    retries: Vec<RetryEvent>,
    commits: Vec<Commit>,
    stats: Stats,
    told: Vec<(String, Duration, String)>,
}

/// A run on a runtime of its own, in paused time from its beginning.
fn run(seed: u64) -> Run {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let clock = clock();
        let simulator = Simulator::with(settings(clock, seed).latency(Duration::from_millis(5)));
        simulator.set_faults(FaultPlan::random(seed).rate(0.3).mix(everything()));
        let retries = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&retries);
        let gateway = builder(clock, seed)
            .on_retry(move |event| seen.lock().unwrap().push(*event))
            .over(simulator.clone())
            .unwrap();
        let traffic = Traffic { seed: 0, visits: 40, at_once: 16, replay: false };
        let reports = traffic.run(&gateway).await;
        let told = reports.into_iter().map(|it| (it.id, it.took, format!("{:?}", it.outcome)));
        let retries = retries.lock().unwrap().clone();
        let (commits, stats) = (simulator.commits(), simulator.stats());
        Run { retries, commits, stats, told: told.collect() }
    })
}

#[test]
fn the_same_seed_replays_a_run() {
    let mut runs = Vec::new();
    for seed in 0..10 {
        let (first, second) = (run(seed), run(seed));
        assert!(first.retries.len() > 20 && first.commits.len() > 40, "seed {seed}: {first:?}");
        assert_eq!(first, second, "seed {seed}");
        runs.push(first);
    }
    // Another seed is another run, or this would prove nothing: the callers do the same in all.
    for (one, other) in runs.iter().zip(&runs[1..]) {
        assert_ne!(one.retries, other.retries);
        assert_ne!(one.commits, other.commits);
    }
}
