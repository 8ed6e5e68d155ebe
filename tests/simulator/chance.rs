//! Faults by chance: as often as asked, of the kinds asked, and the same for the same seed.

use std::collections::BTreeMap;

use http::Method;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator, created_twice};

use crate::support::*;

async fn mishaps(plan: FaultPlan, requests: usize) -> BTreeMap<&'static str, u64> {
    let simulator = simulator();
    simulator.set_faults(plan);
    for _ in 0..requests {
        // Faults and answers alike: what is counted is what struck.
        let _ = try_send(&simulator, request(Method::GET, &path("/a"), "")).await;
    }
    simulator.stats().mishaps
}

#[tokio::test(start_paused = true)]
async fn a_seed_replays_a_run_and_another_makes_another() {
    let run = mishaps(FaultPlan::random(7), 300).await;
    assert_eq!(mishaps(FaultPlan::random(7), 300).await, run);
    assert_ne!(mishaps(FaultPlan::random(8), 300).await, run);
}

#[tokio::test(start_paused = true)]
async fn one_plan_strikes_two_simulators_alike() {
    // Clones of a plan share no generator: neither takes the other's draws.
    let plan = FaultPlan::random(7).rate(0.5);
    let first = mishaps(plan.clone(), 100).await;
    assert_eq!(mishaps(plan, 100).await, first);
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_the_share_of_requests_that_is_struck() {
    for (rate, range) in [(0.0, 0..=0), (0.1, 70..=130), (1.0, 1000..=1000)] {
        let total: u64 = mishaps(FaultPlan::random(3).rate(rate), 1000).await.values().sum();
        assert!(range.contains(&total), "{rate}: {total}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_mix_is_kept_by_weight() {
    let mix = [(Mishap::ResetBefore, 3), (Mishap::ResetAfter, 1), (Mishap::Truncated, 0)];
    let struck = mishaps(FaultPlan::random(3).rate(1.0).mix(mix), 1000).await;
    assert!((700..800).contains(&struck["reset_before"]), "{struck:?}");
    assert_eq!(struck["reset_before"] + struck["reset_after"], 1000);
    assert!(mishaps(FaultPlan::random(3).rate(1.0).mix([]), 10).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_default_mix_neither_hangs_nor_garbles_what_no_retry_mends() {
    let struck = mishaps(FaultPlan::random(3).rate(1.0), 2000).await;
    for never in ["stall_before", "stall_after", "garbled_body"] {
        assert!(!struck.contains_key(never), "{never}");
    }
    assert_eq!(struck.len(), 10, "{struck:?}");
}

/// A client that tries until it is answered 2xx, unnamed creates included: what must not be done.
async fn careless(simulator: &Simulator, call: usize, form: &'static str) {
    loop {
        let mut create = request(Method::POST, &path(""), form);
        let id = format!("call-{call}").parse().expect("an id");
        create.headers_mut().insert("x-request-id", id);
        match try_send(simulator, create).await {
            Ok(answer) if answer.status().is_success() => return,
            // 80603: it is there.
            Ok(answer) if json_code(&answer) == Some(80603) => return,
            _ => {}
        }
    }
}

fn json_code(answer: &http::Response<twilio_proxy::call::Collected>) -> Option<u64> {
    let error: serde_json::Value = serde_json::from_slice(answer.body().bytes()).ok()?;
    error["code"].as_u64()
}

/// The proof that the proof works: a careless client is caught, and a name saves it.
#[tokio::test(start_paused = true)]
async fn creates_done_twice_are_found_by_their_call_id() {
    let simulator = simulator();
    simulator.set_faults(FaultPlan::random(11).rate(0.5));
    for call in 0..100 {
        careless(&simulator, call, format!("UniqueName=n{call}").leak()).await;
    }
    assert_eq!(created_twice(&simulator.commits()), [""; 0]);
    assert_eq!(simulator.stats().of(Action::Create).committed, 100);

    for call in 100..200 {
        careless(&simulator, call, "").await;
    }
    let commits = simulator.commits();
    let twice = created_twice(&commits);
    assert!(twice.len() > 10, "{twice:?}");
    assert_eq!(simulator.sessions().len(), commits.len());
}
