//! Counting and telling.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use comfy_table::{CellAlignment, Table, presets};
use twilio_proxy::gateway::Error;
use twilio_proxy::middleware::retry::RetryEvent;
use twilio_proxy::simulator::{Action, Simulator, created_twice};

/// What came of the calls, by operation.
#[derive(Default)]
pub(crate) struct Tally {
    rows: Mutex<BTreeMap<String, Row>>,
}

#[derive(Clone, Copy, Default)]
struct Row {
    calls: u32,
    failed: u32,
    attempts: u32,
    retried: u32,
    limited: u32,
    throttled: u32,
    found_again: u32,
}

impl Tally {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A retry, from the retry layer's hook.
    pub(crate) fn saw_retry(&self, event: &RetryEvent) {
        let mut rows = self.rows();
        let row = rows.entry(event.operation.to_owned()).or_default();
        row.retried += 1;
        if event.class.as_str() == "throttled" {
            row.throttled += 1;
        }
        println!(
            "  retry    {:<16} attempt {} ended {:<11} again in {:>3} ms",
            event.operation,
            event.attempt,
            event.class.as_str(),
            event.delay.as_millis(),
        );
    }

    /// A call that our own limit holds, for the server's sake.
    pub(crate) fn held(&self, operation: &str, ahead: u64) {
        self.rows().entry(operation.to_owned()).or_default().limited += 1;
        println!("  limit    {operation:<16} waits for its turn, {ahead} ahead");
    }

    /// How many calls failed.
    pub(crate) fn failures(&self) -> usize {
        let failed: u32 = self.rows().values().map(|row| row.failed).sum();
        failed.try_into().unwrap_or(usize::MAX)
    }

    pub(crate) fn succeeded(&self, operation: &'static str, attempts: u32, found_again: bool) {
        let mut rows = self.rows();
        let row = rows.entry(operation.to_owned()).or_default();
        row.calls += 1;
        row.attempts += attempts;
        if found_again {
            row.found_again += 1;
            println!(
                "  recover  {operation:<16} its answer was lost: a look shows that it is done"
            );
        }
    }

    pub(crate) fn failed(&self, operation: &'static str, error: &Error) {
        let mut rows = self.rows();
        let row = rows.entry(operation.to_owned()).or_default();
        row.calls += 1;
        row.failed += 1;
        row.attempts += error.attempts();
        println!("  failed   {operation:<16} {error} (effect {})", error.effect());
    }

    /// A list, page by page: each page is a call.
    pub(crate) fn listed(&self, pages: usize, sessions: usize) {
        let mut rows = self.rows();
        let row = rows.entry("sessions.list".to_owned()).or_default();
        row.calls += u32::try_from(pages).unwrap_or(u32::MAX);
        row.attempts += row.calls + row.retried;
        println!("  list     sessions.list    {sessions} sessions on {pages} pages");
    }

    /// The table at the end.
    pub(crate) fn print(&self) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([
            "operation",
            "calls",
            "failed",
            "attempts",
            "retried",
            "limited",
            "throttled",
            "found again",
        ]);
        for (operation, row) in self.rows().iter() {
            table.add_row([
                operation.clone(),
                row.calls.to_string(),
                row.failed.to_string(),
                row.attempts.to_string(),
                row.retried.to_string(),
                row.limited.to_string(),
                row.throttled.to_string(),
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
        let commits = simulator.commits();
        let doubled = created_twice(&commits).len();
        let created = simulator.stats().of(Action::Create).committed;
        let verdict = if doubled == 0 { "each exactly once" } else { "SOME MORE THAN ONCE" };
        println!("The server committed {created} creates, {verdict}.");
        doubled
    }
}
