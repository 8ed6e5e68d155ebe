//! The reads that may be joined, and the seats of those who did.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use super::flight::{Baton, Flight, Step};
use super::key::{Ask, Hashed, Key};
use super::ledger::{Ledger, Reading};
use super::seats::Seats;
use super::shared_error;
use crate::call::{CallFacts, Class, Fault, Raise};

/// What those get who did not poll last.
type Outcome<R> = Result<R, Fault>;

/// At most one read for each key: the latest. Reads that a write has closed go on outside of it.
///
/// Nothing bounds it but the callers: there are no more reads than calls that wait for them.
pub(super) struct Table<F, R> {
    ledger: Arc<Ledger>,
    hasher: RandomState,
    /// Held for one look-up, and inside it the lock of the flight that is found; never the other way round.
    open: Mutex<Open<F, R>>,
}

type Open<F, R> = HashSet<Entry<F, R>, BuildHasherDefault<Hashed>>;

struct Entry<F, R>(Arc<Flight<F, Outcome<R>>>);

/// A way to a read that others may share, for one caller. Dropping it gives the read up; dropping
/// the last one drops the read.
pub(super) struct Seat<F, R> {
    table: Arc<Table<F, R>>,
    flight: Arc<Flight<F, Outcome<R>>>,
    at: usize,
    facts: Option<Arc<CallFacts>>,
    left: bool,
}

/// A seat in a read that is under way, or in one that is to be called now.
pub(super) enum Entered<F, R> {
    Joined(Seat<F, R>),
    Opened(Seat<F, R>),
}

impl<F, R> Table<F, R> {
    pub(super) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, hasher: RandomState::new(), open: Mutex::default() }
    }

    pub(super) fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// Counts a read that is called.
    pub(super) fn reading(&self) -> Reading {
        Reading::begun(&self.ledger)
    }

    /// Joins the read that is asked for, or opens it.
    pub(super) fn enter(self: &Arc<Self>, ask: Ask) -> Entered<F, R> {
        let facts = ask.key.facts().cloned();
        // Before the look-up, and before the call of a read that is opened: a write that ends after
        // this is one that nobody has had the answer of who calls here.
        let writes = self.ledger.writes();
        let seat = |flight, at| {
            let table = Arc::clone(self);
            Seat { table, flight, at, facts, left: false }
        };
        self.ledger.waits();

        let mut open = self.lock();
        if let Some(Entry(flight)) = open.get(&ask.key)
            && flight.is_newer_than(writes)
            && let Some(at) = flight.join(ask.until)
        {
            let flight = Arc::clone(flight);
            drop(open);
            self.ledger.joins();
            return Entered::Joined(seat(flight, at));
        }
        let flight = Arc::new(Flight::new(ask, writes));
        let closed = open.replace(Entry(Arc::clone(&flight)));
        drop(open);
        drop(closed);
        Entered::Opened(seat(flight, Seats::OPENER))
    }

    /// Takes out whatever read has this key: there is an answer, and nobody joins one from before.
    ///
    /// Also where it is not the read that was answered, which a write may have closed: the later read
    /// may have met the server before the earlier one did.
    fn answered(&self, key: &Key) {
        let mut open = self.lock();
        let closed = open.take(key);
        drop(open);
        drop(closed);
    }

    /// Takes out a read that is lost, if it is still in.
    fn lost(&self, flight: &Arc<Flight<F, Outcome<R>>>) {
        let mut open = self.lock();
        let listed = open.get(flight.key()).is_some_and(|entry| Arc::ptr_eq(&entry.0, flight));
        let closed = if listed { open.take(flight.key()) } else { None };
        drop(open);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, Open<F, R>> {
        // Nothing under the lock can panic half-way through a change: the table is whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F, R> Seat<F, R> {
    /// The facts that the layers below share with all who wait.
    pub(super) fn shared_facts(&self) -> &Arc<CallFacts> {
        self.flight.facts()
    }

    /// For the opener: what to call the read with.
    pub(super) fn baton(&self) -> Baton<'_, F, Outcome<R>> {
        self.flight.opened()
    }

    pub(super) fn key(&self) -> &Key {
        self.flight.key()
    }

    /// What it takes to begin anew.
    pub(super) fn ask(&self) -> Ask {
        let key = self.flight.key().asked_by(self.facts.clone());
        Ask { key, until: self.flight.facts().deadline() }
    }

    /// Whether this caller's read would not have been refused as the shared one was: the refusal is
    /// of this process, and this caller has more time than the read was given.
    fn has_more_time_than(&self, fault: &Fault) -> bool {
        let own = self.facts.as_ref().and_then(|facts| facts.deadline());
        let more = match (own, self.flight.given()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(given)) => own > given,
        };
        more && fault.class() == Class::Local
    }

    fn leave(&mut self) {
        if self.left {
            return;
        }
        if self.flight.leave(self.at) {
            self.table.lost(&self.flight);
        }
        self.left();
    }

    /// The seat is another's from now on.
    fn left(&mut self) {
        self.left = true;
        self.table.ledger.leaves();
        // Not before: until it is dropped, the read may still go out.
        if let Some(facts) = &self.facts {
            facts.absorb(self.flight.facts());
        }
    }
}

impl<F, R, E> Seat<F, R>
where
    F: Future<Output = Result<R, E>> + Send + 'static,
    R: Clone + Send + Sync + 'static,
    E: Raise + Send + Sync + 'static,
{
    /// The answer, or `None` if this caller is to begin anew.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<R, E>>> {
        let mut alone = false;
        let end = match ready!(self.flight.poll(self.at, cx)) {
            Step::Output(output, baton) => {
                // First of all: who calls from here on has not called before it was there.
                self.table.answered(self.flight.key());
                let output = match baton.land_alone(self.at) {
                    Some(baton) => share(output, baton),
                    None => {
                        alone = true;
                        output
                    }
                };
                self.unless_again(output)
            }
            Step::Shared(outcome) => match &*outcome {
                Ok(response) => Some(Ok(response.clone())),
                Err(fault) if self.has_more_time_than(fault) => None,
                Err(fault) => Some(Err(fault.clone().into())),
            },
            Step::Lost => None,
        };
        if alone {
            self.left();
        } else {
            self.leave();
        }
        Poll::Ready(end)
    }

    fn unless_again(&self, output: Result<R, E>) -> Option<Result<R, E>> {
        let fault = output.as_ref().err().and_then(|error| Fault::find(error.as_ref()));
        let again = fault.is_some_and(|fault| self.has_more_time_than(fault));
        (!again).then_some(output)
    }
}

/// Gives the others what they need, and the one who has it what came.
fn share<F, R, E>(output: Result<R, E>, baton: Baton<'_, F, Outcome<R>>) -> Result<R, E>
where
    R: Clone,
    E: Raise + Send + Sync + 'static,
{
    match output {
        Ok(response) => {
            baton.land(Ok(response.clone()));
            Ok(response)
        }
        Err(error) => {
            let (error, fault) = match Fault::find(error.as_ref()).cloned() {
                Some(fault) => (error, fault),
                None => shared_error::split(error),
            };
            baton.land(Err(fault));
            Err(error)
        }
    }
}

impl<F, R> Drop for Seat<F, R> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<F, R> Borrow<Key> for Entry<F, R> {
    fn borrow(&self) -> &Key {
        self.0.key()
    }
}

impl<F, R> Hash for Entry<F, R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl<F, R> PartialEq for Entry<F, R> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<F, R> Eq for Entry<F, R> {}
