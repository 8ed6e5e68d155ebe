//! The state of one key: its cells, what the server has taken of it, and the cut that it is under.

use std::time::Duration;

use super::accepted::{Accepted, WINDOW};
use super::curve::Curve;
use super::throttle::KeyRate;
use super::{Cells, Quota};

/// What a cut leaves of the rate.
const BETA: f64 = 0.9;

/// No cut goes below one call in 2 seconds: some must go, to find out that the server is back.
const FLOOR: f64 = 0.5;

/// In so many nanoseconds half of what was known of the server's limit before is forgotten.
const HALF_LIFE: u64 = WINDOW;

/// A `Retry-After` of no more, in nanoseconds, says "soon": the lower rate is answer enough.
const SOON: u64 = 1_000_000_000;

/// The longest that a `Retry-After` holds a key, in nanoseconds.
const LONGEST_HOLD: u64 = 60_000_000_000;

/// What [`LocalLimiter`](super::LocalLimiter) keeps for each key.
#[derive(Clone, Debug)]
pub struct KeyState {
    cells: Cells,
    accepted: Accepted,
    cut: Option<Cut>,
    /// When the key was last cut. Kept after it has recovered, for refusals that come late.
    last_cut: Option<u64>,
}

#[derive(Clone, Debug)]
struct Cut {
    curve: Curve,
    /// Nothing goes before.
    held_until: u64,
    /// Whether the plateau was measured over a whole window, in this cut or one that is remembered.
    is_sure: bool,
    /// The quota that the key comes back to.
    quota: Quota,
    /// Whether nobody has been told yet when it will be back.
    is_news: bool,
}

impl KeyState {
    pub(super) fn new(cells: Cells, now: u64) -> Self {
        Self { cells, accepted: Accepted::nothing_yet(now), cut: None, last_cut: None }
    }

    /// Adopts the quota, or what a cut leaves of it now; ends a cut that is over. Says when the key
    /// will have recovered, whenever that has changed.
    pub(super) fn renew(&mut self, quota: Quota, now: u64) -> Option<u64> {
        let Some(cut) = &mut self.cut else {
            self.cells.adopt(quota, now);
            return None;
        };
        if cut.is_over(&quota, now) {
            self.cut = None;
            self.cells.adopt(quota, now);
            return None;
        }
        self.cells.adopt(quota.slowed(cut.curve.rate(now)), now);
        cut.is_news |= cut.quota != quota;
        cut.quota = quota;
        let is_news = std::mem::take(&mut cut.is_news);
        is_news.then(|| cut.curve.reaches(quota.rate()).max(cut.held_until))
    }

    /// Takes one cell, or says when there will be one.
    pub(super) fn take(&mut self, now: u64) -> Result<(), u64> {
        if self.held_until() > now {
            return Err(self.earliest(0, now));
        }
        self.cells.take(now)?;
        self.accepted.granted(now);
        Ok(())
    }

    /// When a call with `ahead` others before it can have its cell, if the server throttles no more.
    pub(super) fn earliest(&self, ahead: usize, now: u64) -> u64 {
        let from = self.held_until().max(now);
        let steady = self.cells.earliest(ahead, from);
        match &self.cut {
            Some(cut) if steady > from => {
                // As many cells as the rate of this moment brings by then, the curve brings sooner.
                let cells = (steady - from) as f64 * 1e-9 * self.cells.quota().rate();
                cut.curve.brings(cells, from, cut.quota.rate()).min(steady)
            }
            _ => steady,
        }
    }

    /// The server refused a call that was granted then, and said when to come back.
    pub(super) fn throttled(&mut self, granted: u64, now: u64, retry_after: Option<u64>) {
        self.accepted.refused(granted);
        // Calls that were under way together are refused together: all but the first of them
        // say nothing of the rate that holds since.
        if self.last_cut.is_none_or(|cut| granted > cut) {
            self.cut(now);
        }
        let wait = retry_after.unwrap_or(0).min(LONGEST_HOLD);
        if let Some(cut) = &mut self.cut
            && wait > SOON
        {
            cut.hold_until(now.saturating_add(wait));
        }
    }

    fn cut(&mut self, now: u64) {
        let last = self.cut.as_ref();
        let quota = last.map_or(self.cells.quota(), |last| last.quota);
        let most = quota.rate();
        let rate = last.map_or(most, |last| last.curve.rate(now).min(most));
        let accepted = self.accepted.rate(now);
        // However slow the quota is, a cut is one.
        let floor = FLOOR.min(most / 2.0);
        let start = (BETA * accepted.min(rate)).max(floor);
        let remembered = last.map_or(0.0, |last| last.remembered(now));
        // Always above the start, or the curve would not rise: where hardly anything was accepted
        // nothing is known of the limit, and twice the floor is a beginning.
        let plateau = accepted.max(remembered).max(2.0 * floor).min(most);
        let held_until = last.map_or(0, |last| last.held_until);
        self.cut = Some(Cut {
            curve: Curve { since: held_until.max(now), plateau, drop: plateau - start },
            held_until,
            // After a hold the window is empty. What was sure before is so, as far as it is remembered.
            is_sure: self.accepted.is_whole(now) || remembered > accepted,
            quota,
            is_news: true,
        });
        self.last_cut = Some(now);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    fn held_until(&self) -> u64 {
        self.cut.as_ref().map_or(0, |cut| cut.held_until)
    }

    /// Whether an untouched key would do as well.
    pub(super) fn is_idle(&self, untouched: &Cells, now: u64) -> bool {
        // A key in use is kept, although its cells may be back: what was measured would be lost, and
        // its calls' refusals would find nobody.
        !self.is_cut() && self.cells.is_as_full_as(untouched, now) && !self.accepted.is_in_use(now)
    }

    pub(super) fn rate(&self, quota: Quota, now: u64) -> KeyRate {
        let cut = self.cut.as_ref().filter(|cut| !cut.is_over(&quota, now));
        let most = quota.rate();
        KeyRate {
            quota: most,
            granted: cut.map_or(most, |cut| cut.curve.rate(now).min(most)),
            accepted: self.accepted.rate(now),
            held_for: Duration::from_nanos(self.held_until().saturating_sub(now)),
            is_cut: cut.is_some(),
        }
    }
}

impl Cut {
    /// Whether it takes nothing from this quota any more.
    fn is_over(&self, quota: &Quota, now: u64) -> bool {
        now >= self.held_until && self.curve.rate(now) >= quota.rate()
    }

    /// What is left of the belief in the last plateau. A server that refuses everything says
    /// nothing of its limit; while that goes on the measured rate falls to nothing, and this
    /// is what the key comes back to.
    fn remembered(&self, now: u64) -> f64 {
        if !self.is_sure {
            return 0.0;
        }
        let age = now.saturating_sub(self.curve.since) as f64 / HALF_LIFE as f64;
        self.curve.plateau * (-age).exp2()
    }

    /// Holds all calls until then; the recovery begins when they go again.
    fn hold_until(&mut self, at: u64) {
        if at > self.held_until {
            self.held_until = at;
            self.curve.since = at;
            self.is_news = true;
        }
    }
}
