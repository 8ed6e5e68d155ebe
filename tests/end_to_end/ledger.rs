//! What callers were told, held against what was done.

use std::collections::BTreeMap;
use std::time::Duration;

use twilio_proxy::call::{Effect, SessionSid};
use twilio_proxy::simulator::{Action, Commit, created_twice};

use crate::traffic::Report;

/// Every way in which the reports and the commits contradict each other or a promise.
pub(crate) fn complaints(reports: &[Report], commits: &[Commit]) -> Vec<String> {
    let mut complaints: Vec<String> =
        created_twice(commits).iter().map(|id| format!("{id}: created twice")).collect();
    let mut told: BTreeMap<SessionSid, &str> = BTreeMap::new();
    for report in reports {
        let done: Vec<&Commit> = commits
            .iter()
            .filter(|commit| commit.call_id.as_deref() == Some(report.id.as_str()))
            .collect();
        if let Some(problem) = contradiction(report, &done) {
            complaints.push(format!("{}: {problem}: {report:?}", report.id));
        }
        if report.action == Action::Create
            && let Ok(outcome) = &report.outcome
            && let Some(other) = outcome.sid.and_then(|sid| told.insert(sid, &report.id))
        {
            complaints.push(format!("{}: the same session was told to {other}", report.id));
        }
    }
    complaints
}

/// How a report contradicts what was done on its call's behalf.
fn contradiction(report: &Report, done: &[&Commit]) -> Option<&'static str> {
    if done.iter().any(|commit| commit.action != report.action) {
        return Some("another thing was done than was asked for");
    }
    let changes = matches!(report.action, Action::Create | Action::Update | Action::Delete);
    match &report.outcome {
        Err(error) if error.effect() == Effect::None && !done.is_empty() => {
            Some("said to have done nothing, and it was done")
        }
        // An answer that makes no sense came from a server that had acted.
        Err(error) if error.effect() == Effect::Applied && changes && done.is_empty() => {
            Some("said to be applied, and nothing was done")
        }
        Ok(_) if changes && done.is_empty() => Some("a success, and nothing was done"),
        Ok(told) if report.action == Action::Create => {
            let sid = done.last().map(|commit| commit.sid);
            (told.sid != sid).then_some("a success that names another session")
        }
        _ => None,
    }
}

/// Calls that ended after their deadlines. Tokio's timers are exact to the millisecond.
pub(crate) fn late(reports: &[Report]) -> Vec<&Report> {
    let tick = Duration::from_millis(1);
    reports.iter().filter(|report| report.took > report.deadline + tick).collect()
}
