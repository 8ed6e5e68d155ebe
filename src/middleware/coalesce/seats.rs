//! Who waits for a shared read: a seat each, with the waker that it was last polled with.

use std::task::{Context, Waker};

/// The seats of one read. The first is its opener's, and costs no allocation: most reads are never
/// joined.
#[derive(Debug)]
pub(super) struct Seats {
    first: Option<Seat>,
    more: Vec<Option<Seat>>,
    /// Numbers of seats that were left.
    free: Vec<usize>,
    taken: usize,
}

/// A waker, once its owner has been polled, until it is woken.
#[derive(Debug, Default)]
struct Seat(Option<Waker>);

/// Wakers, taken out to be woken or dropped where no lock is held: they may run anybody's code.
#[derive(Debug, Default)]
#[must_use = "who is not woken may wait for ever"]
pub(super) struct Wakers {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Seats {
    /// The number of the opener's seat.
    pub(super) const OPENER: usize = 0;

    /// With the opener in the first seat.
    pub(super) fn new() -> Self {
        Self { first: Some(Seat::default()), more: Vec::new(), free: Vec::new(), taken: 1 }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Seats one more, and says where.
    pub(super) fn sit(&mut self) -> usize {
        self.taken += 1;
        let at = self.free.pop().unwrap_or_else(|| {
            self.more.push(None);
            self.more.len()
        });
        if let Some(seat) = self.seat(at) {
            *seat = Some(Seat::default());
        }
        at
    }

    /// Gives a seat up. What is left in it is for the caller to drop.
    pub(super) fn leave(&mut self, at: usize) -> Option<Waker> {
        let left = self.seat(at)?.take()?;
        self.taken -= 1;
        // After the last, nobody comes.
        if self.taken > 0 {
            self.free.push(at);
        }
        left.0
    }

    /// Keeps the waker of a poll that ends pending. The one that it replaces is for the caller to drop.
    pub(super) fn keep(&mut self, at: usize, cx: &Context<'_>) -> Option<Waker> {
        let seat = self.seat(at)?.as_mut()?;
        match &seat.0 {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => seat.0.replace(cx.waker().clone()),
        }
    }

    /// The wakers of all that have been polled since they were last woken.
    pub(super) fn call_up(&mut self) -> Wakers {
        let first = self.first.as_mut().and_then(|seat| seat.0.take());
        let more = self.more.iter_mut().flatten().filter_map(|seat| seat.0.take()).collect();
        Wakers { first, more }
    }

    fn seat(&mut self, at: usize) -> Option<&mut Option<Seat>> {
        match at.checked_sub(1) {
            None => Some(&mut self.first),
            Some(at) => self.more.get_mut(at),
        }
    }
}

impl Wakers {
    pub(super) fn wake(self) {
        self.first.into_iter().chain(self.more).for_each(Waker::wake);
    }
}
