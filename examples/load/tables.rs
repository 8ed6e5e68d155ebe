//! The tables of the report for people.

use comfy_table::{CellAlignment, Table, presets};

use crate::chart::Mark;
use crate::mix::Kind;
use crate::tally::{Counts, Times};
use crate::units::{count, time};

/// The percentiles that are told, and their names.
pub(crate) const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// The times that were recorded, each with its count.
pub(crate) fn recorded(times: &Times) -> Vec<(u64, u64)> {
    let recorded = times.iter_recorded();
    // The lowest of the times that count as one, or a time at the end of a bucket would leave it.
    let lowest = |at| times.lowest_equivalent(at);
    recorded.map(|at| (lowest(at.value_iterated_to()), at.count_at_value())).collect()
}

pub(crate) fn marks(times: &Times) -> Vec<Mark> {
    if times.is_empty() {
        return Vec::new();
    }
    let at = |quantile| times.value_at_quantile(quantile) as f64;
    QUANTILES.map(|(name, quantile)| Mark { name, at: at(quantile) }).to_vec()
}

fn columns(times: &Times) -> [String; 5] {
    QUANTILES.map(|(_, quantile)| match times.is_empty() {
        true => "–".to_owned(),
        false => time(times.value_at_quantile(quantile) as f64),
    })
}

fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

/// What came of the calls, and how long they took, by operation.
pub(crate) fn operations(counts: &Counts) -> String {
    let asked = |kind: &Kind| counts.row(*kind).sent + counts.row(*kind).not_sent > 0;
    let mut rows: Vec<[String; 12]> = Vec::new();
    for kind in Kind::ALL.into_iter().filter(asked) {
        let row = counts.row(kind);
        let [p50, p90, p99, p999, max] = columns(&row.response);
        let numbers =
            [row.sent, row.ok, row.failed, row.cut_off, row.attempts, row.recovered].map(count);
        let [sent, ok, failed, cut_off, attempts, recovered] = numbers;
        let name = kind.name().to_owned();
        rows.push([name, sent, ok, failed, cut_off, attempts, recovered, p50, p90, p99, p999, max]);
    }
    let header = [
        "operation",
        "sent",
        "ok",
        "failed",
        "cut off",
        "attempts",
        "recovered",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
    ];
    table(header, rows)
}

/// The times over all operations, and this tool's own part.
pub(crate) fn times(counts: &Counts) -> String {
    let row = |name: &str, times: &Times| {
        let [p50, p90, p99, p999, max] = columns(times);
        [name.to_owned(), count(times.len()), p50, p90, p99, p999, max]
    };
    let rows = vec![
        row("response: from due to end", &counts.response),
        row("service: from sent to end", &counts.service),
        row("failed: from due to end", &counts.failed),
        row("this tool: from due to sent", &counts.late),
    ];
    table(["time", "calls", "p50", "p90", "p99", "p99.9", "max"], rows)
}
