//! The tables, as the guide shows them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::faults::Fault;
use crate::stacks::Variant;
use crate::traffic::{Share, Summary};

pub(crate) fn tables(tables: &[(Fault, Vec<(Variant, Summary)>)]) -> String {
    let mut text = String::new();
    for (fault, rows) in tables {
        let _ = writeln!(text, "## {}\n\n{}.\n", fault.name, fault.is);
        text.push_str(
            "| stack | fetches | named creates | unnamed creates | effect unknown | median | \
             p99 of fetches | p99 of creates | requests a call |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        let default = rows.iter().find(|(variant, _)| *variant == Variant::Default);
        let default = default.map(|(_, summary)| cells(summary)).unwrap_or_default();
        let mut alike = Vec::new();
        for (variant, summary) in rows {
            let cells = cells(summary);
            if cells == default && *variant != Variant::Default {
                alike.push(variant.name());
            } else {
                let _ = writeln!(text, "| {} | {cells} |", variant.name());
            }
        }
        if !alike.is_empty() {
            let _ = writeln!(text, "\nLike the default: {}.", alike.join(", "));
        }
        text.push('\n');
    }
    text
}

fn cells(summary: &Summary) -> String {
    [
        percent(summary.fetches),
        percent(summary.named),
        percent(summary.unnamed),
        summary.unknown.to_string(),
        time(summary.waits.median),
        time(summary.waits.p99_of_fetches),
        time(summary.waits.p99_of_creates),
        format!("{:.2}", summary.requests),
    ]
    .join(" | ")
}

fn percent(share: Share) -> String {
    match share.good {
        good if good == share.all => "all".to_owned(),
        0 => "none".to_owned(),
        good => format!("{:.1} %", good as f64 * 100.0 / share.all as f64),
    }
}

fn time(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{:.1} s", millis as f64 / 1000.0),
    }
}
