//! What has come of the calls so far.

use std::collections::BTreeMap;

use twilio_proxy::simulator::{Action, Stats};

use crate::visit::{End, Report};

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) ends: BTreeMap<(Action, &'static str), u64>,
    /// Errors by what they say, which names no call.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) mishaps: BTreeMap<&'static str, u64>,
    pub(crate) calls: u64,
    pub(crate) commits: u64,
    pub(crate) stretches: u64,
    pub(crate) changes: u64,
    /// The first of each stretch, so that a disaster does not fill the memory.
    pub(crate) complaints: Vec<String>,
    pub(crate) breaches: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, reports: &[Report]) {
        for report in reports {
            *self.ends.entry((report.action, report.end.name())).or_default() += 1;
            if let End::Failed(error) = &report.end {
                // A time in it would make each another.
                let said = error.to_string();
                let said = said.split(" within ").next().unwrap_or_default().to_owned();
                *self.errors.entry(said).or_default() += 1;
            }
        }
        self.calls += u64::try_from(reports.len()).unwrap_or(u64::MAX);
    }

    pub(crate) fn weather(&mut self, stats: &Stats) {
        self.commits += stats.committed();
        for (mishap, times) in &stats.mishaps {
            *self.mishaps.entry(mishap).or_default() += times;
        }
    }

    pub(crate) fn complain(&mut self, complaints: Vec<String>) {
        self.breaches += u64::try_from(complaints.len()).unwrap_or(u64::MAX);
        let room = 20_usize.saturating_sub(self.complaints.len());
        self.complaints.extend(complaints.into_iter().take(room));
    }

    pub(crate) fn of(&self, action: Action, end: &str) -> u64 {
        let mut ends = self.ends.iter();
        ends.find_map(|((of, how), times)| (*of == action && *how == end).then_some(*times))
            .unwrap_or(0)
    }
}
