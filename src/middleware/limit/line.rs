//! The line before a limit: some slots, and those who wait for one, first come, first served.
//!
//! A semaphore of tokio's would do for the order. This one also knows how long it is, refuses to
//! grow past what the newcomer may join, changes its number of slots while calls hold them, and
//! needs no boxed future to wait in. Its lock is held for a few instructions, never across an
//! await, and no waker is woken or dropped under it: a waker may run anybody's code.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
pub(super) struct Line {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    slots: usize,
    /// More than `slots` for a while, when there were more slots before.
    taken: usize,
    next: u64,
    /// In order of arrival, so their numbers only grow.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    /// None until the waiter is first polled.
    waker: Option<Waker>,
}

impl Line {
    pub(super) fn new(slots: usize) -> Self {
        let state = State { slots, taken: 0, next: 0, waiting: VecDeque::new() };
        Self { state: Mutex::new(state) }
    }

    /// Takes a free slot, or joins the end of the line, or neither where `places` wait already.
    pub(super) fn enter(self: &Arc<Self>, places: usize) -> Option<Place> {
        let mut state = self.lock();
        let number = state.next;
        // OK without a look at the line: while anybody waits, no slot is free.
        let has_slot = state.taken < state.slots;
        if has_slot {
            state.taken += 1;
        } else if state.waiting.len() < places {
            state.waiting.push_back(Waiting { number, waker: None });
            state.next += 1;
        } else {
            return None;
        }
        drop(state);
        Some(Place { line: Arc::clone(self), number, has_slot })
    }

    /// Changes the number of slots. More are handed out at once; fewer as those taken come back.
    pub(super) fn set_slots(&self, slots: usize) {
        let mut state = self.lock();
        state.slots = slots;
        let called: Vec<_> = std::iter::from_fn(|| state.call_next()).collect();
        drop(state);
        called.into_iter().for_each(Waiting::wake);
    }

    pub(super) fn slots(&self) -> usize {
        self.lock().slots
    }

    pub(super) fn taken(&self) -> usize {
        self.lock().taken
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Everybody here: who holds a slot and who waits for one.
    pub(super) fn len(&self) -> usize {
        let state = self.lock();
        state.taken + state.waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half-way through a change: the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn wake(self) {
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}

impl State {
    /// Gives a free slot to the first in the line. Done in the same breath as the slot comes free,
    /// so nobody ever waits beside a free slot.
    fn call_next(&mut self) -> Option<Waiting> {
        if self.taken >= self.slots {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.taken += 1;
        Some(first)
    }

    /// Where in the line the number stands; none once it has been called.
    fn find(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |waiting| waiting.number).ok()
    }
}

/// A slot, or a place in the line for one. Dropping it gives up either, and calls the next.
#[derive(Debug)]
pub(super) struct Place {
    line: Arc<Line>,
    number: u64,
    has_slot: bool,
}

impl Place {
    pub(super) fn has_slot(&self) -> bool {
        self.has_slot
    }

    /// Ready when the slot is this place's.
    pub(super) fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_slot {
            return Poll::Ready(());
        }
        let mut state = self.line.lock();
        let Some(waiting) = state.find(self.number).and_then(|at| state.waiting.get_mut(at)) else {
            self.has_slot = true;
            return Poll::Ready(());
        };
        let replaced = match &waiting.waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => waiting.waker.replace(cx.waker().clone()),
        };
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        let found = if self.has_slot { None } else { state.find(self.number) };
        if let Some(at) = found {
            let left = state.waiting.remove(at);
            drop(state);
            drop(left);
            return;
        }
        // Not in the line: called up, whether or not it has heard of it.
        state.taken -= 1;
        let called = state.call_next();
        drop(state);
        if let Some(called) = called {
            called.wake();
        }
    }
}

#[cfg(test)]
mod tests;
