use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::HedgeSettings;
use super::budget::Budget;
use super::latency::nanos;
use super::operations::Operations;
use super::settings::Terms;
use crate::call::Live;

/// What all calls through one layer and its clones share.
pub(super) struct Shared {
    settings: Live<HedgeSettings>,
    /// What is read on every call of the same settings, in one word.
    terms: AtomicU64,
    /// Held to change both.
    changing: Mutex<()>,
    pub(super) budget: Budget,
    operations: Operations,
    origin: Instant,
    /// Nanoseconds after `origin`.
    suspended_until: AtomicU64,
    fired: AtomicU64,
    won: AtomicU64,
    denied: AtomicU64,
    suspended: AtomicU64,
}

impl Shared {
    pub(super) fn new(settings: HedgeSettings) -> Self {
        Self {
            terms: AtomicU64::new(Terms::pack(settings.terms())),
            settings: Live::new(settings),
            changing: Mutex::new(()),
            budget: Budget::default(),
            operations: Operations::default(),
            origin: Instant::now(),
            suspended_until: AtomicU64::new(0),
            fired: AtomicU64::new(0),
            won: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            suspended: AtomicU64::new(0),
        }
    }

    /// What a call goes by; `None` while hedging is off.
    #[inline]
    pub(super) fn terms(&self) -> Option<Terms> {
        Terms::unpack(self.terms.load(Relaxed))
    }

    fn set(&self, settings: HedgeSettings) {
        // There is nothing in it that a panic could have broken.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.settings.set(settings);
        self.terms.store(Terms::pack(settings.terms()), Relaxed);
    }

    /// How long a first try of this operation has, as it is known at this moment.
    pub(super) fn delay(&self, operation: &str, at: Instant) -> Option<Duration> {
        let settings = self.settings.read(|settings| *settings);
        if !settings.on {
            return None;
        }
        let percentile = || self.operations.find(operation)?.percentile(self.nanos_at(at));
        settings.delay.after(percentile)
    }

    /// Learns from an answer that has just come how long one takes, for the sake of this percentile.
    pub(super) fn learn(&self, operation: &'static str, began: Instant, percent: u8) {
        let now = Instant::now();
        let at = self.nanos_at(now);
        let took = now.saturating_duration_since(began);
        self.operations.entry(operation, at).record(took, at, percent.into());
    }

    /// The server throttles: no hedge for a while from now.
    pub(super) fn suspend(&self) {
        let suspension = self.settings.read(|settings| settings.suspension);
        let until = self.nanos_at(Instant::now()).saturating_add(nanos(suspension));
        self.suspended_until.fetch_max(until, Relaxed);
    }

    pub(super) fn is_suspended(&self) -> bool {
        match self.suspended_until.load(Relaxed) {
            0 => false,
            until => self.nanos_at(Instant::now()) < until,
        }
    }

    /// Pays for a hedge, or counts it as denied.
    pub(super) fn stake(self: &Arc<Self>) -> Option<Stake> {
        // Switched off since the call began.
        let terms = self.terms()?;
        if self.budget.spend(terms.burst) {
            return Some(Stake { shared: Arc::clone(self), is_made: false });
        }
        self.denied.fetch_add(1, Relaxed);
        None
    }

    /// A hedge was due and had to stay away.
    pub(super) fn count_suspended(&self) {
        self.suspended.fetch_add(1, Relaxed);
    }

    /// The second try's answer was the call's.
    pub(super) fn count_won(&self) {
        self.won.fetch_add(1, Relaxed);
    }

    fn nanos_at(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.origin))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .field("operations", &self.operations)
            .finish_non_exhaustive()
    }
}

/// What one hedge was paid with. It goes back where the hedge was not made after all: the first
/// answer came while the service was still getting ready.
pub(super) struct Stake {
    shared: Arc<Shared>,
    is_made: bool,
}

impl Stake {
    /// The hedge is being made: from here on it loads the server.
    pub(super) fn made(&mut self) {
        self.is_made = true;
        self.shared.fired.fetch_add(1, Relaxed);
    }
}

impl Drop for Stake {
    fn drop(&mut self) {
        if !self.is_made {
            let burst = self.shared.settings.read(|settings| settings.burst);
            self.shared.budget.give_back(burst);
        }
    }
}

/// Watches the hedging of a layer and changes its settings, while calls go on. Clones are handles on the same.
///
/// Looking costs calls nothing: what is shown is kept anyway.
///
/// ```
/// use twilio_proxy::middleware::hedge::{HedgeLayer, HedgeSettings};
///
/// let layer = HedgeLayer::off();
/// let hedges = layer.handle();
/// hedges.set(HedgeSettings::new().percent(2));
/// assert!(hedges.settings().is_on());
/// assert_eq!(hedges.counts().fired, 0);
/// ```
#[derive(Clone, Debug)]
pub struct HedgeHandle {
    pub(super) shared: Arc<Shared>,
}

impl HedgeHandle {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> HedgeSettings {
        self.shared.settings.read(|settings| *settings)
    }

    /// Changes the settings. A call under way keeps the delay that it has; whether its hedge is
    /// fired goes by the new settings.
    pub fn set(&self, settings: HedgeSettings) {
        self.shared.set(settings);
    }

    /// What became of hedges so far.
    #[must_use]
    pub fn counts(&self) -> HedgeCounts {
        let shared = &*self.shared;
        HedgeCounts {
            fired: shared.fired.load(Relaxed),
            won: shared.won.load(Relaxed),
            denied: shared.denied.load(Relaxed),
            suspended: shared.suspended.load(Relaxed),
        }
    }

    /// How many hedges are saved up in the budget.
    #[must_use]
    pub fn available(&self) -> u32 {
        let burst = self.shared.settings.read(|settings| settings.burst);
        self.shared.budget.available(burst)
    }

    /// Whether no hedge is fired now since the server was seen to throttle.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.shared.is_suspended()
    }

    /// How long a first try of this operation has now. `None` while too little is known, or hedging is off.
    #[must_use]
    pub fn delay(&self, operation: &str) -> Option<Duration> {
        self.shared.delay(operation, Instant::now())
    }

    /// The operations whose answers were timed, each with its delay now. From the sixteenth on they
    /// share one entry, named `*`.
    #[must_use]
    pub fn delays(&self) -> Vec<(&'static str, Option<Duration>)> {
        let now = Instant::now();
        let operations = self.shared.operations.iter();
        operations.map(|(operation, _)| (operation, self.shared.delay(operation, now))).collect()
    }
}

/// What became of hedges, since the layer was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HedgeCounts {
    /// Second tries that were started.
    pub fired: u64,
    /// Those of them whose answer was the call's.
    pub won: u64,
    /// Second tries that were due and that the budget did not pay for.
    pub denied: u64,
    /// Second tries that were due while the server throttled, or a condition did not hold.
    pub suspended: u64,
}
