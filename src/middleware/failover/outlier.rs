//! Who is left out: one endpoint's standing, without a clock or a lock of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::Ejection;
use crate::call::Rng;

/// As good as for ever, and still a moment that the clock can show.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// What an endpoint is thought of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlier {
    /// Failures since the last success.
    streak: u32,
    /// How often it was ejected, less what was forgiven.
    ejections: u32,
    out: Option<Out>,
    /// Up to when its time in service has been counted as good conduct.
    credited: Instant,
}

/// An ejection; after its end the endpoint is on trial until an attempt succeeds or fails.
#[derive(Clone, Copy, Debug)]
struct Out {
    since: Instant,
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Serving,
    /// For so long, as it stands.
    Ejected(Duration),
    /// Since so long.
    Trial(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Ejected { lasts: Duration, ejections: u32 },
    Readmitted,
}

impl Outlier {
    pub(super) fn new(now: Instant) -> Self {
        Self { streak: 0, ejections: 0, out: None, credited: now }
    }

    pub(super) fn streak(&self) -> u32 {
        self.streak
    }

    pub(super) fn ejections(&self) -> u32 {
        self.ejections
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        match self.out {
            None => Standing::Serving,
            Some(out) => match out.until.checked_duration_since(now) {
                Some(left) if !left.is_zero() => Standing::Ejected(left),
                _ => Standing::Trial(now.saturating_duration_since(out.until)),
            },
        }
    }

    /// An attempt that began at `begun` has failed.
    pub(super) fn failed(
        &mut self,
        begun: Instant,
        now: Instant,
        rules: &Ejection,
        rng: &Rng,
    ) -> Option<Change> {
        self.streak = self.streak.saturating_add(1);
        let ejects = match self.out {
            None => self.streak >= rules.after,
            // On trial one failure is enough. What fails while it is ejected, or began before that, is
            // no news.
            Some(out) => begun >= out.since && now >= out.until,
        };
        ejects.then(|| self.eject(now, rules, rng))
    }

    fn eject(&mut self, now: Instant, rules: &Ejection, rng: &Rng) -> Change {
        self.ejections = self.ejections.saturating_add(1);
        let whole = rules.base.saturating_mul(self.ejections).min(rules.cap);
        // Up to a fifth less, so that the clients of an endpoint which broke for all of them at once
        // don't come back all at once.
        let lasts = whole.saturating_sub(rng.up_to(whole / 5));
        // Where the clock does not go so far it ends when an answer or an operator says so, or in
        // thirty years: not at once.
        let until = now.checked_add(lasts).or_else(|| now.checked_add(FAR)).unwrap_or(now);
        self.out = Some(Out { since: now, until });
        Change::Ejected { lasts, ejections: self.ejections }
    }

    /// An attempt that began at `begun` was answered.
    pub(super) fn answered(
        &mut self,
        begun: Instant,
        now: Instant,
        rules: &Ejection,
    ) -> Option<Change> {
        match self.out {
            // It may still answer what it was asked before it broke.
            Some(out) if begun < out.since => None,
            // An answer is better evidence than a timer, also before the time is over.
            Some(_) => {
                self.readmit(now);
                Some(Change::Readmitted)
            }
            None => {
                self.streak = 0;
                self.forgive(now, rules);
                None
            }
        }
    }

    pub(super) fn readmit(&mut self, now: Instant) {
        (self.streak, self.out, self.credited) = (0, None, now);
    }

    /// One ejection less for each `base` in service: an endpoint that comes and goes is left out
    /// for longer and longer.
    fn forgive(&mut self, now: Instant, rules: &Ejection) {
        while self.ejections > 0 {
            let Some(next) = self.credited.checked_add(rules.base) else { return };
            if next > now {
                return;
            }
            (self.ejections, self.credited) = (self.ejections - 1, next);
        }
        self.credited = now;
    }
}
