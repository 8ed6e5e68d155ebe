//! One read that several callers wait for: a future that is polled by whoever of them is awake.
//!
//! No task drives it. It is boxed once, and whoever is polled while it has something to say takes
//! it out, polls it with no lock held, and puts it back. When it wants to be polled again, *all*
//! who wait are woken and the first of them polls it. To wake one would do if each caller was sure
//! to poll when woken; but a future may be kept in a `select!` and not be looked at for a while, and then
//! all others would stall behind it.
//!
//! The lock is held for a few instructions: never while the future is polled or dropped, while an
//! answer is cloned, or while a waker is woken or dropped, all of which may run anybody's code.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::time::Instant;

use super::key::{Ask, Key};
use super::ledger::Reading;
use super::seats::{Seats, Wakers};
use crate::call::{CallFacts, Idempotency};

/// A read by `F`, whose callers share an outcome `T`.
pub(super) struct Flight<F, T> {
    key: Key,
    /// How many writes had ended when it began.
    writes: u64,
    /// Its own, for it belongs to no caller: the deadline is that of the most patient one.
    facts: Arc<CallFacts>,
    /// The deadline that it began with.
    given: Option<Instant>,
    state: Mutex<State<F, T>>,
}

struct State<F, T> {
    phase: Phase<F, T>,
    /// The future is to be polled. While this is set and the future is here, every caller has been
    /// woken since it was last polled, so whoever comes first will do.
    woken: bool,
    seats: Seats,
}

enum Phase<F, T> {
    /// In somebody's hands: about to be called, or being polled.
    Away,
    Here(Airborne<F>),
    /// It has ended, and what came of it is here for those who waited with the one that polled it.
    Landed(Option<Arc<T>>),
    /// It was dropped: everybody had left, or it panicked.
    Lost,
}

/// The read itself. Counted for as long as it is there.
pub(super) struct Airborne<F> {
    future: Pin<Box<F>>,
    _reading: Reading,
}

/// What a poll came to.
pub(super) enum Step<'a, F: Future, T> {
    /// This caller's poll was the last: it has the output, and shares it by what it does with the
    /// baton.
    Output(F::Output, Baton<'a, F, T>),
    /// Another's was.
    Shared(Arc<T>),
    /// Nothing will come of it.
    Lost,
}

impl<F, T> Flight<F, T> {
    /// A read that its opener is about to call.
    pub(super) fn new(ask: Ask, writes: u64) -> Self {
        let Ask { key, until } = ask;
        let facts = match key.facts() {
            Some(facts) => facts.on_behalf(),
            None => CallFacts::new("", Idempotency::Safe),
        };
        facts.extend_deadline(until);
        let state = State { phase: Phase::Away, woken: false, seats: Seats::new() };
        Self {
            key,
            writes,
            given: facts.deadline(),
            facts: Arc::new(facts),
            state: Mutex::new(state),
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn facts(&self) -> &Arc<CallFacts> {
        &self.facts
    }

    /// The deadline that it began with: what it was refused for may be refused for less.
    pub(super) fn given(&self) -> Option<Instant> {
        self.given
    }

    /// Whether it began after so many writes had ended.
    pub(super) fn is_newer_than(&self, writes: u64) -> bool {
        self.writes >= writes
    }

    /// Takes a seat, unless the read has ended.
    pub(super) fn join(&self, deadline: Option<Instant>) -> Option<usize> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Landed(_) | Phase::Lost) {
            return None;
        }
        let at = state.seats.sit();
        drop(state);
        self.facts.extend_deadline(deadline);
        Some(at)
    }

    /// The baton of a read that was just opened, for its opener.
    pub(super) fn opened(&self) -> Baton<'_, F, T> {
        Baton { flight: self, held: true }
    }

    /// Gives a seat up. Says whether the read is lost: with the last who waited, or before.
    pub(super) fn leave(&self, at: usize) -> bool {
        let mut state = self.lock();
        let waker = state.seats.leave(at);
        let deserted = state.seats.taken() == 0 && matches!(state.phase, Phase::Here(_));
        let dropped = deserted.then(|| mem::replace(&mut state.phase, Phase::Lost));
        let lost = matches!(state.phase, Phase::Lost);
        drop(state);
        drop((waker, dropped));
        lost
    }

    /// Ends the read for the only one who waits, in this seat; if there are others, does nothing.
    fn land_alone(&self, at: usize) -> bool {
        let mut state = self.lock();
        if state.seats.taken() > 1 {
            return false;
        }
        let waker = state.seats.leave(at);
        let before = mem::replace(&mut state.phase, Phase::Landed(None));
        drop(state);
        drop((waker, before));
        true
    }

    fn change(&self, phase: Phase<F, T>, woken: bool) {
        let mut state = self.lock();
        let before = mem::replace(&mut state.phase, phase);
        // Woken while it was away, or for the first time, or over: all must look.
        let over = matches!(state.phase, Phase::Landed(_) | Phase::Lost);
        state.woken |= woken;
        let wakers = if state.woken || over { state.seats.call_up() } else { Wakers::default() };
        drop(state);
        drop(before);
        wakers.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State<F, T>> {
        // Nothing under the lock can panic half-way through a change: the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F, T> Flight<F, T>
where
    F: Future + Send + 'static,
    T: Send + Sync + 'static,
{
    /// Polls the read on behalf of the caller in this seat, if there is anything to poll for.
    pub(super) fn poll(self: &Arc<Self>, at: usize, cx: &mut Context<'_>) -> Poll<Step<'_, F, T>> {
        let mut state = self.lock();
        match &state.phase {
            Phase::Landed(Some(outcome)) => {
                return Poll::Ready(Step::Shared(Arc::clone(outcome)));
            }
            // The first happens to nobody: who waits alone has left with the end.
            Phase::Landed(None) | Phase::Lost => return Poll::Ready(Step::Lost),
            Phase::Away | Phase::Here(_) => {}
        }
        let replaced = state.seats.keep(at, cx);
        let taken = if state.woken && matches!(state.phase, Phase::Here(_)) {
            state.woken = false;
            mem::replace(&mut state.phase, Phase::Away)
        } else {
            Phase::Away
        };
        drop(state);
        drop(replaced);
        let Phase::Here(mut airborne) = taken else { return Poll::Pending };
        // From here on, whatever happens, the others hear of it.
        let baton = Baton { flight: &**self, held: true };
        let waker = Waker::from(Arc::clone(self));
        match airborne.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Poll::Ready(Step::Output(output, baton)),
            Poll::Pending => {
                baton.put(airborne, false);
                Poll::Pending
            }
        }
    }
}

/// The read wants to be polled again.
impl<F, T> Wake for Flight<F, T>
where
    F: Send + 'static,
    T: Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        let known = mem::replace(&mut state.woken, true);
        // Where it is away, whoever has it will find the note when putting it back.
        let wakers = match state.phase {
            Phase::Here(_) if !known => state.seats.call_up(),
            _ => Wakers::default(),
        };
        drop(state);
        wakers.wake();
    }
}

/// The right and the duty to say what becomes of a read that is away. Dropped without a word, as a
/// panic does, the read is lost, and those who waited begin anew.
pub(super) struct Baton<'a, F, T> {
    flight: &'a Flight<F, T>,
    held: bool,
}

impl<F, T> Baton<'_, F, T> {
    /// The read has been called: whoever comes first polls it.
    pub(super) fn launch(self, future: F, reading: Reading) {
        self.put(Airborne { future: Box::pin(future), _reading: reading }, true);
    }

    fn put(mut self, airborne: Airborne<F>, woken: bool) {
        self.held = false;
        self.flight.change(Phase::Here(airborne), woken);
    }

    /// The read has ended. If nobody waits but the caller in this seat, that is all, and the seat is
    /// left; or else the baton is still there to tell the others. Nobody new comes once the read is out of the table.
    pub(super) fn land_alone(mut self, at: usize) -> Option<Self> {
        self.held = !self.flight.land_alone(at);
        self.held.then_some(self)
    }

    /// The read has ended, with this for the others.
    pub(super) fn land(mut self, outcome: T) {
        self.held = false;
        self.flight.change(Phase::Landed(Some(Arc::new(outcome))), false);
    }
}

impl<F, T> Drop for Baton<'_, F, T> {
    fn drop(&mut self) {
        if self.held {
            self.flight.change(Phase::Lost, false);
        }
    }
}
