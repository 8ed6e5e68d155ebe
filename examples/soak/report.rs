//! The closing tables.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use twilio_proxy::simulator::Action;
use twilio_proxy::transport::PoolStats;

use crate::resources::Resources;
use crate::tally::Tally;

const ENDS: [&str; 6] =
    ["done", "recovered", "failed, nothing done", "failed, unknown", "failed, applied", "given up"];

pub(crate) struct Report<'a> {
    pub(crate) seed: u64,
    pub(crate) tally: &'a Tally,
    pub(crate) pool: PoolStats,
    /// The first look, the one at a fifth of the way, and the last.
    pub(crate) looks: [Option<Resources>; 3],
    pub(crate) took: Duration,
}

impl Report<'_> {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for table in [self.calls(), self.errors(), self.weather(), self.resources()] {
            let _ = writeln!(text, "{table}");
        }
        let Tally { calls, commits, stretches, changes, breaches, .. } = self.tally;
        let seconds = self.took.as_secs_f64();
        let rate = *calls as f64 / seconds.max(0.001);
        let PoolStats { opened, reused, .. } = self.pool;
        let _ = writeln!(
            text,
            "{calls} calls in {seconds:.1} s ({rate:.0}/s), {commits} changes committed, by {stretches} servers\n\
             {changes} reloads of both gateways; {opened} connections opened, used again {reused} times"
        );
        for complaint in &self.tally.complaints {
            let _ = writeln!(text, "broken: {complaint}");
        }
        let _ = match breaches {
            0 => {
                writeln!(text, "every call accounted for, every promise kept (seed {})", self.seed)
            }
            _ => writeln!(text, "{breaches} promises broken: again with --seed {}", self.seed),
        };
        text
    }

    fn calls(&self) -> Table {
        let mut header = vec!["calls"];
        header.extend(ENDS);
        let rows = [Action::Create, Action::Fetch, Action::List, Action::Update, Action::Delete];
        let rows = rows.map(|action| {
            let mut row = vec![format!("{action:?}").to_lowercase()];
            row.extend(ENDS.map(|end| self.tally.of(action, end).to_string()));
            row
        });
        table(header, rows)
    }

    /// The commonest of what failures said.
    fn errors(&self) -> Table {
        let mut errors: Vec<_> = self.tally.errors.iter().collect();
        errors.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        errors.truncate(12);
        table(
            vec!["failures", "times"],
            errors.into_iter().map(|(said, times)| vec![said.clone(), times.to_string()]),
        )
    }

    fn weather(&self) -> Table {
        let mishaps = &self.tally.mishaps;
        table(
            vec!["mishap", "times"],
            mishaps.iter().map(|(name, times)| vec![(*name).to_owned(), times.to_string()]),
        )
    }

    fn resources(&self) -> Table {
        let [start, fifth, end] = self.looks;
        let row = |what: &str, of: &dyn Fn(Resources) -> Option<String>| {
            let mut row = vec![what.to_owned()];
            row.extend([start, fifth, end].map(|look| look.and_then(of).unwrap_or("–".to_owned())));
            row
        };
        let kib = |bytes: u64| Some(format!("{} KiB", bytes / 1024));
        table(
            vec!["held", "at first", "at a fifth", "at the end"],
            [
                row("heap", &|look| kib(look.heap)),
                row("resident", &|look| look.resident.and_then(kib)),
                row("descriptors", &|look| look.descriptors.map(|count| count.to_string())),
                row("tasks", &|look| Some(look.tasks.to_string())),
            ],
        )
    }
}

fn table(header: Vec<&str>, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
