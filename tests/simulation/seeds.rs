//! Seed after seed.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use twilio_proxy::simulator::Action;

use crate::run::{Drawn, Ran};

/// How many seeds a plain run has: `SEEDS` says otherwise.
const SEEDS: u64 = 400;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a whole number, not {value:?}")))
}

/// The run of a seed. One that panics has that for a complaint.
fn run(seed: u64) -> Ran {
    catch_unwind(AssertUnwindSafe(|| Drawn::from(seed).run())).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        let complaints = vec![format!("panicked: {said}")];
        Ran { reports: Vec::new(), complaints, trace: String::new() }
    })
}

fn failed(seed: u64, ran: &Ran) -> Option<String> {
    let complaints = ran.complaints.join("\n  ");
    (!ran.complaints.is_empty()).then(|| {
        format!(
            "seed {seed}:\n  {complaints}\n  again: SEED={seed} cargo test --all-features --test simulation \
             every_seed -- --nocapture\n"
        )
    })
}

#[test]
fn every_seed_keeps_every_promise() {
    if let Some(seed) = number("SEED") {
        let ran = run(seed);
        println!("{}", ran.trace);
        assert!(ran.complaints.is_empty(), "{}", failed(seed, &ran).unwrap());
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let (seen, calls) = (Mutex::new(BTreeSet::new()), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds || failures.lock().unwrap().len() >= 3 {
                        return;
                    }
                    let ran = run(seed);
                    failures.lock().unwrap().extend(failed(seed, &ran));
                    calls.fetch_add(ran.reports.len() as u64, Relaxed);
                    let ends = ran.reports.iter().map(|report| (report.action, report.end.name()));
                    seen.lock().unwrap().extend(ends);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    println!("{seeds} seeds, {} calls", calls.into_inner());
    // Not a test of fair weather: every end that a call can have was met.
    let seen = seen.into_inner().unwrap();
    let ends = ["done", "given up", "failed, nothing done", "failed, unknown"];
    for action in [Action::Create, Action::Fetch, Action::List, Action::Update, Action::Delete] {
        let missing: Vec<_> = ends.iter().filter(|end| !seen.contains(&(action, **end))).collect();
        assert!(seeds < SEEDS || missing.is_empty(), "no {action:?} was {missing:?}");
    }
    for end in ["recovered", "failed, applied"] {
        assert!(seeds < SEEDS || seen.contains(&(Action::Create, end)), "no create was {end}");
    }
}

#[test]
fn a_seed_makes_the_same_run_twice() {
    let mut different = BTreeSet::new();
    for seed in 0..40 {
        let [first, second] = [(); 2].map(|()| Drawn::from(seed).run().trace);
        let lines = first.lines().zip(second.lines());
        if let Some((first, second)) = lines.into_iter().find(|(first, second)| first != second) {
            panic!("seed {seed} runs otherwise when it runs again:\n  {first}\n  {second}");
        }
        assert_eq!(first, second, "seed {seed}: one run went on where the other ended");
        different.insert(first);
    }
    assert_eq!(different.len(), 40, "and other seeds make others");
}

/// Creates that ask to be replayed without a name are done twice: were they not found, the test above would prove
/// nothing.
#[test]
fn a_create_that_is_done_twice_is_found() {
    let doubles = (0..150).filter(|seed| {
        let ran = Drawn::from(*seed).replaying().run();
        ran.complaints.iter().any(|complaint| complaint.ends_with("created twice"))
    });
    let doubles = doubles.count();
    assert!(doubles > 5, "{doubles}");
}
