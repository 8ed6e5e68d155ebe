//! The report for people.

use std::fmt::Write;
use std::time::Duration;

use crate::args::Args;
use crate::book::Left;
use crate::chart;
use crate::ledger::Ledger;
use crate::mix::Kind;
use crate::svg;
use crate::tables::{self, marks, recorded};
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

impl Report<'_> {
    /// Whether all that was promised was kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.ledger.as_ref().is_none_or(Ledger::is_kept)
            && self.left.as_ref().is_none_or(Left::is_empty)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = self.heading();
        text.push_str(&tables::operations(self.counts));
        self.failures(&mut text);
        text.push('\n');
        text.push_str(&tables::times(self.counts));
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

    fn failures(&self, text: &mut String) {
        for kind in Kind::ALL {
            for ((what, effect), times) in &self.counts.row(kind).failures {
                let what = what.replace('_', " ");
                let (name, times) = (kind.name(), count(*times));
                let _ = writeln!(text, "{name} failed: {times} × {what}, effect {effect}");
            }
        }
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
