use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Where the fleet's one truth is kept: for each key the moment at which its quota is whole again.
///
/// One question is one step there: what two processes ask at once is served one after the other. A
/// store that can't be reached says so; how long it may take to say so is the limiter's affair.
///
/// [`Ask::answer`] is the arithmetic. A store only has to keep a [`Page`] for each key, know the time,
/// and let nobody in between: in Redis that is a script of the same arithmetic.
pub trait Store: Send + Sync + 'static {
    /// Why it could not answer. It is logged, so it names no secret.
    type Error: fmt::Display + Send;

    /// Serves one question.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<Answer, Self::Error>> + Send;
}

/// What a process asks for. The quota comes along, so that the newest holds wherever it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The key's name in the store.
    pub key: Arc<str>,
    /// From one cell to the next, in microseconds.
    pub interval: u64,
    /// How long before its moment a cell may be used, in microseconds: what makes a burst.
    pub tolerance: u64,
    /// How far ahead cells are given out, in microseconds.
    pub horizon: u64,
    /// How many cells are wanted, at most. None for one who only has something to tell.
    pub cells: u32,
    /// What the asker knows the key to be booked up to, by the store's clock. Where the store forgot,
    /// this reminds it.
    pub floor: u64,
    /// For how long after an outage the asker wants nothing given out, in microseconds, if nobody
    /// seems to have gone on without it; 0 for one that noticed no outage.
    pub debt: u64,
    /// For how long the server wants to be left alone, in microseconds.
    pub hold: u64,
}

/// What the store gives. Moments are microseconds by the store's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// When it was given.
    pub now: u64,
    /// The moment of the first cell; the others follow at the interval.
    pub first: u64,
    /// How many cells were given.
    pub cells: u32,
    /// When to come back, for one that got none.
    pub turn: u64,
    /// Until when the fleet settles after an outage; past, as a rule.
    pub settled: u64,
}

/// What is kept for a key. Moments are microseconds by the store's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// When the quota is whole again: GCRA's theoretical arrival time.
    pub booked: u64,
    /// When the last of those comes back that were sent away.
    pub turn: u64,
    /// Until when the fleet settles after an outage.
    pub settled: u64,
}

impl Page {
    /// How long a page is kept after its last cell, in microseconds. A key that comes back later begins
    /// without a burst, which is the price of not trusting a store that has forgotten.
    pub const KEPT: u64 = 60_000_000;
}

/// Nothing is booked further ahead than this and the horizon, in microseconds: a page that says so is
/// from before the store's clock was set back. It is the longest hold, and a second.
const FURTHEST: u64 = 61_000_000;

/// A lease takes so small a part of what there is to be had, so that the next to ask finds something.
const PART: u64 = 2;

impl Ask {
    /// The answer by the store's clock, and the page as it is afterwards.
    ///
    /// `page` is what was kept, if anything was. The script in Redis does the same, line by line.
    #[must_use]
    pub fn answer(&self, page: Option<Page>, now: u64) -> (Answer, Page) {
        let interval = self.interval.max(1);
        let (tolerance, horizon) = (self.tolerance, self.horizon);
        // Who has which cells is not known where nothing is kept: so there are none saved.
        let empty = now + tolerance;
        let furthest = empty + horizon + FURTHEST;
        let is_lost = page.is_none_or(|page| page.booked < now);
        let Page { mut booked, mut turn, mut settled } =
            page.unwrap_or(Page { booked: empty, ..Page::default() });
        if self.floor <= furthest {
            booked = booked.max(self.floor);
        }
        if booked > furthest {
            (booked, turn, settled) = (empty, 0, 0);
        }
        if self.debt > 0 && is_lost {
            settled = now + self.debt;
            booked = booked.max(settled + tolerance);
        }
        if self.hold > 0 {
            booked = booked.max(now + self.hold + tolerance);
        }
        let first = booked.max(now);
        let end = empty + horizon;
        let free = if first > end { 0 } else { (end - first) / interval + 1 };
        let cells = u64::from(self.cells).min((free / PART).max(1)).min(free);
        if self.cells > 0 && cells == 0 {
            // One comes back for each cell that will be had by then, not all at once.
            turn = (turn + interval).max(first - end + now);
        }
        if cells > 0 {
            booked = first + cells * interval;
        }
        // OK because there are no more cells than were asked for.
        let cells = u32::try_from(cells).unwrap_or(self.cells);
        (Answer { now, first, cells, turn, settled }, Page { booked, turn, settled })
    }
}

/// Whole microseconds, rounded up.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
}
