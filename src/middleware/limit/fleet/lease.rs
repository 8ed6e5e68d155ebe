use std::time::Duration;

use tokio::time::Instant;

use super::pace::Pace;
use super::store::Answer;

/// Cells that this process was given, each for a time of its own.
///
/// The store said its time between the question and its answer. Cells begin as if it had been with the
/// answer, and end as if it had been with the question: so none is used outside its time, whatever the
/// network does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    sent: Instant,
    heard: Instant,
    /// When the first that is left begins, in microseconds after the store's time: not a moment early.
    from: i64,
    /// When it ends, likewise: not a moment late.
    until: i64,
    interval: u64,
    left: u32,
}

/// What a look at a lease finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Cell,
    NotBefore(Instant),
    Nothing,
}

impl Lease {
    /// The cells of an answer; none if there are none.
    pub(super) fn new(answer: &Answer, pace: &Pace, sent: Instant, heard: Instant) -> Option<Self> {
        let after = signed(answer.first).saturating_sub(signed(answer.now));
        let from = after.saturating_sub(signed(pace.tolerance));
        let until = after.saturating_add(signed(pace.lateness));
        let (interval, left) = (pace.interval, answer.cells);
        (left > 0).then_some(Self { sent, heard, from, until, interval, left })
    }

    /// Takes the cell whose time it is, and drops those whose time is over: so many of them are added up.
    pub(super) fn take(&mut self, now: Instant, expired: &mut u64) -> Found {
        let past = micros_since(self.sent, now);
        while self.left > 0 && self.until < past {
            self.next();
            *expired += 1;
        }
        if self.left == 0 {
            return Found::Nothing;
        }
        let from = after(self.heard, self.from);
        if from > now {
            return Found::NotBefore(from);
        }
        self.next();
        Found::Cell
    }

    /// When a call with `ahead` others before it has its cell, if the lease went on for ever.
    pub(super) fn earliest(&self, ahead: u64, now: Instant) -> Instant {
        let ahead = signed(ahead.saturating_mul(self.interval));
        after(self.heard, self.from.saturating_add(ahead)).max(now)
    }

    /// Whether all its cells are used or past.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let last = signed(self.interval.saturating_mul(u64::from(self.left.saturating_sub(1))));
        self.left == 0 || self.until.saturating_add(last) < micros_since(self.sent, now)
    }

    fn next(&mut self) {
        self.from = self.from.saturating_add(signed(self.interval));
        self.until = self.until.saturating_add(signed(self.interval));
        self.left -= 1;
    }
}

/// A moment so many microseconds after another, which is not left behind.
pub(super) fn after(moment: Instant, micros: i64) -> Instant {
    let ahead = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    // OK because a moment that the system's clock can't show will not come either.
    moment.checked_add(ahead).unwrap_or(moment)
}

fn micros_since(moment: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(moment).as_micros()).unwrap_or(i64::MAX)
}

fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}
