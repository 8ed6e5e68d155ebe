//! The tables, as the guide shows them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::faults::Fault;
use crate::stacks::Variant;
use crate::traffic::{Share, Summary};

pub(crate) fn tables(tables: &[(Fault, Vec<(Variant, Summary)>)]) -> String {
    let mut text = String::new();
    for (fault, rows) in tables {
        let _ = writeln!(text, "## {}\n", fault.name);
        let _ = writeln!(text, "For 30 s, {}.\n", fault.is);
        text.push_str(
            "| stack | fetches | named creates | unnamed creates | effect unknown | median | p99 | requests a call |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for (variant, summary) in rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {:.2} |",
                variant.name(),
                percent(summary.fetches),
                percent(summary.named),
                percent(summary.unnamed),
                summary.unknown,
                time(summary.median),
                time(summary.p99),
                summary.requests,
            );
        }
        text.push('\n');
    }
    text
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
