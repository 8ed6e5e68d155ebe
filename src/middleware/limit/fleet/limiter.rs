use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::cells::Fleet;
use super::lease::after;
use super::pace::Pace;
use super::question::Asking;
use super::settings::FleetSettings;
use super::state::{FleetState, Shelf};
use super::status::{Counts, FleetStatus};
use super::store::Store;
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
            && cells.question.as_ref().is_none_or(|asked| now >= asked.until)
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
