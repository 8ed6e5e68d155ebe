//! Who is chosen: all endpoints of a layer, their load and standing. No service and no future.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::latency::Latency;
use super::outlier::{Change, Outlier, Standing};
use super::{Base, Ejection};
use crate::call::{Class, Live, Rng};

/// Ten seconds until a peak is two thirds forgotten, as in Finagle and linkerd.
pub(super) const DECAY: Duration = Duration::from_secs(10);

/// The endpoints. A number, once given, means the same endpoint for ever, on the list or not.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) slots: Vec<Slot>,
    /// The numbers on the list, in the caller's order; never empty.
    order: Vec<u32>,
    pub(super) ejection: Live<Ejection>,
    pub(super) decay: Duration,
    pub(super) rng: Rng,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) base: Arc<Base>,
    /// How many attempts are under way.
    pub(super) pending: u32,
    pub(super) latency: Latency,
    pub(super) outlier: Outlier,
    /// Taken out by an operator, until he puts it back.
    pub(super) held: bool,
}

/// What an attempt asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask<'a> {
    /// The one endpoint that it must go to.
    pub(super) fixed: Option<u32>,
    /// Whether it may go anywhere; if not, it goes to the first of the list that will do.
    pub(super) read: bool,
    /// The endpoint that has just failed the call: another is better.
    pub(super) avoid: Option<u32>,
    /// The endpoint that has just answered a call which could not get through to another: of those
    /// that do as well, this one.
    pub(super) stay: Option<u32>,
    /// The endpoints that turned the attempt away already: not these.
    pub(super) tried: &'a [u32],
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// With this judgement.
    Judged(Class),
    /// Nobody waited for it any longer.
    Dropped,
}

/// An attempt that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) number: u32,
    pub(super) begun: Instant,
    /// Since when the server had it; none if it never left our queues.
    pub(super) started: Option<Instant>,
    pub(super) end: End,
}

/// Who may be chosen, as things stand.
struct Pool {
    /// All are held: the operator's word can't be kept.
    ignores_holds: bool,
    /// Too few are left: ejections are ignored.
    panics: bool,
}

impl Group {
    pub(super) fn new(base: Arc<Base>, now: Instant) -> Self {
        Self {
            slots: vec![Slot::new(base, now)],
            order: vec![0],
            ejection: Live::default(),
            decay: DECAY,
            rng: Rng::random(),
        }
    }

    pub(super) fn add(&mut self, base: Base, now: Instant) {
        let number = self.number_of(base, now);
        if !self.order.contains(&number) {
            self.order.push(number);
        }
    }

    /// Another list. Who was known keeps number and standing.
    pub(super) fn set(&mut self, bases: impl IntoIterator<Item = Base>, now: Instant) {
        let before = std::mem::take(&mut self.order);
        for base in bases {
            self.add(base, now);
        }
        if self.order.is_empty() {
            self.order = before;
        }
    }

    fn number_of(&mut self, base: Base, now: Instant) -> u32 {
        let known = self.slots.iter().position(|slot| *slot.base == base);
        let number = known.unwrap_or_else(|| {
            self.slots.push(Slot::new(Arc::new(base), now));
            self.slots.len() - 1
        });
        // OK because nobody has four billion endpoints.
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    pub(super) fn slot(&self, number: u32) -> Option<&Slot> {
        self.slots.get(number as usize)
    }

    pub(super) fn slot_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots.get_mut(number as usize)
    }

    /// Those on the list, in its order.
    pub(super) fn listed(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.order.iter().filter_map(|number| Some((*number, self.slot(*number)?)))
    }

    /// Picks an endpoint and counts the attempt in; `None` once all that would do were tried.
    pub(super) fn choose(&mut self, ask: &Ask<'_>, now: Instant) -> Option<(u32, Arc<Base>)> {
        let number = self.pick(ask, now)?;
        let slot = self.slot_mut(number)?;
        slot.pending = slot.pending.saturating_add(1);
        Some((number, Arc::clone(&slot.base)))
    }

    /// Whom it would be.
    pub(super) fn pick(&self, ask: &Ask<'_>, now: Instant) -> Option<u32> {
        if let Some(number) = ask.fixed.filter(|number| self.slot(*number).is_some()) {
            return Some(number).filter(|number| !ask.tried.contains(number));
        }
        let rules = self.ejection.read(|rules| *rules);
        let pool = self.pool(&rules, now);
        let rank = |number: u32, slot: &Slot| pool.rank(number, slot, ask, &rules, now);
        let (mut best, mut first, mut count) = (u8::MAX, None, 0);
        for (number, slot) in self.listed() {
            match rank(number, slot) {
                Some(rank) if rank < best => (best, first, count) = (rank, Some(number), 1),
                Some(rank) if rank == best => count += 1,
                _ => {}
            }
        }
        if !ask.read || count < 2 {
            let stays = |number: &u32| {
                self.listed().any(|(at, slot)| at == *number && rank(at, slot) == Some(best))
            };
            return ask.stay.filter(|number| first.is_some() && stays(number)).or(first);
        }
        let mut fit = self.listed().filter(|(number, slot)| rank(*number, slot) == Some(best));
        let (one, other) = two_of(count, self.rng.bits());
        let (first, second) = (one.min(other), one.max(other));
        let (a, b) = (fit.nth(first)?, fit.nth(second - first - 1)?);
        let (a, b) = if one < other { (a, b) } else { (b, a) };
        let cost = |slot: &Slot| {
            (f64::from(slot.pending) + 1.0) * slot.latency.expected(slot.pending, now, self.decay)
        };
        Some(if cost(a.1) <= cost(b.1) { a.0 } else { b.0 })
    }

    fn pool(&self, rules: &Ejection, now: Instant) -> Pool {
        let ignores_holds = self.listed().all(|(_, slot)| slot.held);
        let (mut all, mut left) = (0_usize, 0_usize);
        for (_, slot) in self.listed().filter(|(_, slot)| ignores_holds || !slot.held) {
            all += 1;
            left += usize::from(!matches!(slot.outlier.standing(now), Standing::Ejected(_)));
        }
        let panics = left == 0 || left * 100 < all * rules.panic_below as usize;
        Pool { ignores_holds, panics }
    }

    /// Counts an attempt out, and says what that changed.
    pub(super) fn done(&mut self, done: &Done, now: Instant) -> Option<Change> {
        let rules = self.ejection.read(|rules| *rules);
        let (decay, rng) = (self.decay, self.rng.clone());
        let slot = self.slot_mut(done.number)?;
        slot.pending = slot.pending.saturating_sub(1);
        if slot.pending == 0 {
            slot.latency.rest(now);
        }
        let took = done.started.map(|started| now.saturating_duration_since(started));
        match done.end {
            End::Judged(Class::Success | Class::Refused) => {
                if let Some(took) = took {
                    slot.latency.answered(took, now, decay);
                }
                slot.outlier.answered(done.begun, now, &rules)
            }
            // Somebody is there; but to say "later" is quick, whatever the rest may be.
            End::Judged(Class::Throttled) => slot.outlier.answered(done.begun, now, &rules),
            End::Judged(Class::Local) => None,
            End::Judged(_) => {
                took.iter().for_each(|took| slot.latency.waited(*took, now));
                slot.outlier.failed(done.begun, now, &rules, &rng)
            }
            End::Dropped => {
                took.iter().for_each(|took| slot.latency.waited(*took, now));
                None
            }
        }
    }
}

impl Pool {
    /// How well an endpoint would do, 0 being best; `None` where it must not be.
    fn rank(
        &self,
        number: u32,
        slot: &Slot,
        ask: &Ask<'_>,
        rules: &Ejection,
        now: Instant,
    ) -> Option<u8> {
        if ask.tried.contains(&number) || (slot.held && !self.ignores_holds) {
            return None;
        }
        let avoided = ask.avoid == Some(number);
        let standing = slot.outlier.standing(now);
        // One attempt at a time, until one has succeeded.
        let busy = matches!(standing, Standing::Trial(_)) && slot.pending > 0;
        if ask.read {
            return Some(match standing {
                _ if self.panics => u8::from(avoided),
                Standing::Ejected(_) => 5,
                _ if busy => 4,
                _ if avoided => 3,
                // Whatever it may cost, or it would never come back; but not at the cost of a call that
                // has failed once.
                Standing::Trial(_) if ask.avoid.is_none() => 0,
                Standing::Trial(_) => 2,
                Standing::Serving => 1,
            });
        }
        // A write whose effect gets lost is lost on an endpoint that it may not leave. So it tries no
        // endpoint out while reads may do that, and leaves one that works for none that doesn't.
        Some(match (standing, avoided) {
            // Where all are, the one that could not be reached is still the worst of them.
            (Standing::Ejected(_), _) => 4 + u8::from(avoided),
            (Standing::Trial(since), _) if busy || since < rules.base => {
                if avoided {
                    3
                } else {
                    1
                }
            }
            (_, false) => 0,
            (_, true) => 2,
        })
    }
}

impl Slot {
    fn new(base: Arc<Base>, now: Instant) -> Self {
        let (latency, outlier) = (Latency::new(now), Outlier::new(now));
        Self { base, pending: 0, latency, outlier, held: false }
    }
}

/// Two different numbers below `count`, which is 2 or more, in either order.
fn two_of(count: usize, bits: u64) -> (usize, usize) {
    let (low, high) = ((bits & u64::from(u32::MAX)) as usize, (bits >> 32) as usize);
    let one = low % count;
    (one, (one + 1 + high % (count - 1)) % count)
}
