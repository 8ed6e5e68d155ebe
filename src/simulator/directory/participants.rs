use jiff::Timestamp;

use super::{Directory, conflict};
use crate::call::{ParticipantSid, Rng};
use crate::simulator::form::NewParticipant;
use crate::simulator::refusal::Refusal;
use crate::simulator::session::{StoredParticipant, number_sid};
use crate::simulator::settings::Settings;

/// A session has two sides. <https://www.twilio.com/docs/api/errors/80609>
const MOST: usize = 2;

impl Directory {
    /// Gives a participant a number: the one asked for, or the first of the pool that doesn't
    /// route to the same person in another live session.
    ///
    /// Where there is none, Proxy lets two sessions share the pair and routes some calls wrongly,
    /// unless it was asked to fail. <https://www.twilio.com/docs/api/errors/80604>
    pub(super) fn participant(
        &mut self,
        wanted: &NewParticipant,
        fail_on_conflict: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<StoredParticipant, Refusal> {
        let taken = self.numbers_of(&wanted.identifier, now);
        let pool = (0..settings.numbers).map(|number| format!("+1555{number:07}"));
        let mut choices = wanted.proxy_identifier.clone().into_iter().chain(
            // Nothing from the pool for a participant that asks for a number by name.
            pool.filter(|_| wanted.proxy_identifier.is_none()),
        );
        let first = choices.next().unwrap_or_default();
        let free = std::iter::once(first.clone()).chain(choices).find(|it| !taken.contains(it));
        if free.is_none() && fail_on_conflict {
            return Err(conflict());
        }
        let proxy_identifier = free.unwrap_or(first);
        Ok(StoredParticipant {
            sid: participant_sid(&settings.rng),
            identifier: wanted.identifier.clone(),
            friendly_name: wanted.friendly_name.clone(),
            proxy_identifier_sid: wanted.proxy_identifier_sid.or(number_sid(&proxy_identifier)),
            proxy_identifier,
            date_created: now,
            date_deleted: None,
        })
    }

    /// The numbers that reach a person in live sessions.
    pub(super) fn numbers_of(&mut self, identifier: &str, now: Timestamp) -> Vec<String> {
        let numbers = self.by_identifier.get(identifier).cloned().unwrap_or_default();
        let mut taken = Vec::new();
        for number in numbers {
            if self.settle(number, now)
                && let Some(session) = self.sessions.get(&number)
                && session.is_live()
            {
                let present = session.participants.iter().filter(|it| it.date_deleted.is_none());
                let theirs = present.filter(|it| it.identifier == identifier);
                taken.extend(theirs.map(|it| it.proxy_identifier.clone()));
            }
        }
        taken
    }

    /// Adds a participant to a live session that was found by its SID and has room. One who was
    /// removed before can't come back: <https://www.twilio.com/docs/proxy/api/participant>.
    pub(in crate::simulator) fn join(
        &mut self,
        key: &str,
        wanted: &NewParticipant,
        settings: &Settings,
        now: Timestamp,
    ) -> Option<ParticipantSid> {
        let session = self.find(key, false, now)?;
        let present = session.participants.iter().filter(|it| it.date_deleted.is_none());
        let was_here = |it: &StoredParticipant| it.identifier == wanted.identifier;
        if !session.is_live()
            || present.count() >= MOST
            || session.participants.iter().any(was_here)
        {
            return None;
        }
        let sid = session.sid;
        let number = self.by_sid.get(&sid).copied()?;
        let participant = self.participant(wanted, false, settings, now).ok()?;
        let joined = participant.sid;
        self.by_identifier.entry(wanted.identifier.clone()).or_default().push(number);
        self.sessions.get_mut(&number)?.participants.push(participant);
        Some(joined)
    }

    /// Removes a participant, who stays in the session's list all the same. False: there is none
    /// to remove.
    pub(in crate::simulator) fn leave(&mut self, sid: ParticipantSid, now: Timestamp) -> bool {
        let all = self.sessions.values_mut().flat_map(|session| &mut session.participants);
        let mut present = all.filter(|it| it.sid == sid && it.date_deleted.is_none());
        match present.next() {
            Some(participant) => {
                participant.date_deleted = Some(now);
                true
            }
            None => false,
        }
    }
}

fn participant_sid(rng: &Rng) -> ParticipantSid {
    loop {
        // Once round: the text is a SID by its making.
        if let Ok(sid) = ParticipantSid::new(&format!("KP{:016x}{:016x}", rng.bits(), rng.bits())) {
            return sid;
        }
    }
}
