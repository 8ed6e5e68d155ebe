//! What was aimed at, and whether it is reached.

use serde_json::Value;

use super::peers::{grouped, mib, ratio, row};
use super::tables::Table;
use crate::clients::Peer;
use crate::stats::Estimate;

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    figure: String,
    goal: String,
    measured: String,
    /// None if nothing was measured.
    met: Option<bool>,
}

impl Goal {
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let (figure, goal) = (text("figure")?, text("goal")?);
        Some(Self { figure, goal, measured: text("measured")?, met: value["met"].as_bool() })
    }

    /// At most so much.
    fn most(figure: &str, most: f64, value: Option<f64>, shown: impl Fn(f64) -> String) -> Self {
        Self {
            figure: figure.to_owned(),
            goal: format!("≤ {}", shown(most)),
            measured: value.map_or_else(|| "not measured".to_owned(), shown),
            met: value.map(|value| value <= most),
        }
    }

    /// At most so many nanoseconds of CPU time.
    fn nanos(figure: &str, most: f64, value: &Value) -> Self {
        let estimate = Estimate::from_json(value);
        let measured = estimate
            .map(|Estimate { median, low, high }| format!("{median:.0} ns ({low:.0}–{high:.0})"));
        Self {
            figure: figure.to_owned(),
            goal: format!("≤ {most:.0} ns"),
            measured: measured.unwrap_or_else(|| "not measured".to_owned()),
            met: estimate.map(|estimate| estimate.median <= most),
        }
    }

    /// At most, or at least, such a ratio.
    fn ratio(figure: &str, sign: &str, goal: f64, estimate: Option<&Value>) -> Self {
        let median = estimate.and_then(|estimate| estimate[0].as_f64());
        let met = median.map(|median| if sign == "≥" { median >= goal } else { median <= goal });
        let measured = estimate.map(ratio).filter(|text| !text.is_empty());
        let measured = measured.unwrap_or_else(|| "not measured".to_owned());
        Self { figure: figure.to_owned(), goal: format!("{sign} {goal:.2}"), measured, met }
    }
}

/// The goals for the default stack, then those that the other tables bring along.
pub(super) fn markdown(found: &Value, others: &[(String, Table)]) -> String {
    let goals = of_the_stack(found);
    let all = goals.iter().chain(others.iter().flat_map(|(_, table)| &table.goals));
    let rows = all.map(|Goal { figure, goal, measured, met }| {
        let word = match met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "",
        };
        [figure, goal, measured, word].map(ToString::to_string).to_vec()
    });
    Table {
        title: "What was aimed at".to_owned(),
        note: "The default stack: a fetch, decoded, over HTTP/1.1, with no subscriber.".to_owned(),
        columns: ["figure", "goal", "measured", ""].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        ..Table::default()
    }
    .markdown()
}

fn of_the_stack(found: &Value) -> Vec<Goal> {
    let pair = |name: &str| found["pairs"].get(name);
    let of = |peer: Peer, key: &str| row(found, peer)?.get(key);
    let stack = |key: &str| of(Peer::DefaultStack, key);
    let number = |peer: Peer, key: &str| of(peer, key)?.as_f64();
    let layers = |key: &str| found["layers"][key].as_f64();
    vec![
        Goal::ratio(
            "CPU against its own bare transport, 64 in flight",
            "≤",
            1.05,
            pair("stack_over_transport"),
        ),
        Goal::ratio("CPU against bare `client::legacy`, 64 in flight", "≤", 0.92, stack("cpu_64")),
        Goal::ratio("the same, 1 in flight", "≤", 0.96, stack("cpu_1")),
        Goal::ratio(
            "CPU against reqwest + middleware, retry, tracing, 64 in flight",
            "≤",
            0.62,
            pair("stack_over_middleware"),
        ),
        Goal::ratio(
            "throughput against the tower stack by hand, 64 in flight",
            "≥",
            1.15,
            pair("throughput_over_by_hand"),
        ),
        Goal::most("allocations a fetch", 27.0, number(Peer::DefaultStack, "allocations"), grouped),
        Goal::most(
            "bytes allocated a fetch",
            13_000.0,
            number(Peer::DefaultStack, "bytes"),
            grouped,
        ),
        Goal::most(
            "instructions a fetch, 1 in flight",
            50_000.0,
            number(Peer::DefaultStack, "instructions"),
            grouped,
        ),
        Goal::nanos(
            "all layers, nothing to do, against the identical request over none",
            600.0,
            &found["layers"]["stack_nanos"],
        ),
        Goal::most("the same: allocations", 2.0, layers("stack_allocations"), grouped),
        Goal::nanos("`boxed()` on top", 150.0, &found["layers"]["boxed_nanos"]),
        Goal::most("the same: allocations", 2.0, layers("boxed_allocations"), grouped),
        Goal::most(
            "resident memory, 64 in flight",
            12.0 * 1024.0,
            number(Peer::DefaultStack, "memory_kib"),
            mib,
        ),
    ]
}
