//! Under any faults: no create is done twice, and nothing is said that isn't so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::StackLayers;
use twilio_proxy::middleware::retry::Budget;
use twilio_proxy::simulator::{
    Action, Commit, FaultPlan, Mishap, RetryAfter, Simulator, created_twice,
};

use crate::ledger::{complaints, late};
use crate::traffic::{Report, Traffic};
use crate::world::{builder, clock, settings};

const SEEDS: u64 = 300;
const VISITS: u64 = 24;
const AT_ONCE: usize = 16;

/// Every mishap there is, those included that no retry mends and those that end in a timeout only.
pub(crate) fn everything() -> Vec<(Mishap, u32)> {
    vec![
        (Mishap::Latency(Duration::from_millis(200)), 2),
        (Mishap::Latency(Duration::from_secs(4)), 1),
        // Longer than an attempt may take: the answer is on its way when nobody waits any more.
        (Mishap::Latency(Duration::from_secs(12)), 1),
        (Mishap::Refused, 2),
        (Mishap::ResetBefore, 2),
        (Mishap::ResetAfter, 3),
        (Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE), 2),
        (Mishap::ErrorAfter(StatusCode::INTERNAL_SERVER_ERROR), 2),
        (Mishap::Html(StatusCode::BAD_GATEWAY), 1),
        (Mishap::Throttled(None), 1),
        (Mishap::Throttled(Some(RetryAfter::Seconds(1))), 1),
        (Mishap::Throttled(Some(RetryAfter::DateIn(Duration::from_secs(2)))), 1),
        (Mishap::Rejected(StatusCode::CONFLICT, 80623), 1),
        (Mishap::Truncated, 1),
        (Mishap::GarbledBody, 1),
        (Mishap::GarbledWire, 1),
        (Mishap::StallBefore, 1),
        (Mishap::StallAfter, 1),
    ]
}

async fn run(seed: u64, replay: bool) -> (Simulator, Vec<Report>) {
    let clock = clock();
    // Work takes a moment, so that calls overlap at the server too.
    let simulator = Simulator::with(settings(clock, seed).latency(Duration::from_millis(5)));
    simulator.set_faults(FaultPlan::random(seed).rate(0.3).mix(everything()));
    let gateway = builder(clock, seed)
        // Never short of retries: whatever they can do wrong, they shall get to do.
        .layers(|layers| StackLayers { retry: layers.retry.budget(Budget::new(1 << 20)), ..layers })
        .over(simulator.clone())
        .unwrap();
    let traffic = Traffic { seed, visits: VISITS, at_once: AT_ONCE, replay };
    let day = Duration::from_secs(86_400);
    let reports = timeout(day, traffic.run(&gateway)).await;
    let reports = reports.unwrap_or_else(|_| panic!("seed {seed}: a call never ended"));
    assert_eq!(gateway.in_flight(), 0, "seed {seed}");
    (simulator, reports)
}

#[tokio::test(start_paused = true)]
async fn no_create_is_done_twice_and_no_report_is_wrong() {
    let mut struck: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let (simulator, reports) = run(seed, false).await;
        let complaints = complaints(&reports, &simulator.commits());
        assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
        let late = late(&reports);
        assert!(late.is_empty(), "seed {seed}: late: {late:#?}");
        for (mishap, times) in simulator.stats().mishaps {
            *struck.entry(mishap).or_default() += times;
        }
        seen.extend(reports.iter().map(summary));
    }
    // Not a test of fair weather: every mishap struck, and every end that a change can have was met.
    for (mishap, _) in everything() {
        assert!(struck.get(mishap.name()).is_some_and(|times| *times > SEEDS), "{struck:?}");
    }
    for action in [Action::Create, Action::Update, Action::Delete] {
        for end in ["done", "none", "unknown"] {
            assert!(seen.contains(&(action, end)), "no {action:?} ended as {end}: {seen:?}");
        }
    }
    for action in [Action::Create, Action::Update] {
        for end in ["recovered", "applied"] {
            assert!(seen.contains(&(action, end)), "no {action:?} ended as {end}: {seen:?}");
        }
    }
}

fn summary(report: &Report) -> (Action, &'static str) {
    let end = match &report.outcome {
        Ok(told) if told.recovered => "recovered",
        Ok(_) => "done",
        Err(error) => match error.effect() {
            Effect::None => "none",
            Effect::Unknown => "unknown",
            Effect::Applied => "applied",
        },
    };
    (report.action, end)
}

/// The same faults, with creates that ask to be replayed without a name: now there are doubles. Were
/// there none, the test above would prove nothing.
#[tokio::test(start_paused = true)]
async fn creates_that_ask_to_be_replayed_are_done_twice() {
    let mut doubles = 0;
    for seed in 0..20 {
        let (simulator, reports) = run(seed, true).await;
        let commits = simulator.commits();
        for id in created_twice(&commits) {
            doubles += 1;
            let named = commits.iter().any(|commit| {
                commit.call_id.as_deref() == Some(id) && commit.unique_name.is_some()
            });
            assert!(!named, "seed {seed}: {id} has a name, and a name exists once");
            assert!(complaints(&reports, &commits).iter().any(|text| text.starts_with(id)));
        }
    }
    assert!(doubles > 20, "only {doubles} doubles");
}

/// Each kind of contradiction, made by hand out of a run that has none.
#[tokio::test(start_paused = true)]
async fn a_false_report_is_found() {
    let (simulator, reports) = run(1, false).await;
    let commits = simulator.commits();
    let first = |wanted: &str| {
        reports.iter().find(|report| summary(report) == (Action::Create, wanted)).unwrap()
    };
    let (done, failed) = (first("done"), first("none"));
    let of_done = |commit: &&Commit| commit.call_id.as_deref() == Some(done.id.as_str());

    let unmade: Vec<Commit> = commits.iter().filter(|commit| !of_done(commit)).cloned().collect();
    let denied = Report { id: done.id.clone(), ..failed.clone() };
    let mut misnamed = done.clone();
    misnamed.outcome.as_mut().unwrap().sid = None;
    let other_call = Report { id: "another".into(), ..done.clone() };
    let twice = [commits.clone(), commits.iter().filter(of_done).cloned().collect()].concat();
    for (expected, reports, commits) in [
        ("a success, and nothing was done", vec![done.clone()], &unmade),
        ("said to have done nothing", vec![denied], &commits),
        ("names another session", vec![misnamed], &commits),
        ("the same session was told to", vec![done.clone(), other_call], &commits),
        ("created twice", vec![done.clone()], &twice),
    ] {
        let found = complaints(&reports, commits);
        assert!(found.iter().any(|text| text.contains(expected)), "{expected}: {found:?}");
    }
    assert!(complaints(&reports, &commits).is_empty());
    let too_long = Report { took: done.deadline + Duration::from_millis(2), ..done.clone() };
    assert_eq!(late(&[too_long]).len(), 1);
}
