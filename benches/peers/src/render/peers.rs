//! The comparison as table and charts.

use serde_json::Value;

use super::chart::{Bar, Chart};
use super::tables::Table;
use crate::clients::Peer;
use crate::stats::Estimate;

/// One line on where, when and with what; one on how to do it again.
pub(super) fn origin(found: &Value) -> String {
    let machine = &found["machine"];
    let text = |key: &str| machine[key].as_str().unwrap_or("?").to_owned();
    let cores = machine["cores"].as_u64().unwrap_or_default();
    let pinned =
        if machine["pinned"] == true { "client and server on a core each" } else { "not pinned" };
    // One is this comparison's own shell, or the build before it.
    let busy = text("load").parse::<f64>().is_ok_and(|load| load > 2.0);
    let warning = if busy {
        " **Others were at work on the machine: the times and the throughput below say little until this is run again.**"
    } else {
        ""
    };
    format!(
        "Measured on {}: {}, {cores} cores, Linux {}, {}, at commit {}, with a load of {} as it began ({pinned}). \
         Times differ from machine to machine, ratios hardly, counts not.{warning}\n\n\
         All of it again, in one command, which writes this section anew (about half an hour on a quiet machine, \
         a line as it goes along for each step; valgrind for the instructions):\n\n```sh\nbash benches/figures.sh\n```",
        text("date"),
        text("cpu"),
        text("kernel"),
        text("rustc"),
        text("commit"),
        text("load"),
    )
}

/// What the README says before the table.
fn note(found: &Value) -> String {
    let (rounds, calls) = (&found["rounds"], &found["calls"]);
    let micros = |key: &str| row(found, Peer::Legacy)?[key].as_f64();
    let absolute = match (micros("micros_1"), micros("micros_64")) {
        (Some(one), Some(many)) => {
            format!("{one:.0} µs with one in flight and {many:.0} µs with 64")
        }
        _ => "?".to_owned(),
    };
    format!(
        "One fetch, from the request to the decoded session, in plain on loopback from one server in a process of its \
         own. CPU time of the client's thread and throughput, as ratios to `client::legacy` in the same round: {rounds} \
         rounds of all clients, in batches of {calls}, their order drawn anew each round; medians with their 95 % confidence. The 1 stands for {absolute}. No \
         subscriber for spans. Allocations, bytes, instructions (valgrind, one in flight) and resident memory (64 in flight) \
         are counted, each in a process of its own. Every client decodes into this crate's `Session`, is built with {}, \
         and the stacks have trace, retry with a budget, timeout, a limit of concurrency and of rate, and authorization; \
         the default stack has its breaker, deadline, reconciliation and request ids as well. \
         `benches/peers` has them all.",
        found["machine"]["profile"].as_str().unwrap_or("?"),
    )
}

pub(super) fn table(found: &Value) -> Table {
    let columns = [
        "client",
        "CPU, 1 in flight",
        "CPU, 64 in flight",
        "throughput, 64 in flight",
        "allocations",
        "bytes",
        "instructions",
        "resident",
    ];
    let rows = of(found).map(|row| {
        let number = |key: &str| row[key].as_f64().map(grouped).unwrap_or_default();
        vec![
            name(row),
            ratio(&row["cpu_1"]),
            ratio(&row["cpu_64"]),
            ratio(&row["throughput_64"]),
            number("allocations"),
            number("bytes"),
            number("instructions"),
            row["memory_kib"].as_f64().map(mib).unwrap_or_default(),
        ]
    });
    Table {
        title: "Beside its peers".to_owned(),
        note: note(found),
        columns: columns.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        ..Table::default()
    }
}

/// For each: the file's name, the title, the picture.
pub(super) fn charts(found: &Value) -> Vec<(&'static str, String, Chart)> {
    let ratios = "ratio to client::legacy, with 95 % confidence";
    [
        ("cpu_64", "CPU time of a fetch, 64 in flight: less is better", ratios),
        ("cpu_1", "CPU time of a fetch, 1 in flight: less is better", ratios),
        ("throughput_64", "Throughput, 64 in flight: more is better", ratios),
    ]
    .into_iter()
    .map(|(key, title, unit)| {
        let bars = of(found).filter_map(|row| {
            let Estimate { median, low, high } = Estimate::from_json(&row[key])?;
            Some(Bar { label: name(row), value: median, low, high })
        });
        let chart = Chart { unit: unit.to_owned(), reference: Some(1.0), bars: bars.collect() };
        (key, title.to_owned(), chart)
    })
    .collect()
}

/// A client's row of the file.
pub(super) fn row(found: &Value, peer: Peer) -> Option<&Value> {
    of(found).find(|row| row["key"] == peer.key())
}

fn of(found: &Value) -> impl Iterator<Item = &Value> {
    found["peers"].as_array().into_iter().flatten()
}

fn name(row: &Value) -> String {
    row["name"].as_str().unwrap_or_default().to_owned()
}

/// `0.884 (0.879–0.889)`.
pub(super) fn ratio(value: &Value) -> String {
    let shown = |Estimate { median, low, high }| {
        // What all are compared with.
        if low == high {
            format!("{median}")
        } else {
            format!("{median:.3} ({low:.3}–{high:.3})")
        }
    };
    Estimate::from_json(value).map(shown).unwrap_or_default()
}

/// `12,345`.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number <= -0.5 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn mib(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [0.0, 27.0, 999.6, 58_523.0, -1_234_567.0];
        assert_eq!(numbers.map(grouped), ["0", "27", "1,000", "58,523", "−1,234,567"]);
    }
}
