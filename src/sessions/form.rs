//! Forms that somebody else has written, read back: the mirror of `encode`.
//!
//! A parameter is taken where the operation says exactly the same when it is encoded again. All
//! else is left as it is, to be passed on: what this crate has no name for, what it would refuse,
//! what is there twice, what is empty. Whether that is good is for the server to say, which says it
//! better.

use super::{CreateSession, Participant, UpdateSession, check};
use crate::call::{ServiceSid, SessionSid, percent};

/// The parameters of a form, in order.
pub(crate) type Pairs = Vec<(String, String)>;

/// What may be there once.
const SINGLE: [&str; 6] =
    ["UniqueName", "DateExpiry", "Ttl", "Mode", "Status", "FailOnParticipantConflict"];

/// Takes a form apart; `None` where an escape spells no UTF-8, and something of it would be lost.
///
/// <https://url.spec.whatwg.org/#urlencoded-parsing>
pub(crate) fn pairs(form: &str) -> Option<Pairs> {
    let text = |piece: &str| Some(percent::decode(&piece.replace('+', " "))?.into_owned());
    let pieces = form.split('&').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            Some((text(key)?, text(value)?))
        })
        .collect()
}

/// Those of the names that are there more than once: which of the values counts is the server's to say.
fn repeated<'a>(pairs: &[(String, String)], names: &[&'a str]) -> Vec<&'a str> {
    let is_repeated = |name: &&&str| pairs.iter().filter(|(key, _)| key == **name).count() > 1;
    names.iter().filter(is_repeated).copied().collect()
}

/// Sets a field from a text, if it can be read.
fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let read = value.is_some();
    if read {
        *field = value;
    }
    read
}

/// An open enumeration's value: any text but none.
fn choice<T: for<'a> From<&'a str>>(text: &str) -> Option<T> {
    (!text.is_empty()).then(|| text.into())
}

fn truth(text: &str) -> Option<bool> {
    // As it is written; any other spelling is the server's to read.
    text.parse().ok()
}

impl CreateSession {
    /// A create that somebody else has written, and those of its parameters that are left.
    pub(crate) fn from_form(service: ServiceSid, pairs: Pairs) -> (Self, Pairs) {
        let mut create = Self::new(service);
        let mut rest = Pairs::new();
        let repeated = repeated(&pairs, &SINGLE);
        let mut in_order = true;
        for (key, value) in pairs {
            let taken = match key.as_str() {
                // They go in their order, so behind one that is left all are.
                "Participants" => {
                    in_order = in_order && create.take_participant(&value);
                    in_order
                }
                key if repeated.contains(&key) => false,
                "UniqueName" => {
                    let name = check::name("UniqueName", &value).is_ok().then(|| value.clone());
                    set(&mut create.unique_name, name)
                }
                "DateExpiry" => set(&mut create.date_expiry, check::read_date_expiry(&value)),
                "Ttl" => set(&mut create.ttl, check::read_ttl(&value)),
                "Mode" => set(&mut create.mode, choice(&value)),
                "Status" => set(&mut create.status, choice(&value)),
                "FailOnParticipantConflict" => {
                    set(&mut create.fail_on_participant_conflict, truth(&value))
                }
                _ => false,
            };
            if !taken {
                rest.push((key, value));
            }
        }
        (create, rest)
    }

    fn take_participant(&mut self, text: &str) -> bool {
        let participant = serde_json::from_str::<Participant>(text).ok();
        let participant = participant.filter(|participant| participant.encode().is_ok());
        let fits = self.participants.len() < super::create::MOST_PARTICIPANTS;
        match participant.filter(|_| fits) {
            Some(participant) => {
                self.participants.push(participant);
                true
            }
            None => false,
        }
    }
}

impl UpdateSession {
    /// An update that somebody else has written, and those of its parameters that are left.
    pub(crate) fn from_form(
        service: ServiceSid,
        session: SessionSid,
        pairs: Pairs,
    ) -> (Self, Pairs) {
        let mut update = Self::new(service, session);
        let mut rest = Pairs::new();
        let repeated = repeated(&pairs, &SINGLE);
        for (key, value) in pairs {
            let taken = match key.as_str() {
                key if repeated.contains(&key) => false,
                "DateExpiry" => set(&mut update.date_expiry, check::read_date_expiry(&value)),
                "Ttl" => set(&mut update.ttl, check::read_ttl(&value)),
                "Status" => set(&mut update.status, choice(&value)),
                "FailOnParticipantConflict" => {
                    set(&mut update.fail_on_participant_conflict, truth(&value))
                }
                _ => false,
            };
            if !taken {
                rest.push((key, value));
            }
        }
        (update, rest)
    }
}
