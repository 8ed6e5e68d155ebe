use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::directory::Directory;
use super::form::NewParticipant;
use super::refusal::Refusal;
use super::window::Window;
use super::{Action, Commit, FaultPlan, Mishap, Settings, Stats, StoredSession};
use crate::call::{AccountSid, ParticipantSid, ServiceSid};

/// What all clones of a simulator share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    state: Mutex<State>,
}

/// Everything that changes. One lock: a request is decided whole or not at all.
#[derive(Default)]
pub(super) struct State {
    directories: HashMap<(AccountSid, ServiceSid), Directory>,
    windows: HashMap<(AccountSid, ServiceSid, Action), Window>,
    in_flight: HashMap<AccountSid, u32>,
    /// Identifiers of creates that Proxy works on at this moment, with how many do.
    underway: HashMap<(AccountSid, ServiceSid, String), u32>,
    /// Tokens that were given out, with whom they act for and until when.
    pub(super) tokens: HashMap<String, (AccountSid, Instant)>,
    pub(super) plan: FaultPlan,
    pub(super) stats: Stats,
    pub(super) commits: Vec<Commit>,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made after the last thing that could fail, so there is no half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn directory(&mut self, account: AccountSid, service: ServiceSid) -> &mut Directory {
        self.directories.entry((account, service)).or_default()
    }

    pub(super) fn sessions(&mut self, now: jiff::Timestamp) -> Vec<StoredSession> {
        self.directories.values_mut().flat_map(|directory| directory.all(now)).collect()
    }

    pub(super) fn session(
        &mut self,
        sid: &str,
        now: jiff::Timestamp,
    ) -> Option<&mut StoredSession> {
        self.directories.values_mut().find_map(|directory| directory.find(sid, false, now))
    }

    /// Adds a participant, known by its identifier alone, to a session of any Service.
    pub(super) fn join(
        &mut self,
        session: &str,
        identifier: &str,
        settings: &Settings,
    ) -> Option<ParticipantSid> {
        let now = settings.clock.wall();
        let wanted = NewParticipant {
            identifier: identifier.to_owned(),
            friendly_name: None,
            proxy_identifier: None,
            proxy_identifier_sid: None,
        };
        let mut all = self.directories.values_mut();
        all.find_map(|directory| directory.join(session, &wanted, settings, now))
    }

    /// Removes a participant from whichever session it is in.
    pub(super) fn leave(&mut self, participant: ParticipantSid, now: jiff::Timestamp) -> bool {
        self.directories.values_mut().any(|directory| directory.leave(participant, now))
    }

    /// What the plan has for a request; counts it.
    pub(super) fn strike(&mut self, action: Action) -> Option<Mishap> {
        let mishap = self.plan.strike(action)?;
        *self.stats.mishaps.entry(mishap.name()).or_default() += 1;
        Some(mishap)
    }

    /// Whether the plan refuses a connection that comes in now; counts it.
    pub(super) fn refuse(&mut self) -> bool {
        let refused = self.plan.refuse();
        if refused {
            *self.stats.mishaps.entry(Mishap::Refused.name()).or_default() += 1;
        }
        refused
    }

    /// The rate limit of one operation of one Service.
    pub(super) fn take(
        &mut self,
        key: (AccountSid, ServiceSid, Action),
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let Some((most, within)) = settings.rate else { return Ok(()) };
        let window = self.windows.entry(key).or_default();
        window.take(settings.clock.now(), most, within).map_err(|wait| {
            let mut refusal =
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, 80621, "Too Many Requests");
            refusal.retry_after = settings.says_when.then_some(wait);
            refusal
        })
    }
}

/// A request's place among those of its account that are in flight, given up when it is dropped.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    account: AccountSid,
    service: ServiceSid,
    identifiers: Vec<String>,
    /// How many were in flight, this one included.
    pub(super) concurrent: u32,
}

impl Ticket {
    /// Counts a request in, or refuses it under the account's concurrency limit.
    pub(super) fn take(
        shared: &Arc<Shared>,
        account: AccountSid,
        service: ServiceSid,
    ) -> Result<Self, Refusal> {
        let mut state = shared.lock();
        let count = state.in_flight.entry(account).or_default();
        if shared.settings.concurrency.is_some_and(|most| *count >= most) {
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::new(status, 20429, "Too many concurrent requests"));
        }
        *count += 1;
        let (shared, concurrent) = (Arc::clone(shared), *count);
        Ok(Self { shared, account, service, identifiers: Vec::new(), concurrent })
    }

    /// Says whose participants this create is working on. With `alone`, it is refused where another
    /// create works on one of them at this moment: <https://www.twilio.com/docs/api/errors/80623>.
    pub(super) fn work_on(
        &mut self,
        identifiers: impl Iterator<Item = String>,
        alone: bool,
    ) -> Result<(), Refusal> {
        let mut state = self.shared.lock();
        let identifiers: Vec<String> = identifiers.collect();
        let key = |identifier: &String| (self.account, self.service, identifier.clone());
        if alone && identifiers.iter().any(|it| state.underway.contains_key(&key(it))) {
            let message = "Another request for the same Identifier is in progress";
            return Err(Refusal::new(StatusCode::CONFLICT, 80623, message));
        }
        for identifier in &identifiers {
            *state.underway.entry(key(identifier)).or_default() += 1;
        }
        self.identifiers = identifiers;
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        release(&mut state.in_flight, self.account);
        for identifier in self.identifiers.drain(..) {
            release(&mut state.underway, (self.account, self.service, identifier));
        }
    }
}

/// Counts one out, and forgets a key that nobody holds.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

/// Whole seconds, rounded up: a client that comes back then is let in.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
