//! The report for people.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use crate::args::Args;
use crate::book::Left;
use crate::chart::{self, Mark};
use crate::ledger::Ledger;
use crate::mix::Kind;
use crate::svg;
use crate::tally::{Counts, Times};
use crate::units::{count, share, time};

/// All that is known at the end.
pub(crate) struct Report<'a> {
    pub(crate) args: &'a Args,
    /// What it talked to, in words.
    pub(crate) target: &'a str,
    pub(crate) counts: &'a Counts,
    /// How long calls were sent.
    pub(crate) lasted: Duration,
    /// `once` or `twice`, where it was asked to stop.
    pub(crate) stopped: Option<&'static str>,
    /// Of the simulator.
    pub(crate) ledger: Option<Ledger>,
    /// Of anything else.
    pub(crate) left: Option<Left>,
}

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

impl Report<'_> {
    /// Whether all that was promised was kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.ledger.as_ref().is_none_or(Ledger::is_kept)
            && self.left.as_ref().is_none_or(Left::is_empty)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = self.heading();
        text.push_str(&self.operations());
        self.failures(&mut text);
        text.push('\n');
        text.push_str(&self.times());
        self.remarks(&mut text);
        let buckets = chart::buckets(&recorded(&self.counts.response), chart::ROWS);
        let title = "\nResponse times of the calls that went well, from when they were due:";
        text.push_str(&chart::draw(title, &buckets, &marks(&self.counts.response)));
        text.push('\n');
        self.promises(&mut text);
        text
    }

    pub(crate) fn svg(&self) -> String {
        let times = &self.counts.response;
        let buckets = chart::buckets(&recorded(times), svg::BARS);
        let title = format!("Response times of {} calls", count(times.len()));
        svg::draw(&title, &self.what_was_asked(), &buckets, &marks(times))
    }

    fn what_was_asked(&self) -> String {
        let Args { rate, arrivals, mix, seed, .. } = self.args;
        let rate = rate.per_second();
        let (pattern, lasted) = (arrivals.name(), self.lasted.as_secs_f64());
        format!("{rate}/s for {lasted:.1} s, {pattern}, seed {seed}, {mix}")
    }

    fn heading(&self) -> String {
        let counts = self.counts;
        let (sent, not_sent) = (counts.sum(|row| row.sent), counts.sum(|row| row.not_sent));
        let lasted = self.lasted.as_secs_f64();
        let rate = if lasted > 0.0 { sent as f64 / lasted } else { 0.0 };
        let mut text = format!("To {}: {}.\n", self.target, self.what_was_asked());
        if let Some(how_often) = self.stopped {
            let _ = writeln!(text, "It was stopped {how_often}: this is what was done until then.");
        }
        let _ = writeln!(
            text,
            "{} calls were due and {} were sent, {rate:.1}/s.",
            count(sent + not_sent),
            count(sent)
        );
        text
    }

    fn operations(&self) -> String {
        let counts = self.counts;
        let asked = |kind: &Kind| counts.row(*kind).sent + counts.row(*kind).not_sent > 0;
        let mut rows: Vec<[String; 12]> = Vec::new();
        for kind in Kind::ALL.into_iter().filter(asked) {
            let row = counts.row(kind);
            let [p50, p90, p99, p999, max] = columns(&row.response);
            let numbers =
                [row.sent, row.ok, row.failed, row.cut_off, row.attempts, row.recovered].map(count);
            let [sent, ok, failed, cut_off, attempts, recovered] = numbers;
            let name = kind.name().to_owned();
            rows.push([
                name, sent, ok, failed, cut_off, attempts, recovered, p50, p90, p99, p999, max,
            ]);
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

    fn failures(&self, text: &mut String) {
        for kind in Kind::ALL {
            for ((what, effect), times) in &self.counts.row(kind).failures {
                let what = what.replace('_', " ");
                let (name, times) = (kind.name(), count(*times));
                let _ = writeln!(text, "{name} failed: {times} × {what}, effect {effect}");
            }
        }
    }

    fn times(&self) -> String {
        let counts = self.counts;
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

    fn remarks(&self, text: &mut String) {
        let counts = self.counts;
        let not_sent = counts.sum(|row| row.not_sent);
        if not_sent > 0 {
            let most = count(self.args.max_in_flight.into());
            let part = share(not_sent, not_sent + counts.sum(|row| row.sent));
            let _ = writeln!(
                text,
                "Not sent: {} calls ({part}). The driver was full, with {most} under way \
                 (--max-in-flight).",
                count(not_sent),
            );
        }
        if counts.swapped > 0 {
            let swapped = count(counts.swapped);
            let _ = writeln!(text, "{swapped} deletes had nothing to delete, and were creates.");
        }
        let cut_off = counts.sum(|row| row.cut_off);
        if cut_off > 0 {
            let longest = time(counts.cut_off_after.as_micros() as f64);
            let _ = writeln!(
                text,
                "{} calls were cut off, due for up to {longest}; their times are in no percentile.",
                count(cut_off),
            );
        }
        if self.was_late() {
            text.push_str(
                "This tool was late itself: a good part of the response times is its own, or this \
                 machine's. Ask for less, or build with --release.\n",
            );
        }
    }

    /// Whether sending late explains a good part of what the slow calls took.
    pub(crate) fn was_late(&self) -> bool {
        let slow = |times: &Times| times.value_at_quantile(0.99) as f64;
        let late = slow(&self.counts.late);
        // Five milliseconds are what a busy machine takes to wake a thread.
        late > 5e3 && late > slow(&self.counts.response) / 5.0
    }

    fn promises(&self, text: &mut String) {
        if let Some(Ledger { creates, twice, denied }) = &self.ledger {
            let creates = count(*creates);
            let verdict =
                if twice.is_empty() { "each exactly once" } else { "SOME MORE THAN ONCE" };
            let _ = writeln!(text, "The simulator's books: {creates} creates, {verdict}.");
            for call in twice {
                let _ = writeln!(text, "  done twice: the create of call {call}");
            }
            for name in denied {
                let _ = writeln!(text, "  failed with effect none, and was done: {name}");
            }
        }
        match &self.left {
            Some(left) if left.is_empty() => {
                text.push_str("Every session that this run made is deleted.\n");
            }
            Some(Left { known, named, unnamed }) => {
                text.push_str("SESSIONS ARE LEFT BEHIND. They close by themselves in a while:\n");
                for (service, session) in known {
                    let _ = writeln!(text, "  {service} {session}");
                }
                for (service, name) in named {
                    let _ =
                        writeln!(text, "  {service} {name} (perhaps: its create had no answer)");
                }
                if *unnamed > 0 {
                    let _ = writeln!(text, "  and up to {unnamed} without a name");
                }
            }
            None => {}
        }
    }
}
