//! A question to the store, and what comes of its answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use super::cells::Fleet;
use super::lease::{Lease, after};
use super::name::name;
use super::pace::Pace;
use super::question::Question;
use super::state::{Cells, Shelf};
use super::status::count;
use super::store::{Answer, Ask, Store, micros};
use crate::middleware::limit::rate::Key;

/// So many questions in a row that were left before they were answered are an outage: else calls with less time than the
/// patience would never notice one.
const LEFT: u32 = 10;

/// The first question of all may take so many times as long as the others.
const FIRST: u32 = 10;

impl<S: Store> Fleet<S> {
    /// The question under way, or a new one.
    pub(super) fn question(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        pace: &Pace,
        now: Instant,
        wanted: u32,
    ) -> Question {
        if let Some(question) = &cells.question {
            if now < question.until {
                return question.clone();
            }
            // Nobody drove it, so that it may have an answer by now, or not; but not so often.
            cells.unanswered += 1;
        }
        let is_outage = cells.unanswered >= LEFT;
        cells.is_left = false;
        let (outage, went, patience) = {
            let link = self.link();
            // The first has to wait for a connection, and that is no outage.
            let times = if link.is_new() { FIRST } else { 1 };
            (link.outages, link.went(), self.settings.patience * times)
        };
        let debt = match went.filter(|_| cells.outage != outage) {
            None => 0,
            // What the others had been given may go on for longer than they need to come back.
            Some(went) => {
                let given = (went + cells.backlog).saturating_duration_since(now);
                micros(self.settling().max(given))
            }
        };
        let hold = cells.hold.map_or(0, |hold| micros(hold.saturating_duration_since(now)));
        let key = cells.name.get_or_insert_with(|| name(&self.settings.prefix, key));
        let ask = Ask {
            key: Arc::clone(key),
            interval: pace.interval,
            tolerance: pace.tolerance,
            horizon: pace.horizon,
            cells: wanted,
            floor: cells.floor,
            debt,
            hold,
        };
        let number = self.questions.fetch_add(1, Relaxed);
        let (fleet, shelf, pace) = (Arc::clone(self), Arc::downgrade(shelf), *pace);
        let answer = async move {
            let sent = Instant::now();
            if is_outage {
                // Here and not where it was found, for who listens to the log may do anything.
                let _ = fleet.failed(sent, &"no answer in time");
            }
            count(&fleet.counts.round_trips, 1);
            let mut asked = std::pin::pin!(fleet.store.ask(ask));
            let answer = loop {
                let answer = tokio::time::timeout(patience, asked.as_mut()).await;
                // One that lay there for a while is not late: it goes on from where it was left.
                let was_left = |shelf: Arc<Shelf>| std::mem::take(&mut shelf.lock().is_left);
                if answer.is_ok() || !shelf.upgrade().is_some_and(was_left) {
                    break answer;
                }
            };
            let now = Instant::now();
            let answer = match answer {
                Ok(Ok(answer)) => Some(answer),
                Ok(Err(error)) => fleet.failed(now, &error),
                Err(_) => fleet.failed(now, &"no answer in time"),
            };
            if answer.is_some() {
                fleet.answered(now);
            }
            // A key that was forgotten meanwhile needs no cells.
            if let Some(shelf) = shelf.upgrade() {
                fleet.land(&mut shelf.lock(), number, answer, &pace, outage, (sent, now));
            }
        };
        let question = Question::new(number, now + patience, answer);
        cells.question = Some(question.clone());
        question
    }

    /// Puts down what an answer brought, or that none came.
    fn land(
        &self,
        cells: &mut Cells,
        number: u64,
        answer: Option<Answer>,
        pace: &Pace,
        outage: u64,
        (sent, now): (Instant, Instant),
    ) {
        // Another was asked meanwhile, for this one took too long: what it brings is lost.
        if cells.question.as_ref().is_none_or(|question| question.number != number) {
            return;
        }
        cells.question = None;
        cells.turn = None;
        let Some(answer) = answer else { return };
        cells.unanswered = 0;
        let moment =
            |at: u64| after(now, i64::try_from(at.saturating_sub(answer.now)).unwrap_or(0));
        cells.heard = Some(now);
        cells.hold = None;
        cells.backlog = Duration::from_micros(answer.first.saturating_sub(answer.now));
        // Who was alone goes on so until all are back.
        let was_alone = cells.share.is_some() || cells.outage != outage;
        cells.outage = outage;
        cells.settled = (was_alone && answer.settled > answer.now).then(|| moment(answer.settled));
        if cells.settled.is_none() {
            cells.share = None;
        }
        if answer.cells == 0 {
            cells.turn = (answer.turn > answer.now).then(|| moment(answer.turn));
            return;
        }
        cells.floor = answer.first + u64::from(answer.cells) * pace.interval;
        count(&self.counts.granted, u64::from(answer.cells));
        cells.lease = Lease::new(&answer, pace, sent, now);
    }

    fn answered(&self, now: Instant) {
        let outage = self.link().answered(now);
        if let Some(lasted) = outage {
            let lasted_ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(lasted_ms, "the fleet's quota is shared again");
        }
    }

    fn failed(&self, now: Instant, error: &dyn fmt::Display) -> Option<Answer> {
        count(&self.counts.failures, 1);
        if self.link().failed(now) {
            tracing::warn!(
                error = %error,
                "the store of the fleet's quota is away: each process keeps to its share"
            );
        }
        None
    }
}
