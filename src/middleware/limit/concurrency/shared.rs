use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::super::headroom;
use super::super::line::{Line, Woken};
use super::{Attempt, End, LimitPolicy, LimitStats};
use crate::call::CallFacts;

/// What everything that one layer has made shares: the limit, the line and what is learned.
pub(super) struct Shared<P> {
    pub(super) line: Arc<Line>,
    /// Held for the arithmetic of one attempt; the line's lock is taken inside it, never the reverse.
    book: Mutex<Book<P>>,
}

struct Book<P> {
    policy: P,
    /// How long a slot is held, however it ends.
    hold: Average,
    /// How long answers take.
    latency: Average,
    account: Option<u32>,
    /// What the line was last told.
    applied: usize,
}

/// A service's settings beside what it shares.
pub(super) struct Rig<P, C> {
    pub(super) shared: Arc<Shared<P>>,
    pub(super) settings: Settings<C>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings<C> {
    pub(super) places: usize,
    pub(super) classifier: C,
    pub(super) header: Option<HeaderName>,
}

/// A moving average in nanoseconds; each new value is worth an eighth, as in TCP's smoothed round
/// trip (<https://www.rfc-editor.org/rfc/rfc6298#section-2>).
#[derive(Clone, Copy, Debug, Default)]
struct Average(Option<u64>);

impl Average {
    fn add(&mut self, value: Duration) {
        let value = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        self.0 = Some(self.0.map_or(value, |average| average - average / 8 + value / 8));
    }

    fn get(self) -> Option<Duration> {
        self.0.map(Duration::from_nanos)
    }
}

impl<P: LimitPolicy> Shared<P> {
    pub(super) fn new(policy: P) -> Self {
        let applied = policy.limit().max(1);
        let book = Book {
            policy,
            hold: Average::default(),
            latency: Average::default(),
            account: None,
            applied,
        };
        Self { line: Arc::new(Line::new(applied)), book: Mutex::new(book) }
    }

    /// How long it takes until so many of so many slots have come free, where that is known.
    pub(super) fn pace(&self) -> impl Fn(usize, usize) -> Option<Duration> + use<P> {
        let hold = self.lock().hold.get();
        move |departures, slots| {
            let departures = u32::try_from(departures).unwrap_or(u32::MAX);
            let slots = u32::try_from(slots).unwrap_or(u32::MAX).max(1);
            Some(hold?.saturating_mul(departures) / slots)
        }
    }

    /// How long a call has to have left before its deadline when its slot comes: as long as answers
    /// take, where that is known.
    pub(super) fn headroom(&self, facts: Option<&Arc<CallFacts>>) -> Duration {
        let Some(facts) = facts.filter(|_| P::LEARNS) else { return Duration::ZERO };
        let usual = self.lock().latency.get().unwrap_or_default();
        headroom::within(usual, facts.started(), facts.deadline())
    }

    /// An attempt has given its slot back, or is about to.
    pub(super) fn learn(&self, mut attempt: Attempt, account: Option<u32>) {
        // Declared before the lock, so dropped after it: nobody is woken under it.
        let mut woken = Woken::default();
        let mut book = self.lock();
        book.hold.add(attempt.took);
        if !P::LEARNS {
            return;
        }
        book.account = account.or(book.account);
        attempt.account = account;
        attempt.usual = book.latency.get();
        if attempt.end == End::Served {
            book.latency.add(attempt.took);
        }
        book.policy.learn(&attempt);
        self.apply(&mut book, &mut woken);
    }

    /// Changes the policy, and makes its limit that of the line.
    pub(super) fn change(&self, change: impl FnOnce(&mut P)) {
        let mut woken = Woken::default();
        let mut book = self.lock();
        change(&mut book.policy);
        self.apply(&mut book, &mut woken);
    }

    fn apply(&self, book: &mut Book<P>, woken: &mut Woken) {
        let limit = book.policy.limit().max(1);
        if limit != book.applied {
            book.applied = limit;
            self.line.set_slots(limit, woken);
        }
    }

    pub(super) fn stats(&self) -> LimitStats {
        let book = self.lock();
        let (hold, latency, account) = (book.hold.get(), book.latency.get(), book.account);
        let min_latency = book.policy.min_latency();
        drop(book);
        let refusals = self.line.refusals();
        LimitStats {
            limit: self.line.slots(),
            in_flight: self.line.taken(),
            waiting: self.line.waiting(),
            refused: refusals.full,
            shed: refusals.shed,
            hold,
            latency,
            min_latency,
            account,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book<P>> {
        // A policy that panicked has at worst not learned from one attempt: go on.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Settings<C> {
    /// What the server says of the account, if it does.
    pub(super) fn account(&self, headers: &HeaderMap) -> Option<u32> {
        headers.get(self.header.as_ref()?)?.to_str().ok()?.trim().parse().ok()
    }
}
