//! The line behind its lock.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::place::Place;
use super::state::{Guest, Refusals, Refused, State, Woken};
use crate::call::sync::{Mutex, MutexGuard};

/// The slots and the line. Cheap to look at; what it counts costs those alone who wait.
#[derive(Debug)]
pub(in super::super) struct Line {
    state: Mutex<State>,
}

/// A place in the line, and how many stand before it.
#[derive(Debug)]
pub(in super::super) struct Joined {
    pub(in super::super) place: Place,
    pub(in super::super) ahead: usize,
}

impl Line {
    pub(in super::super) fn new(slots: usize) -> Self {
        Self { state: Mutex::new(State::new(slots)) }
    }

    /// Takes a slot if one is free.
    pub(in super::super) fn take(self: &Arc<Self>) -> Option<Place> {
        let in_flight = self.lock().take()?;
        Some(Place::with_slot(Arc::clone(self), in_flight))
    }

    /// Takes a free slot, or joins the end of the line, or neither.
    ///
    /// `pace(departures, slots)` says how long it takes until so many of so many slots have come
    /// free, where that is known. `woken` gets those who are sent away for this one.
    pub(in super::super) fn join(
        self: &Arc<Self>,
        guest: &Guest,
        pace: impl Fn(usize, usize) -> Option<Duration>,
        woken: &mut Woken,
    ) -> Result<Joined, Refused> {
        let mut state = self.lock();
        if let Some(in_flight) = state.take() {
            drop(state);
            let place = Place::with_slot(Arc::clone(self), in_flight);
            return Ok(Joined { place, ahead: 0 });
        }
        let (number, ahead) = state.join(guest, pace, woken)?;
        drop(state);
        Ok(Joined { place: Place::in_line(Arc::clone(self), number), ahead })
    }

    /// Sends away those whose deadline has passed.
    pub(in super::super) fn sweep(&self, now: Instant, woken: &mut Woken) {
        self.lock().sweep(now, woken);
    }

    /// Changes the number of slots. More are handed out at once, to those in `woken`; fewer as those
    /// taken come back.
    pub(in super::super) fn set_slots(&self, slots: usize, woken: &mut Woken) {
        let mut state = self.lock();
        state.slots = slots;
        while let Some(called) = state.call_next() {
            woken.add(called);
        }
    }

    /// Counts one that was called too late to go.
    pub(in super::super) fn count_shed(&self) {
        self.lock().refusals.shed += 1;
    }

    pub(in super::super) fn slots(&self) -> usize {
        self.lock().slots
    }

    pub(in super::super) fn taken(&self) -> usize {
        self.lock().taken
    }

    pub(in super::super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    pub(in super::super) fn refusals(&self) -> Refusals {
        self.lock().refusals
    }

    /// Everybody here: who holds a slot and who waits for one.
    pub(in super::super) fn len(&self) -> usize {
        let state = self.lock();
        state.taken + state.waiting.len()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half-way through a change: the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
