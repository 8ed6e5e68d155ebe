mod participants;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::form::{Change, NewSession};
use super::page::{Found, Place};
use super::refusal::Refusal;
use super::session::{Status, StoredSession};
use super::settings::Settings;
use crate::call::{AccountSid, Rng, ServiceSid, SessionSid};

/// The sessions of one Service of one account.
///
/// Nothing happens here by itself: what a session has become is worked out when somebody looks, so
/// that a hundred thousand of them need no timers, and paused time is all the time there is.
#[derive(Default)]
pub(super) struct Directory {
    /// By number, as they were made.
    sessions: BTreeMap<u64, StoredSession>,
    next: u64,
    by_sid: HashMap<SessionSid, u64>,
    by_name: HashMap<String, u64>,
    by_identifier: HashMap<String, Vec<u64>>,
}

impl Directory {
    /// Makes a session, or says why not.
    pub(super) fn create(
        &mut self,
        account: AccountSid,
        service: ServiceSid,
        new: &NewSession,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<&StoredSession, Refusal> {
        // A closed session keeps its name until it is deleted: it can be opened again.
        if let Some(name) = &new.unique_name
            && self.by_name.get(name).copied().is_some_and(|number| self.settle(number, now))
        {
            let message = "A session with this UniqueName exists already";
            return Err(Refusal::new(settings.duplicate_name_status, 80603, message));
        }
        let participants = new
            .participants
            .iter()
            .map(|wanted| self.participant(wanted, new.fail_on_conflict, settings, now))
            .collect::<Result<Vec<_>, _>>()?;
        let number = self.next;
        self.next += 1;
        let mut session = StoredSession {
            sid: session_sid(&settings.rng),
            service_sid: service,
            account_sid: account,
            unique_name: new.unique_name.clone(),
            status: new.status,
            mode: new.mode,
            ttl: new.ttl,
            date_expiry: new.date_expiry,
            date_created: now,
            date_updated: now,
            date_started: None,
            date_ended: None,
            date_last_interaction: None,
            closed_reason: None,
            participants,
            touched: now,
        };
        match new.status {
            Status::InProgress => session.date_started = Some(now),
            Status::Closed => session.close(now, "api"),
            Status::Open | Status::Failed | Status::Unknown => {}
        }
        self.by_sid.insert(session.sid, number);
        if let Some(name) = &session.unique_name {
            self.by_name.insert(name.clone(), number);
        }
        for participant in &session.participants {
            self.by_identifier.entry(participant.identifier.clone()).or_default().push(number);
        }
        Ok(self.sessions.entry(number).or_insert(session))
    }

    /// A session by its SID, or also by its name.
    pub(super) fn find(
        &mut self,
        key: &str,
        also_by_name: bool,
        now: Timestamp,
    ) -> Option<&mut StoredSession> {
        let by_sid = SessionSid::new(key).ok().and_then(|sid| self.by_sid.get(&sid));
        let by_name = || self.by_name.get(key).filter(|_| also_by_name);
        let number = *by_sid.or_else(by_name)?;
        if self.settle(number, now) { self.sessions.get_mut(&number) } else { None }
    }

    /// Changes a session that was found by its SID. `None`: there is none.
    pub(super) fn update(
        &mut self,
        key: &str,
        change: &Change,
        now: Timestamp,
    ) -> Option<Result<&StoredSession, Refusal>> {
        let session = self.find(key, false, now)?;
        let closed = session.status == Status::Closed;
        let reopens = closed && change.status == Some(Status::InProgress);
        let closes = session.is_live() && change.status == Some(Status::Closed);
        match change.status {
            None | Some(Status::Closed) if closed => {
                return Some(Err(Refusal::bad(80607, "The session is closed")));
            }
            Some(status) if !reopens && !closes => {
                let message = format!(
                    "A session can't go from {} to {}",
                    session.status.as_str(),
                    status.as_str()
                );
                return Some(Err(Refusal::bad(80608, message)));
            }
            _ => {}
        }
        if reopens && change.fail_on_conflict {
            // Closed, it holds no number itself.
            for it in session.participants.clone() {
                if self.numbers_of(&it.identifier, now).contains(&it.proxy_identifier) {
                    return Some(Err(conflict()));
                }
            }
        }
        let session = self.find(key, false, now)?;
        session.date_updated = now;
        session.ttl = change.ttl.unwrap_or(session.ttl);
        match change.status {
            Some(Status::InProgress) => session.reopen(now),
            Some(_) => session.close(now, "api"),
            None => {}
        }
        session.date_expiry = change.date_expiry.or(session.date_expiry);
        // An expiry in the past is refused of a create alone; here it ends the session at once.
        session.settle(now);
        Some(Ok(session))
    }

    /// Takes a session out, found by its SID.
    pub(super) fn delete(&mut self, key: &str, now: Timestamp) -> Option<StoredSession> {
        let sid = self.find(key, false, now)?.sid;
        let number = self.by_sid.get(&sid).copied()?;
        self.remove(number)
    }

    /// Up to `size` sessions from `place`, newest first.
    pub(super) fn page(
        &mut self,
        place: Place,
        size: usize,
        now: Timestamp,
    ) -> Found<StoredSession> {
        let numbers: Vec<u64> = match place {
            Place::Top => self.alive(0..self.next, size, true, now),
            Place::Below(number) => self.alive(0..number, size, true, now),
            Place::Above(number) => {
                let mut rising = self.alive(number.saturating_add(1)..self.next, size, false, now);
                rising.reverse();
                rising
            }
        };
        // Of an empty page, the place itself is both ends.
        let edge = match place {
            Place::Top => (self.next, 0),
            Place::Below(number) => (number.saturating_sub(1), number),
            Place::Above(number) => (number, number.saturating_add(1)),
        };
        let newest = numbers.first().copied().unwrap_or(edge.0);
        let oldest = numbers.last().copied().unwrap_or(edge.1);
        let above = newest.saturating_add(1)..self.next;
        let newer = !self.alive(above, 1, false, now).is_empty();
        let older = !self.alive(0..oldest, 1, true, now).is_empty();
        let records =
            numbers.iter().filter_map(|number| self.sessions.get(number).cloned()).collect();
        Found { records, newer: newer.then_some(newest), older: older.then_some(oldest) }
    }

    /// Every session there is, oldest first.
    pub(super) fn all(&mut self, now: Timestamp) -> Vec<StoredSession> {
        let numbers: Vec<u64> = self.sessions.keys().copied().collect();
        for number in numbers {
            self.settle(number, now);
        }
        self.sessions.values().cloned().collect()
    }

    /// The first `most` numbers of a range that are still sessions, from its end or its start.
    fn alive(
        &mut self,
        range: std::ops::Range<u64>,
        most: usize,
        falling: bool,
        now: Timestamp,
    ) -> Vec<u64> {
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        if range.is_empty() {
            // A map's range panics where it ends before it begins, which a made-up token can ask for.
            return found;
        }
        let mut rest = self.sessions.range_mut(range);
        while found.len() < most
            && let Some((number, session)) = if falling { rest.next_back() } else { rest.next() }
        {
            if session.settle(now) { found.push(*number) } else { gone.push(*number) }
        }
        gone.into_iter().for_each(|number| drop(self.remove(number)));
        found
    }

    /// Brings a session up to date. False: there is none, or no longer.
    fn settle(&mut self, number: u64, now: Timestamp) -> bool {
        let there = self.sessions.get_mut(&number).is_some_and(|session| session.settle(now));
        if !there {
            self.remove(number);
        }
        there
    }

    fn remove(&mut self, number: u64) -> Option<StoredSession> {
        let session = self.sessions.remove(&number)?;
        self.by_sid.remove(&session.sid);
        if let Some(name) = &session.unique_name {
            self.by_name.remove(name);
        }
        for participant in &session.participants {
            if let Some(numbers) = self.by_identifier.get_mut(&participant.identifier) {
                numbers.retain(|other| *other != number);
            }
        }
        Some(session)
    }
}

fn conflict() -> Refusal {
    Refusal::bad(80604, "The ProxyIdentifier is in use for this Identifier in another session")
}

fn session_sid(rng: &Rng) -> SessionSid {
    loop {
        // Once round: the text is a SID by its making.
        if let Ok(sid) = SessionSid::new(&format!("KC{:016x}{:016x}", rng.bits(), rng.bits())) {
            return sid;
        }
    }
}
