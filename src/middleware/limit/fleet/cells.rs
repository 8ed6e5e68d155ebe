//! Where a call's cell comes from: a lease, the store, or the process's own share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lease::Found;
use super::link::{Link, Road, settling};
use super::pace::Pace;
use super::question::Question;
use super::settings::FleetSettings;
use super::state::{Cells, Share, Shelf};
use super::status::{Counts, count};
use super::store::Store;
use crate::middleware::limit::rate::{Check, Key, Limiter, LocalLimiter};

/// What all keys of a limiter share.
pub(super) struct Fleet<S> {
    pub(super) store: S,
    pub(super) settings: FleetSettings,
    pub(super) link: Mutex<Link>,
    /// Slows keys down that the server throttles, as it does for one process.
    pub(super) brake: LocalLimiter,
    pub(super) counts: Counts,
    pub(super) questions: AtomicU64,
}

impl<S: Store> Fleet<S> {
    pub(super) fn link(&self) -> MutexGuard<'_, Link> {
        // OK because every change of it is one assignment.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settling(&self) -> Duration {
        settling(self.settings.patience)
    }

    /// One look for a cell. `more` is how many ask that are not counted in `cells` yet.
    pub(super) fn step(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        now: Instant,
        more: u32,
    ) -> Check<Question> {
        let pace = Pace::of(&self.settings);
        if self.brake.is_cut(&cells.brake) {
            let at = self.brake.earliest(&mut cells.brake, 0, now);
            if at > now {
                // What the fleet has to be told is told at once, and not when it is over.
                let is_news = cells.hold.is_some_and(|hold| hold > now);
                // Not asked for nothing: a road that is tried is closed to the others for a while.
                let road = is_news.then(|| self.link().road(now, &self.settings.rng));
                return match road {
                    Some(Road::Open) => Check::Ask(self.question(shelf, key, cells, &pace, now, 0)),
                    _ => Check::NotBefore(at),
                };
            }
        }
        let found = self.look(shelf, key, cells, &pace, now, more);
        if matches!(found, Check::Go) {
            // Not for its opinion: it has to know what went, to know what the server accepts.
            let _ = self.brake.check(key, &mut cells.brake, now);
            cells.waiting = cells.waiting.saturating_sub(1);
            cells.meter.tick(now);
        }
        found
    }

    fn look(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        pace: &Pace,
        now: Instant,
        more: u32,
    ) -> Check<Question> {
        // While the fleet comes back its leases are for later.
        if cells.settled.is_some_and(|settled| settled > now) {
            return self.alone(cells, pace, now, now);
        }
        if let Some(lease) = &mut cells.lease {
            let mut expired = 0;
            let found = lease.take(now, &mut expired);
            count(&self.counts.expired, expired);
            match found {
                Found::Cell => {
                    count(&self.counts.used, 1);
                    return Check::Go;
                }
                Found::NotBefore(at) => return Check::NotBefore(at),
                Found::Nothing => cells.lease = None,
            }
        }
        if let Some(turn) = cells.turn.filter(|turn| *turn > now) {
            return Check::NotBefore(turn);
        }
        // Bound first, so that the lock is not held on.
        let road = self.link().road(now, &self.settings.rng);
        match road {
            Road::Closed(since) => self.alone(cells, pace, now, since),
            Road::Open => {
                let wanted = self.wanted(cells, pace, now, more);
                Check::Ask(self.question(shelf, key, cells, pace, now, wanted))
            }
        }
    }

    /// A cell of this process's own share of the quota.
    fn alone(
        &self,
        cells: &mut Cells,
        pace: &Pace,
        now: Instant,
        since: Instant,
    ) -> Check<Question> {
        let interval = Duration::from_micros(pace.share);
        let backlog = cells.backlog;
        let share = cells.share.get_or_insert_with(|| {
            // The others still have what they were given. They are known to have had so much of it, and
            // the store was as far ahead when it went, if they were evenly busy.
            let begin = (since + backlog).max(now);
            // Spread, or the whole fleet would go at once.
            Share::beginning(begin + interval.mul_f64(self.settings.rng.fraction()))
        });
        match share.take(interval, Duration::from_micros(pace.saved), now) {
            Ok(()) => {
                count(&self.counts.alone, 1);
                Check::Go
            }
            Err(at) => Check::NotBefore(at),
        }
    }

    /// How many cells to ask for: as many as will be used.
    fn wanted(&self, cells: &Cells, pace: &Pace, now: Instant, more: u32) -> u32 {
        let known = cells.waiting.saturating_add(cells.askers).saturating_add(more).max(1);
        // Those who wait are sure. Others are likely, where calls come faster than a cell goes stale; but only as
        // long as nobody else waits for these.
        let likely = match cells.backlog.is_zero() {
            true => (cells.meter.rate(now) * pace.width() / 2.0) as u32,
            false => 0,
        };
        known.saturating_add(likely).min(pace.most)
    }
}
