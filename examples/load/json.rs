//! The report for programs. Times are in microseconds.

use serde_json::{Map, Value, json};

use crate::chart;
use crate::mix::Kind;
use crate::report::Report;
use crate::svg;
use crate::tables::{QUANTILES, recorded};
use crate::tally::{Row, Times};

impl Report<'_> {
    pub(crate) fn json(&self) -> Value {
        let (args, counts) = (self.args, self.counts);
        let operations: Map<String, Value> = Kind::ALL
            .into_iter()
            .map(|kind| (kind.name().to_owned(), operation(counts.row(kind))))
            .collect();
        let (sent, not_sent) = (counts.sum(|row| row.sent), counts.sum(|row| row.not_sent));
        let seconds = self.lasted.as_secs_f64();
        let buckets = chart::buckets(&recorded(&counts.response), svg::BARS);
        json!({
            "target": self.target,
            "asked": {
                "rate_per_s": args.rate.per_second(),
                "arrivals": args.arrivals.name(),
                "mix": args.mix.to_string(),
                "seed": args.seed,
                "max_in_flight": args.max_in_flight,
            },
            "stopped": self.stopped,
            "sent_for_s": seconds,
            "rate_per_s": if seconds > 0.0 { sent as f64 / seconds } else { 0.0 },
            "due": sent + not_sent,
            "sent": sent,
            "not_sent": not_sent,
            "ok": counts.sum(|row| row.ok),
            "failed": counts.sum(|row| row.failed),
            "cancelled": counts.sum(|row| row.cut_off),
            "attempts": counts.sum(|row| row.attempts),
            "recovered": counts.sum(|row| row.recovered),
            "deletes_sent_as_creates": counts.swapped,
            "operations": operations,
            "response_us": times(&counts.response),
            "service_us": times(&counts.service),
            "failed_us": times(&counts.failed),
            "driver_late_us": times(&counts.late),
            "driver_was_late": self.was_late(),
            "response_histogram_us": buckets
                .iter()
                .map(|bucket| json!({"from": bucket.from, "to": bucket.to, "calls": bucket.count}))
                .collect::<Vec<_>>(),
            "simulator": self.ledger.as_ref().map(|ledger| json!({
                "creates": ledger.creates,
                "created_twice": ledger.twice,
                "failed_with_effect_none_and_done": ledger.denied,
            })),
            "left_behind": self.left.as_ref().map(|left| json!({
                "sessions": left
                    .known
                    .iter()
                    .map(|(service, session)| json!([service.to_string(), session.to_string()]))
                    .collect::<Vec<_>>(),
                "perhaps_named": left
                    .named
                    .iter()
                    .map(|(service, name)| json!([service.to_string(), name]))
                    .collect::<Vec<_>>(),
                "perhaps_unnamed": left.unnamed,
            })),
            "kept": self.is_kept(),
        })
    }
}

fn operation(row: &Row) -> Value {
    let failures: Vec<Value> = row
        .failures
        .iter()
        .map(|((kind, effect), calls)| json!({"kind": kind, "effect": effect, "calls": calls}))
        .collect();
    json!({
        "sent": row.sent,
        "not_sent": row.not_sent,
        "ok": row.ok,
        "failed": row.failed,
        "cancelled": row.cut_off,
        "attempts": row.attempts,
        "recovered": row.recovered,
        "failures": failures,
        "response_us": times(&row.response),
    })
}

/// Count and percentiles; null where nothing was recorded.
fn times(times: &Times) -> Value {
    if times.is_empty() {
        return Value::Null;
    }
    let quantiles = QUANTILES.into_iter();
    let mut values: Map<String, Value> = quantiles
        .map(|(name, quantile)| (name.to_owned(), times.value_at_quantile(quantile).into()))
        .collect();
    values.insert("calls".to_owned(), times.len().into());
    Value::Object(values)
}
