//! The keys: for each its limiter's state and, while calls wait, its line.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use tokio::time::Instant;

use super::super::headroom;
use super::super::line::{self, Dismissal, Guest, Line, Place, Woken};
use super::hashed::{Bits, Hashed, Ready};
use super::throttle::{self, KeyRate, Throttle};
use super::{Check, Key, Limiter};
use crate::call::{Effect, Fault, FaultKind, Priority, Rejection};

/// How many parts the table has, each with a lock of its own, so that calls for different keys
/// seldom meet. The lock is held for one look-up and one check.
const SHARDS: usize = 16;

/// A part with fewer keys than this is not worth sweeping for its size.
const FEW: usize = 64;

/// A part that has not been swept for so long is swept when it next gets a new key.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// tokio's timers round up to it: who sleeps until its cell comes may look so much later.
const TICK: Duration = Duration::from_millis(1);

pub(super) struct Table<L: Limiter> {
    limiter: L,
    hasher: RandomState,
    shards: [Shard<L::State>; SHARDS],
}

/// On a cache line of its own, or neighbours would wait for each other after all.
#[repr(align(64))]
struct Shard<T>(Mutex<Keys<T>>);

struct Keys<T> {
    map: HashMap<Hashed, Entry<T>, BuildHasherDefault<Ready>>,
    sweep_at: usize,
    swept: Option<Instant>,
}

struct Entry<T> {
    state: T,
    /// One slot, held by the head. Made when a call first waits.
    line: Option<Arc<Line>>,
}

/// On what terms a call is willing to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) waits: bool,
    pub(super) began: Option<Instant>,
    pub(super) deadline: Option<Instant>,
    /// How long before its deadline it has to go, if it has to wait.
    pub(super) headroom: Duration,
    pub(super) priority: Priority,
    /// How many may be in the line already.
    pub(super) places: usize,
}

/// What becomes of a call that has just come.
pub(super) enum Arrival<A> {
    Go,
    Ask(A),
    Joined(Joined),
    Refused(Refusal),
}

/// A place in the line, and for its head the moment of its cell.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) place: Place,
    pub(super) ahead: usize,
    pub(super) not_before: Option<Instant>,
}

/// Why a call may not wait, and when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    reason: Reason,
    retry_after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Unwilling,
    Deadline,
    Full,
    Displaced,
    Dead,
}

impl Refusal {
    fn new(reason: Reason, at: Instant, now: Instant) -> Self {
        Self { reason, retry_after: at.saturating_duration_since(now) }
    }

    pub(super) fn into_fault(self) -> Fault {
        let (rejection, detail) = match self.reason {
            Reason::Unwilling => {
                (Rejection::RateLimited, "the rate limit has no room, and the call does not wait")
            }
            Reason::Deadline => (
                Rejection::RateLimited,
                "the rate limit has no room for the call before its deadline",
            ),
            Reason::Full => (Rejection::QueueFull, "the queue before the rate limit is full"),
            Reason::Displaced => (
                Rejection::Shed,
                "a call of higher priority has the place in the queue before the rate limit",
            ),
            Reason::Dead => {
                let detail = "the deadline passed in the queue before the rate limit";
                return Fault::new(FaultKind::Deadline, detail).with_effect(Effect::None);
            }
        };
        Fault::new(FaultKind::Rejected(rejection), detail).with_retry_after(self.retry_after)
    }
}

impl From<Dismissal> for Refusal {
    fn from(dismissal: Dismissal) -> Self {
        let (reason, after) = match dismissal {
            Dismissal::Displaced(after) => (Reason::Displaced, after),
            Dismissal::Dead => (Reason::Dead, None),
        };
        Self { reason, retry_after: after.unwrap_or_default() }
    }
}

impl Terms {
    /// Whether a call that could go at `at` would rather be told so than wait.
    pub(super) fn refuse(&self, at: Instant, now: Instant) -> Option<Refusal> {
        let reason = if !self.waits {
            Reason::Unwilling
        } else if headroom::is_too_late(at, self.headroom(now), self.deadline) {
            Reason::Deadline
        } else {
            return None;
        };
        Some(Refusal::new(reason, at, now))
    }

    /// Whether the head of the line looks too late for a cell to be of use, and why.
    fn is_past(&self, now: Instant) -> Option<Reason> {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return Some(Reason::Dead);
        }
        let headroom = self.headroom(now).saturating_sub(TICK);
        headroom::is_too_late(now, headroom, self.deadline).then_some(Reason::Deadline)
    }

    // Reckoned when it is asked for: most calls need not wait.
    fn headroom(&self, now: Instant) -> Duration {
        headroom::within(self.headroom, self.began.unwrap_or(now), self.deadline)
    }
}

impl<L: Limiter> Table<L> {
    pub(super) fn new(limiter: L) -> Self {
        let shards = std::array::from_fn(|_| {
            Shard(Mutex::new(Keys { map: HashMap::default(), sweep_at: FEW, swept: None }))
        });
        Self { limiter, hasher: RandomState::default(), shards }
    }

    pub(super) fn limiter(&self) -> &L {
        &self.limiter
    }

    pub(super) fn hashed(&self, key: Key) -> Hashed {
        Hashed::new(self.hasher.hash_one(&key), key)
    }

    /// The one step of a call that needs not wait: nobody does, and there is a cell.
    pub(super) fn arrive(&self, key: &Hashed, terms: &Terms, now: Instant) -> Arrival<L::Asking> {
        // Declared before the table is locked, so that nobody is woken under its lock.
        let mut woken = Woken::default();
        self.watched(key, now, |entry| {
            if entry.length() > 0 {
                // Whoever came before goes before, so this call's cell is not looked for now.
                return self.join_entry(entry, terms, None, now, &mut woken).into();
            }
            match self.limiter.check(key.key(), &mut entry.state, now) {
                Check::Go => Arrival::Go,
                Check::Ask(asking) => Arrival::Ask(asking),
                Check::NotBefore(at) => {
                    self.join_entry(entry, terms, Some(at), now, &mut woken).into()
                }
            }
        })
    }

    /// The check of the head of the line. One that has too little time left takes no cell.
    pub(super) fn check(
        &self,
        key: &Hashed,
        terms: &Terms,
        now: Instant,
    ) -> Result<Check<L::Asking>, Refusal> {
        self.watched(key, now, |entry| match terms.is_past(now) {
            None => Ok(self.limiter.check(key.key(), &mut entry.state, now)),
            Some(reason) => {
                // When it comes back, those in line now are before it.
                let ahead = entry.length().saturating_sub(1);
                Err(Refusal::new(reason, self.limiter.earliest(&mut entry.state, ahead, now), now))
            }
        })
    }

    /// Hears that the server refused a call. A key that has been forgotten meanwhile was not in use.
    pub(super) fn throttled(&self, bits: Bits, told: &Throttle) {
        let news = {
            let mut keys = self.shards[bits.shard(SHARDS)].lock();
            let Some((hashed, _)) = keys.map.get_key_value(&bits) else { return };
            let key = hashed.key().clone();
            let Some(entry) = keys.map.get_mut(&bits) else { return };
            let was_cut = self.limiter.is_cut(&entry.state);
            self.limiter.throttled(&key, &mut entry.state, told);
            (key, was_cut, self.limiter.rate(&entry.state, told.now))
        };
        // Outside the lock, for who listens to the log may do anything.
        throttle::trace_cut(news);
    }

    /// Joins the line after a question whose answer was "not before".
    pub(super) fn join(
        &self,
        key: &Hashed,
        terms: &Terms,
        at: Instant,
        now: Instant,
    ) -> Result<Joined, Refusal> {
        let mut woken = Woken::default();
        self.with(key, now, |entry| self.join_entry(entry, terms, Some(at), now, &mut woken))
    }

    fn join_entry(
        &self,
        entry: &mut Entry<L::State>,
        terms: &Terms,
        not_before: Option<Instant>,
        now: Instant,
        woken: &mut Woken,
    ) -> Result<Joined, Refusal> {
        if let Some(line) = &entry.line {
            line.sweep(now, woken);
        }
        let ahead = entry.length();
        let estimate = self.limiter.earliest(&mut entry.state, ahead, now);
        let at = not_before.map_or(estimate, |at| at.max(estimate));
        if let Some(refusal) = terms.refuse(at, now) {
            return Err(refusal);
        }
        let full = Refusal::new(Reason::Full, at, now);
        if terms.places == 0 {
            return Err(full);
        }
        let line = entry.line.get_or_insert_with(|| Arc::new(Line::new(1)));
        // The head has the slot, and a place of those that may be taken as well.
        let places = terms.places - 1;
        let Terms { priority, deadline, .. } = *terms;
        let headroom = terms.headroom(now);
        let guest = Guest { priority, deadline, headroom, places, now };
        // Whoever is sent away for this call comes back behind it, at the earliest.
        let pace = |_, _| Some(at.saturating_duration_since(now));
        // Newcomers come under the table's lock alone, so the line can't have grown meanwhile.
        let line::Joined { place, ahead } = line.join(&guest, pace, woken).map_err(|_| full)?;
        let ahead = ahead + usize::from(!place.has_slot());
        // Behind others, the moment is the head's: it will be looked for again.
        let not_before = not_before.filter(|_| place.has_slot());
        Ok(Joined { place, ahead, not_before })
    }

    /// How many keys are remembered.
    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().map.len()).sum()
    }

    /// How many calls wait, over all keys.
    pub(super) fn waiting(&self) -> usize {
        let of_shard =
            |shard: &Shard<_>| -> usize { shard.lock().map.values().map(Entry::length).sum() };
        self.shards.iter().map(of_shard).sum()
    }

    /// The rate of every key that the limiter says one of, key by key.
    pub(super) fn rates(&self, now: Instant) -> Vec<(Key, KeyRate)> {
        let of_shard = |shard: &Shard<L::State>| -> Vec<_> {
            let keys = shard.lock();
            let rates = keys.map.iter().filter_map(|(hashed, entry)| {
                Some((hashed.key().clone(), self.limiter.rate(&entry.state, now)?))
            });
            rates.collect()
        };
        self.shards.iter().flat_map(of_shard).collect()
    }

    /// How many keys are cut.
    pub(super) fn cut_keys(&self, now: Instant) -> usize {
        let of_shard = |shard: &Shard<L::State>| {
            let keys = shard.lock();
            let rates = keys.map.values().map(|entry| self.limiter.rate(&entry.state, now));
            rates.flatten().filter(|rate| rate.is_cut).count()
        };
        self.shards.iter().map(of_shard).sum()
    }

    /// A step that may end a cut, which is told to the log.
    fn watched<R>(
        &self,
        key: &Hashed,
        now: Instant,
        step: impl FnOnce(&mut Entry<L::State>) -> R,
    ) -> R {
        let (done, has_recovered) = self.with(key, now, |entry| {
            let was_cut = self.limiter.is_cut(&entry.state);
            let done = step(entry);
            (done, was_cut && !self.limiter.is_cut(&entry.state))
        });
        if has_recovered {
            throttle::trace_recovery(key.key());
        }
        done
    }

    fn with<R>(
        &self,
        key: &Hashed,
        now: Instant,
        then: impl FnOnce(&mut Entry<L::State>) -> R,
    ) -> R {
        let mut keys = self.shards[key.bits().shard(SHARDS)].lock();
        if let Some(entry) = keys.map.get_mut(key) {
            return then(entry);
        }
        keys.make_room(&self.limiter, now);
        let entry = Entry { state: self.limiter.untouched(now), line: None };
        then(keys.map.entry(key.clone()).or_insert(entry))
    }
}

impl<T> Shard<T> {
    fn lock(&self) -> MutexGuard<'_, Keys<T>> {
        // A limiter that panicked has at worst not counted one call: go on with the rest.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Keys<T> {
    /// Forgets idle keys: when there are twice as many as the last sweep left, so that each new
    /// key pays for two looks, and now and then after a peak has gone by.
    fn make_room<L: Limiter<State = T>>(&mut self, limiter: &L, now: Instant) {
        let swept = *self.swept.get_or_insert(now);
        if self.map.len() < self.sweep_at && now.saturating_duration_since(swept) < SWEEP_EVERY {
            return;
        }
        self.map.retain(|_, entry| entry.length() > 0 || !limiter.is_idle(&mut entry.state, now));
        self.sweep_at = (self.map.len() * 2).max(FEW);
        self.swept = Some(now);
        if self.map.capacity() / 4 > self.sweep_at {
            self.map.shrink_to(self.sweep_at);
        }
    }
}

impl<T> Entry<T> {
    /// The length of the line, its head included.
    fn length(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.len())
    }
}

impl<A> From<Result<Joined, Refusal>> for Arrival<A> {
    fn from(joined: Result<Joined, Refusal>) -> Self {
        joined.map_or_else(Self::Refused, Self::Joined)
    }
}
