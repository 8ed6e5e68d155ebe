//! Counting and telling.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use comfy_table::{CellAlignment, Table, presets};
use twilio_proxy::gateway::Error;
use twilio_proxy::middleware::retry::RetryEvent;
use twilio_proxy::simulator::Simulator;

/// What came of the calls, by operation.
#[derive(Default)]
pub(crate) struct Tally {
    rows: Mutex<BTreeMap<&'static str, Row>>,
}

#[derive(Clone, Copy, Default)]
struct Row {
    calls: u32,
    failed: u32,
    attempts: u32,
    retried: u32,
    limited: u32,
    found_again: u32,
}

impl Tally {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<&'static str, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A retry, from the retry layer's hook.
    pub(crate) fn saw_retry(&self, event: &RetryEvent) {
        let mut rows = self.rows();
        let row = rows.entry(event.operation).or_default();
        row.retried += 1;
        if event.class.as_str() == "throttled" {
            row.limited += 1;
        }
        println!(
            "  retry    {:<16} attempt {} ended {:<11} again in {:>3} ms",
            event.operation,
            event.attempt,
            event.class.as_str(),
            event.delay.as_millis(),
        );
    }

    pub(crate) fn succeeded(&self, operation: &'static str, attempts: u32, found_again: bool) {
        let mut rows = self.rows();
        let row = rows.entry(operation).or_default();
        row.calls += 1;
        row.attempts += attempts;
        if found_again {
            row.found_again += 1;
            println!("  recover  {operation:<16} its answer was lost: found again by its name");
        }
    }

    pub(crate) fn failed(&self, operation: &'static str, error: &Error) {
        let mut rows = self.rows();
        let row = rows.entry(operation).or_default();
        row.calls += 1;
        row.failed += 1;
        row.attempts += error.attempts();
        println!("  failed   {operation:<16} {error} (effect {})", error.effect());
    }

    pub(crate) fn listed(&self, sessions: usize) {
        self.rows().entry("sessions.list").or_default().calls += 1;
        println!("  list     sessions.list    {sessions} sessions, page by page");
    }

    /// The table at the end.
    pub(crate) fn print(&self) {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED);
        table.set_header([
            "operation",
            "calls",
            "failed",
            "attempts",
            "retried",
            "throttled",
            "found again",
        ]);
        for (operation, row) in self.rows().iter() {
            table.add_row([
                (*operation).to_owned(),
                row.calls.to_string(),
                row.failed.to_string(),
                row.attempts.to_string(),
                row.retried.to_string(),
                row.limited.to_string(),
                row.found_again.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("\n{table}");
    }

    /// Compares with what the server has committed; returns how many creates were doubled.
    pub(crate) fn check_commits(&self, simulator: &Simulator) -> usize {
        let mut by_name: HashMap<String, u32> = HashMap::new();
        for commit in simulator.commits() {
            *by_name.entry(commit.unique_name.unwrap_or_default()).or_default() += 1;
        }
        let doubled = by_name.values().filter(|commits| **commits > 1).count();
        let verdict = if doubled == 0 { "each exactly once" } else { "SOME MORE THAN ONCE" };
        println!("The server committed {} sessions, {verdict}.", by_name.len());
        doubled
    }
}
