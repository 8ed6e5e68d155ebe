use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lease::{Found, Lease, after};
use super::link::{Link, Road, settling};
use super::name::name;
use super::pace::Pace;
use super::question::{Asking, Question};
use super::settings::FleetSettings;
use super::state::{Cells, FleetState, Share, Shelf};
use super::status::{Counts, FleetStatus, count};
use super::store::{Answer, Ask, Store, micros};
use crate::middleware::limit::rate::{Check, Key, KeyRate, Limiter, LocalLimiter, Throttle};

/// The longest that a `Retry-After` holds a key of the whole fleet.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// A `Retry-After` of no more says "soon", which the fleet need not hear of.
const SOON: Duration = Duration::from_secs(1);

/// A [`Limiter`] whose quota a fleet of processes shares, by way of a [`Store`].
///
/// Clones are one limiter: keep one, to look at its [`status`](Self::status). See the [module](super) for
/// how it works.
pub struct FleetLimiter<S: Store> {
    fleet: Arc<Fleet<S>>,
}

pub(super) struct Fleet<S> {
    store: S,
    settings: FleetSettings,
    link: Mutex<Link>,
    /// Slows keys down that the server throttles, as it does for one process.
    brake: LocalLimiter,
    counts: Counts,
    questions: AtomicU64,
}

impl<S: Store> FleetLimiter<S> {
    /// A limiter over this store.
    #[must_use]
    pub fn new(store: S, settings: FleetSettings) -> Self {
        let brake = LocalLimiter::new(settings.quota.clone());
        let (link, counts) = (Mutex::default(), Counts::default());
        let questions = AtomicU64::new(0);
        Self { fleet: Arc::new(Fleet { store, settings, link, brake, counts, questions }) }
    }

    /// How the sharing goes, in this process. A few loads and a lock that is held for no longer.
    #[must_use]
    pub fn status(&self) -> FleetStatus {
        let (outages, down) = {
            let link = self.fleet.link();
            (link.outages, link.down_since())
        };
        let away_for = down.map(|since| Instant::now().saturating_duration_since(since));
        FleetStatus { away_for, outages, ..self.fleet.counts.read() }
    }

    /// The settings it was made with; the live ones among them may have changed.
    pub fn settings(&self) -> &FleetSettings {
        &self.fleet.settings
    }
}

impl<S: Store> Fleet<S> {
    fn link(&self) -> MutexGuard<'_, Link> {
        // OK because every change of it is one assignment.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settling(&self) -> Duration {
        settling(self.settings.patience)
    }

    /// One look for a cell. `more` is how many ask that are not counted in `cells` yet.
    pub(super) fn step(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        now: Instant,
        more: u32,
    ) -> Check<Question> {
        let pace = Pace::of(&self.settings);
        if self.brake.is_cut(&cells.brake) {
            let at = self.brake.earliest(&mut cells.brake, 0, now);
            if at > now {
                // What the fleet has to be told is told at once, and not when it is over.
                let is_news = cells.hold.is_some_and(|hold| hold > now);
                return match self.link().road(now, &self.settings.rng) {
                    Road::Open if is_news => {
                        Check::Ask(self.question(shelf, key, cells, &pace, now, 0))
                    }
                    _ => Check::NotBefore(at),
                };
            }
        }
        let found = self.look(shelf, key, cells, &pace, now, more);
        if matches!(found, Check::Go) {
            // Not for its opinion: it has to know what went, to know what the server accepts.
            let _ = self.brake.check(key, &mut cells.brake, now);
            cells.waiting = cells.waiting.saturating_sub(1);
            cells.meter.tick(now);
        }
        found
    }

    fn look(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        pace: &Pace,
        now: Instant,
        more: u32,
    ) -> Check<Question> {
        if let Some(lease) = &mut cells.lease {
            let mut expired = 0;
            let found = lease.take(now, &mut expired);
            count(&self.counts.expired, expired);
            match found {
                Found::Cell => {
                    count(&self.counts.used, 1);
                    return Check::Go;
                }
                Found::NotBefore(at) => return Check::NotBefore(at),
                Found::Nothing => cells.lease = None,
            }
        }
        if cells.settled.is_some_and(|settled| settled > now) {
            return self.alone(cells, pace, now, now);
        }
        if let Some(turn) = cells.turn.filter(|turn| *turn > now) {
            return Check::NotBefore(turn);
        }
        // Bound first, so that the lock is not held on.
        let road = self.link().road(now, &self.settings.rng);
        match road {
            Road::Closed(since) => self.alone(cells, pace, now, since),
            Road::Open => {
                let wanted = self.wanted(cells, pace, now, more);
                Check::Ask(self.question(shelf, key, cells, pace, now, wanted))
            }
        }
    }

    /// A cell of this process's own share of the quota.
    fn alone(
        &self,
        cells: &mut Cells,
        pace: &Pace,
        now: Instant,
        since: Instant,
    ) -> Check<Question> {
        let interval = Duration::from_micros(pace.share);
        let backlog = cells.backlog;
        let share = cells.share.get_or_insert_with(|| {
            // The others still have what they were given. They are known to have had so much of it, and
            // the store was as far ahead when it went, if they were evenly busy.
            let begin = (since + backlog).max(now);
            // Spread, or the whole fleet would go at once.
            Share::beginning(begin + interval.mul_f64(self.settings.rng.fraction()))
        });
        match share.take(interval, Duration::from_micros(pace.saved), now) {
            Ok(()) => {
                count(&self.counts.alone, 1);
                Check::Go
            }
            Err(at) => {
                // Somebody has to try whether the store is back, before that as well.
                Check::NotBefore(at)
            }
        }
    }

    /// How many cells to ask for: as many as will be used.
    fn wanted(&self, cells: &Cells, pace: &Pace, now: Instant, more: u32) -> u32 {
        let known = cells.waiting.saturating_add(cells.askers).saturating_add(more).max(1);
        // Those who wait are sure. Others are likely, where calls come faster than a cell goes stale; but only as
        // long as nobody else waits for these.
        let likely = match cells.backlog.is_zero() {
            true => (cells.meter.rate(now) * pace.width() / 2.0) as u32,
            false => 0,
        };
        known.saturating_add(likely).min(pace.most)
    }

    /// The question under way, or a new one.
    fn question(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        pace: &Pace,
        now: Instant,
        wanted: u32,
    ) -> Question {
        let patience = self.settings.patience;
        if let Some(question) = &cells.question
            && now < question.began + patience
        {
            return question.clone();
        }
        let outage = self.link().outages;
        let told = cells.outage == outage;
        let debt = if told { 0 } else { micros(self.settling().max(cells.backlog)) };
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
            count(&fleet.counts.round_trips, 1);
            let answer = tokio::time::timeout(patience, fleet.store.ask(ask)).await;
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
        let question = Question::new(number, now, answer);
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

impl<S: Store> Limiter for FleetLimiter<S> {
    const LISTENS: bool = true;

    type State = FleetState;
    type Asking = Asking<S>;

    fn untouched(&self, now: Instant) -> FleetState {
        let outage = self.fleet.link().seen_by_new(now, self.fleet.settling());
        FleetState { shelf: Shelf::new(outage, self.fleet.brake.untouched(now)) }
    }

    fn check(&self, key: &Key, state: &mut FleetState, now: Instant) -> Check<Asking<S>> {
        let (fleet, shelf) = (&self.fleet, &state.shelf);
        let mut cells = shelf.lock();
        match fleet.step(shelf, key, &mut cells, now, 1) {
            Check::Go => Check::Go,
            Check::NotBefore(at) => Check::NotBefore(at),
            Check::Ask(question) => {
                Check::Ask(Asking::new(fleet, shelf, key, &mut cells, question))
            }
        }
    }

    fn earliest(&self, state: &mut FleetState, ahead: usize, now: Instant) -> Instant {
        let mut cells = state.shelf.lock();
        let pace = Pace::of(&self.fleet.settings);
        // Asked for a call that joins the line, so this is how long the line is.
        cells.waiting = u32::try_from(ahead).unwrap_or(u32::MAX);
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
        let behind = |moment: Instant, interval: u64| {
            after(moment, i64::try_from(ahead.saturating_mul(interval)).unwrap_or(i64::MAX))
        };
        let fleet = match (&cells.lease, &cells.share) {
            (Some(lease), _) => lease.earliest(ahead, now),
            (None, Some(share)) => behind(share.next().max(now), pace.share),
            (None, None) => behind(cells.turn.map_or(now, |turn| turn.max(now)), pace.interval),
        };
        if !self.fleet.brake.is_cut(&cells.brake) {
            return fleet;
        }
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        self.fleet.brake.earliest(&mut cells.brake, ahead, now).max(fleet)
    }

    fn is_idle(&self, state: &mut FleetState, now: Instant) -> bool {
        let fleet = &self.fleet;
        let mut cells = state.shelf.lock();
        let is_past = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        cells.askers == 0
            // One that nobody has waited for so long is not answered any more.
            && cells.question.as_ref().is_none_or(|asked| now >= asked.began + fleet.settings.patience)
            && cells.lease.is_none_or(|lease| lease.is_over(now))
            && is_past(cells.turn)
            && is_past(cells.hold)
            && is_past(cells.settled)
            && is_past(cells.share.map(|share| share.next()))
            // What it knows of the store's book is past.
            && is_past(cells.heard.map(|heard| heard + cells.backlog + fleet.settings.horizon))
            && fleet.brake.is_idle(&mut cells.brake, now)
    }

    fn throttled(&self, key: &Key, state: &mut FleetState, throttle: &Throttle) {
        let mut cells = state.shelf.lock();
        self.fleet.brake.throttled(key, &mut cells.brake, throttle);
        if let Some(wait) = throttle.retry_after.filter(|wait| *wait > SOON) {
            let hold = throttle.now + wait.min(LONGEST_HOLD);
            cells.hold = Some(cells.hold.map_or(hold, |other| other.max(hold)));
        }
    }

    fn is_cut(&self, state: &FleetState) -> bool {
        self.fleet.brake.is_cut(&state.shelf.lock().brake)
    }

    fn rate(&self, state: &FleetState, now: Instant) -> Option<KeyRate> {
        self.fleet.brake.rate(&state.shelf.lock().brake, now)
    }

    fn is_throttled(&self) -> bool {
        self.fleet.brake.is_throttled()
    }

    fn fleet(&self) -> Option<FleetStatus> {
        Some(self.status())
    }
}

impl<S: Store> Clone for FleetLimiter<S> {
    fn clone(&self) -> Self {
        Self { fleet: Arc::clone(&self.fleet) }
    }
}

impl<S: Store> fmt::Debug for FleetLimiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetLimiter").field("status", &self.status()).finish_non_exhaustive()
    }
}
