//! What callers were told, held against what was done; and what is still going on where nothing should.

use std::collections::HashMap;
use std::time::Duration;

use twilio_proxy::call::{Effect, SessionSid};
use twilio_proxy::gateway::Health;
use twilio_proxy::simulator::{Action, Commit, created_twice};

use crate::visit::{End, Report};

/// Every way in which the reports and the commits contradict each other or a promise. A call may end so much after its
/// deadline.
pub(crate) fn complaints(reports: &[Report], commits: &[Commit], slack: Duration) -> Vec<String> {
    let twice = created_twice(commits);
    let mut complaints: Vec<String> =
        twice.into_iter().map(|id| format!("{id}: created twice")).collect();
    let mut done: HashMap<&str, Vec<&Commit>> = HashMap::new();
    for commit in commits {
        // The simulator's own doings have no caller.
        if let Some(id) = &commit.call_id {
            done.entry(id).or_default().push(commit);
        }
    }
    let mut told: HashMap<SessionSid, &str> = HashMap::new();
    for report in reports {
        let done = done.remove(report.id.as_str()).unwrap_or_default();
        if let Some(problem) = contradiction(report, &done) {
            complaints.push(format!("{}: {problem}: {report:?}", report.id));
        }
        if report.took > report.deadline.saturating_add(slack) {
            complaints.push(format!("{}: late: {report:?}", report.id));
        }
        if let (Action::Create, End::Done { session: Some(sid), .. }) = (report.action, &report.end)
            && let Some(other) = told.insert(*sid, &report.id)
        {
            complaints.push(format!("{}: the same session was told to {other}", report.id));
        }
    }
    complaints.extend(done.keys().map(|id| format!("{id}: done, and no call of that name ended")));
    complaints.sort();
    complaints
}

/// How a report contradicts what was done on its call's behalf.
fn contradiction(report: &Report, done: &[&Commit]) -> Option<&'static str> {
    if done.iter().any(|commit| commit.action != report.action) {
        return Some("another thing was done than was asked for");
    }
    let changes = matches!(report.action, Action::Create | Action::Update | Action::Delete);
    match &report.end {
        End::Failed(error) if error.effect() == Effect::None && !done.is_empty() => {
            Some("said to have done nothing, and it was done")
        }
        End::Failed(error) if error.effect() == Effect::Applied && changes && done.is_empty() => {
            Some("said to be applied, and nothing was done")
        }
        End::Done { .. } if changes && done.is_empty() => Some("a success, and nothing was done"),
        End::Done { session, .. } if report.action == Action::Create => {
            let sid = done.last().map(|commit| commit.sid);
            (*session != sid).then_some("a success that names another session")
        }
        _ => None,
    }
}

/// What a gateway that nobody calls still does or holds.
pub(crate) fn unrest(health: &Health) -> Vec<String> {
    let mut counts = vec![("calls in flight".to_owned(), health.in_flight)];
    for endpoint in &health.endpoints {
        let pending = usize::try_from(endpoint.pending).unwrap_or(usize::MAX);
        counts.push((format!("attempts at {}", endpoint.base), pending));
    }
    for circuit in &health.circuits {
        let probes = usize::try_from(circuit.probes).unwrap_or(usize::MAX);
        counts.push((format!("probes of {}", circuit.origin), probes));
    }
    if let Some(rate) = &health.rate_limit {
        counts.push(("waiting for the rate".to_owned(), rate.waiting));
    }
    if let Some(concurrency) = &health.concurrency {
        counts.push(("permits held".to_owned(), concurrency.in_flight));
        counts.push(("waiting for a permit".to_owned(), concurrency.waiting));
    }
    if let Some(coalescing) = &health.coalescing {
        counts.push(("reads shared".to_owned(), coalescing.in_flight));
        counts.push(("waiting for another's read".to_owned(), coalescing.waiting));
    }
    counts.retain(|(_, count)| *count > 0);
    counts.into_iter().map(|(what, count)| format!("left behind: {count} {what}")).collect()
}
