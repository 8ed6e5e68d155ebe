use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lease::Lease;
use super::question::Question;
use crate::middleware::limit::rate::KeyState;

/// What a [`FleetLimiter`](super::FleetLimiter) keeps for each key: shared with those who ask for it.
#[derive(Debug)]
pub struct FleetState {
    pub(super) shelf: Arc<Shelf>,
}

#[derive(Debug)]
pub(super) struct Shelf {
    cells: Mutex<Cells>,
}

/// The cells of one key, and what is known about more of them.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) name: Option<Arc<str>>,
    pub(super) lease: Option<Lease>,
    /// When the store has time for this process again.
    pub(super) turn: Option<Instant>,
    /// The question under way, which all who need its answer wait for.
    pub(super) question: Option<Question>,
    /// Whether all who waited for it have been dropped, so that nobody drove it for a while.
    pub(super) is_left: bool,
    /// Questions in a row that were left, and had no answer in time.
    pub(super) unanswered: u32,
    /// How many wait for it.
    pub(super) askers: u32,
    /// How many stand in line, as far as is known.
    pub(super) waiting: u32,
    pub(super) meter: Meter,
    /// Up to where the store was booked when this process last got cells, by the store's clock.
    pub(super) floor: u64,
    /// How far ahead it was booked.
    pub(super) backlog: Duration,
    /// The last outage that the store was told of for this key.
    pub(super) outage: u64,
    pub(super) share: Option<Share>,
    /// Until when the share goes on after an outage, because nothing is given out yet.
    pub(super) settled: Option<Instant>,
    /// Until when the server wants to be left alone, if the store does not know yet.
    pub(super) hold: Option<Instant>,
    /// What the server's throttles leave of the quota.
    pub(super) brake: KeyState,
    pub(super) heard: Option<Instant>,
}

impl Shelf {
    pub(super) fn new(outage: u64, brake: KeyState) -> Arc<Self> {
        let cells = Cells {
            name: None,
            lease: None,
            turn: None,
            question: None,
            is_left: false,
            unanswered: 0,
            askers: 0,
            waiting: 0,
            meter: Meter::default(),
            floor: 0,
            backlog: Duration::ZERO,
            outage,
            share: None,
            settled: None,
            hold: None,
            brake,
            heard: None,
        };
        Arc::new(Self { cells: Mutex::new(cells) })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Cells> {
        // OK because whoever panicked has at worst not counted a cell.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process's own part of the quota, while the store is away: GCRA that begins without a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// When the next cell comes, those aside that were saved.
    next: Instant,
}

impl Share {
    /// One whose first cell comes at `first`.
    pub(super) fn beginning(first: Instant) -> Self {
        Self { next: first }
    }

    /// Takes a cell, or says when there will be one. At most `saved` are kept for later.
    pub(super) fn take(
        &mut self,
        interval: Duration,
        saved: Duration,
        now: Instant,
    ) -> Result<(), Instant> {
        if self.next > now {
            return Err(self.next);
        }
        let oldest = now.checked_sub(saved).unwrap_or(now);
        self.next = self.next.max(oldest) + interval;
        Ok(())
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }
}

/// How many calls went lately.
#[derive(Debug, Default)]
pub(super) struct Meter {
    went: VecDeque<Instant>,
}

impl Meter {
    const KEPT: usize = 16;

    pub(super) fn tick(&mut self, now: Instant) {
        if self.went.len() == Self::KEPT {
            self.went.pop_front();
        }
        self.went.push_back(now);
    }

    /// Calls a second, over the last so many; they have to go on for that.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        let Some(first) = self.went.front().filter(|_| self.went.len() == Self::KEPT) else {
            return 0.0;
        };
        Self::KEPT as f64 / now.saturating_duration_since(*first).as_secs_f64().max(1e-3)
    }
}
