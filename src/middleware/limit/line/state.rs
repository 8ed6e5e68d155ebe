//! Who goes, who waits, who is turned away: the line without its lock.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::super::headroom;
use crate::call::Priority;

#[derive(Debug)]
pub(super) struct State {
    pub(super) slots: usize,
    /// More than `slots` for a while, when there were more slots before.
    pub(super) taken: usize,
    next: u64,
    /// In order of arrival, so their numbers only grow.
    pub(super) waiting: VecDeque<Waiting>,
    /// Sent away, and not aware of it yet. As good as always empty.
    dismissed: Vec<(u64, Dismissal)>,
    /// No deadline of those who wait is before this one.
    earliest: Option<Instant>,
    pub(super) refusals: Refusals,
}

#[derive(Debug)]
pub(super) struct Waiting {
    number: u64,
    guest: Guest,
    /// None until the waiter is first polled.
    pub(super) waker: Option<Waker>,
}

/// Who would like to wait, and on what terms.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Guest {
    pub(in super::super) priority: Priority,
    pub(in super::super) deadline: Option<Instant>,
    /// How long before its deadline it has to have its slot.
    pub(in super::super) headroom: Duration,
    /// How many of its priority may find in the line already.
    pub(in super::super) places: usize,
    pub(in super::super) now: Instant,
}

/// Why somebody was not let into the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refused {
    /// There was no place for its priority; one is likely after this time.
    Full(Option<Duration>),
    /// It would have to wait past its deadline, or too close to it: for so long, where that is known.
    Late(Option<Duration>),
}

/// Why somebody who waited was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Dismissal {
    /// For somebody of higher priority; a place is likely after this time.
    Displaced(Option<Duration>),
    /// Its deadline passed.
    Dead,
}

/// How many were not let in, and how many were sent away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Refusals {
    /// The line was full for them.
    pub(in super::super) full: u64,
    /// Their time would not have sufficed, or did not, or somebody of higher priority came.
    pub(in super::super) shed: u64,
}

impl State {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots,
            taken: 0,
            next: 0,
            waiting: VecDeque::new(),
            dismissed: Vec::new(),
            earliest: None,
            refusals: Refusals::default(),
        }
    }

    /// Takes a slot if one is free, and says how many are taken with it.
    pub(super) fn take(&mut self) -> Option<usize> {
        // OK without a look at the line: while anybody waits, no slot is free.
        (self.taken < self.slots).then(|| {
            self.taken += 1;
            self.taken
        })
    }

    /// Joins the end of the line, and says as what number and behind how many.
    pub(super) fn join(
        &mut self,
        guest: &Guest,
        pace: impl Fn(usize, usize) -> Option<Duration>,
        woken: &mut Woken,
    ) -> Result<(u64, usize), Refused> {
        // The dead first: nobody is to be refused for their sake.
        self.sweep(guest.now, woken);
        let slots = self.slots.max(1);
        // After a lower limit, some slots come free for nobody.
        let surplus = self.taken.saturating_sub(self.slots);
        let until = |departures: usize| pace(departures.saturating_add(surplus), slots);
        let length = self.waiting.len();
        let room = |places: usize| until(length.saturating_sub(places) + 1);

        let displaced = if length < guest.places { None } else { self.below(guest.priority) };
        if length >= guest.places && displaced.is_none() {
            self.refusals.full += 1;
            return Err(Refused::Full(room(guest.places)));
        }
        let ahead = length - usize::from(displaced.is_some());
        let wait = until(ahead);
        let called = guest.now.checked_add(wait.unwrap_or_default());
        // OK because a moment that the clock can't show is after any deadline.
        let is_late = called.map_or(guest.deadline.is_some(), |called| {
            headroom::is_too_late(called, guest.headroom, guest.deadline)
        });
        if is_late {
            self.refusals.shed += 1;
            return Err(Refused::Late(wait));
        }
        if let Some(gone) = displaced.and_then(|at| self.waiting.remove(at)) {
            let after = room(gone.guest.places);
            self.dismiss(gone, Dismissal::Displaced(after), woken);
        }
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { number, guest: *guest, waker: None });
        self.earliest = [self.earliest, guest.deadline].into_iter().flatten().min();
        Ok((number, ahead))
    }

    /// The youngest of the lowest priority that is below this one.
    fn below(&self, priority: Priority) -> Option<usize> {
        let who = self.waiting.iter().enumerate().rev();
        let who = who.map(|(at, waiting)| (at, waiting.guest.priority));
        // `min_by_key` keeps the first of equals, and the walk begins with the youngest.
        who.filter(|(_, its)| *its < priority).min_by_key(|(_, its)| *its).map(|(at, _)| at)
    }

    /// Sends away those whose deadline has passed.
    pub(super) fn sweep(&mut self, now: Instant, woken: &mut Woken) {
        // One comparison as long as nobody can be dead.
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        let is_dead = |guest: &Guest| guest.deadline.is_some_and(|deadline| deadline <= now);
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            if !is_dead(&waiting.guest) {
                at += 1;
            } else if let Some(gone) = self.waiting.remove(at) {
                self.dismiss(gone, Dismissal::Dead, woken);
            }
        }
        self.earliest = self.waiting.iter().filter_map(|waiting| waiting.guest.deadline).min();
    }

    fn dismiss(&mut self, gone: Waiting, why: Dismissal, woken: &mut Woken) {
        self.refusals.shed += 1;
        self.dismissed.push((gone.number, why));
        woken.add(gone);
    }

    /// Gives a free slot to the first in the line. Done in the same breath as the slot comes free,
    /// so nobody ever waits beside a free slot.
    pub(super) fn call_next(&mut self) -> Option<Waiting> {
        if self.taken >= self.slots {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.taken += 1;
        Some(first)
    }

    /// Where in the line the number stands; none once it has been called or sent away.
    pub(super) fn find(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |waiting| waiting.number).ok()
    }

    /// Whether the number was sent away, told once.
    pub(super) fn take_dismissal(&mut self, number: u64) -> Option<Dismissal> {
        let at = self.dismissed.iter().position(|(gone, _)| *gone == number)?;
        Some(self.dismissed.swap_remove(at).1)
    }
}

/// Those who have been called or sent away, woken when this is dropped: after the lock.
#[derive(Debug, Default)]
pub(in super::super) struct Woken(Vec<Waiting>);

impl Woken {
    pub(super) fn add(&mut self, waiting: Waiting) {
        self.0.push(waiting);
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waiting::wake);
    }
}

impl Waiting {
    pub(super) fn wake(self) {
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}
