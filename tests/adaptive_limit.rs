//! A limit that learns finds what the server bears: from above, from below, and when that changes.
//!
//! The runs are those that `examples/adaptive_limit` draws.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/limit_model.rs"]
mod limit_model;
#[path = "../examples/adaptive_limit/runs.rs"]
mod runs;
#[path = "../examples/adaptive_limit/svg.rs"]
mod svg;

use std::time::Duration;

use limit_model::{Plan, Run, run};
use runs::{DRAWING, FROM_ABOVE, FROM_BELOW, KNEE};
use twilio_proxy::middleware::limit::concurrency::{Aimd, Fixed, Gradient};

/// Within a fifth of what is right, before the capacity halves and after, in the mean and, but for a
/// probe now and then, at any moment.
#[track_caller]
fn settles(run: &Run, right: f64) {
    for (from, to, right) in [(20, 40, right), (60, 80, right / 2.0)] {
        let is_near = |limit: f64| (limit / right - 1.0).abs() <= 0.2;
        let mean = run.mean(from, to);
        assert!(is_near(mean), "{mean} on average, for {right}: {:?}", run.between(from, to));
        let limits = run.between(from, to);
        let near = limits.iter().filter(|limit| is_near(**limit as f64)).count();
        assert!(near * 100 >= limits.len() * 90, "{right}: {limits:?}");
    }
}

#[test]
fn the_gradient_finds_the_knee_from_above() {
    for seed in 1..=2 {
        let plan = Plan { seed, ..Plan::queues(KNEE) };
        let run = run(plan, Gradient::new(FROM_ABOVE).bounds(1, 300)).unwrap();
        settles(&run, KNEE as f64);
        // Forty at a time for forty seconds, twenty for as long, each for a tenth of a second.
        assert!(run.served >= 24_000 * 97 / 100, "{}", run.served);
    }
}

#[test]
fn the_gradient_finds_the_knee_from_below() {
    for seed in 1..=2 {
        let plan = Plan { seed, ..Plan::queues(KNEE) };
        let run = run(plan, Gradient::new(FROM_BELOW).bounds(1, 300)).unwrap();
        settles(&run, KNEE as f64);
        assert!(run.served >= 24_000 * 88 / 100, "{}", run.served);
    }
}

/// Where chance decides how long each answer takes, a gradient that took chance for a queue once
/// ended at 3. From below it takes longer here, for it takes longer to be sure.
#[test]
fn the_gradient_is_not_fooled_by_chance() {
    for (start, percent) in [(FROM_ABOVE, 95), (FROM_BELOW, 60)] {
        let plan = Plan { erratic: true, ..Plan::queues(KNEE) };
        let run = run(plan, Gradient::new(start).bounds(1, 300)).unwrap();
        let mean = run.mean(60, 80);
        assert!((16.0..=28.0).contains(&mean), "{mean} on average, for 20");
        assert!(run.served >= 24_000 * percent / 100, "{}", run.served);
    }
}

#[test]
fn aimd_finds_where_the_server_refuses() {
    for (start, refusals) in [(FROM_ABOVE, 20), (FROM_BELOW, 3)] {
        let run = run(Plan::refuses(KNEE), Aimd::new(start).bounds(1, 300)).unwrap();
        settles(&run, KNEE as f64);
        let percent = 100 * run.throttled / (run.served + run.throttled);
        assert!(percent < refusals, "{percent} % of calls were refused");
    }
}

/// Not the knee, but where the queue behind it is too long for the callers: three times the work of
/// one request is three times the knee under way.
#[test]
fn aimd_finds_where_attempts_time_out() {
    for start in [FROM_ABOVE, FROM_BELOW] {
        let run = run(Plan::times_out(KNEE, 3), Aimd::new(start).bounds(1, 300)).unwrap();
        settles(&run, 3.0 * KNEE as f64);
        assert!(run.timed_out * 10 < run.served, "{run:?}");
    }
}

#[test]
fn a_fixed_limit_finds_nothing() {
    let plan = Plan { lasts: Duration::from_secs(3), ..Plan::refuses(KNEE) };
    let run = run(plan, Fixed::new(FROM_ABOVE)).unwrap();
    assert!(run.limits.iter().all(|(_, limit)| *limit == FROM_ABOVE));
    assert!(run.throttled > 5 * run.served, "{} to {}", run.throttled, run.served);
}

/// What the documentation shows is what these policies do, and not what they once did.
#[test]
fn the_drawing_shows_these_runs() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(DRAWING);
    let drawn = std::fs::read_to_string(path).unwrap();
    let now = svg::draw(&runs::panels().unwrap());
    assert!(drawn == now, "draw it anew: cargo run --example adaptive_limit -- draw");
}
