//! Whose session is it? Pure: what was asked for, what was found, and when.

use jiff::Timestamp;

use super::{Clue, SKEW};
use crate::call::SessionSid;
use crate::gateway::Error;
use crate::sessions::{Participant, Session, SessionKey, SessionParticipant};

/// What can be said of a session that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This call made it, or changed it so.
    Ours,
    /// It was made by another, so this call has made none.
    Anothers,
    /// Either, and why it can't be told.
    Unclear(&'static str),
}

pub(super) const NAME_DIFFERS: &str = "the session found has another UniqueName";
pub(super) const NO_DATE: &str = "the answers don't say when it was created";
pub(super) const TOO_LATE: &str = "it was created after the refusal";
pub(super) const CHANGED: &str = "its expiry, TTL or status is not as asked for";
pub(super) const NO_SID: &str = "the answer has no SID to read its participants by";
pub(super) const NO_TIME: &str = "no time was left to read its participants";
pub(super) const OTHERS_TAKE_PART: &str = "its participants are not those asked for";

/// The time of a call by the server's clock: no session outside it is the call's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Window {
    /// From the start of a call to its refusal, [`SKEW`] wider on both sides; `None` where the
    /// refusal had no `Date`.
    pub(super) fn of(refusal: &Error) -> Option<Self> {
        let refused = refusal.server_date()?;
        let from = refused.checked_sub(refusal.elapsed().saturating_add(SKEW)).ok()?;
        Some(Self { from, to: refused.checked_add(SKEW).ok()? })
    }
}

/// Judges a session by what its answer says. Its participants, if they are to be compared, are
/// judged by [`same_participants`].
pub(super) fn judge(clue: &Clue, found: &Session, window: Option<Window>) -> Verdict {
    if clue.is_new {
        // A UniqueName that reads as a SID leads to the session of that SID, which may have none.
        if let SessionKey::UniqueName(asked) = &clue.key {
            let is_it = match &found.unique_name {
                Some(name) => name == asked,
                None => asked.parse::<SessionSid>().is_err(),
            };
            if !is_it {
                return Verdict::Unclear(NAME_DIFFERS);
            }
        }
        let Some((created, window)) = found.date_created.zip(window) else {
            return Verdict::Unclear(NO_DATE);
        };
        if created < window.from {
            // It had the name when the call began, and a name is unique.
            return Verdict::Anothers;
        }
        if created > window.to {
            // Whoever was refused for before is gone, and it may have been this call's.
            return Verdict::Unclear(TOO_LATE);
        }
        if has_other_mode(clue, found) {
            return Verdict::Anothers;
        }
    }
    if fits(clue, found) { Verdict::Ours } else { Verdict::Unclear(CHANGED) }
}

/// Whether a session can't have been made by this call. Nothing changes a mode once it is set;
/// whoever has seen the session may have given it another TTL or expiry since.
fn has_other_mode(clue: &Clue, found: &Session) -> bool {
    let both = clue.mode.as_ref().zip(found.mode.as_ref());
    both.is_some_and(|(asked, found)| asked != found)
}

/// Whether a session is as was asked for.
fn fits(clue: &Clue, found: &Session) -> bool {
    // The wire has whole seconds, whatever was asked for.
    let seconds = |time: &Timestamp| time.as_second();
    let expiry = found.date_expiry.as_ref().map(seconds);
    clue.mode.as_ref().is_none_or(|mode| found.mode.as_ref() == Some(mode))
        && clue.status.as_ref().is_none_or(|status| found.status.as_ref() == Some(status))
        && clue.date_expiry.as_ref().is_none_or(|date| expiry == Some(seconds(date)))
        && clue.ttl.is_none_or(|ttl| found.ttl == Some(ttl))
}

/// Whether a session has just the participants that were asked for: each of these among those, and
/// each of those among these. One who was removed since counts, for Twilio keeps him in the session.
///
/// That it has not proves nothing. Whoever has seen the session may have removed one and added
/// another since, and a number that looks different may be the same, written otherwise.
pub(super) fn same_participants(asked: &[Participant], found: &[SessionParticipant]) -> bool {
    asked.len() == found.len()
        && asked.iter().all(|asked| found.iter().any(|found| is_same(asked, found)))
        && found.iter().all(|found| asked.iter().any(|asked| is_same(asked, found)))
}

/// Whether a participant has all that was asked for; what was not asked for is the server's choice.
fn is_same(asked: &Participant, found: &SessionParticipant) -> bool {
    let same_name = |asked: &String| found.friendly_name.as_deref() == Some(asked.as_str());
    let same_number = |asked: &String| {
        found.proxy_identifier.as_deref().is_some_and(|found| same_address(asked, found))
    };
    found.identifier.as_deref().is_some_and(|found| same_address(&asked.identifier, found))
        && asked.friendly_name.as_ref().is_none_or(same_name)
        && asked.proxy_identifier.as_ref().is_none_or(same_number)
        && asked.proxy_identifier_sid.is_none_or(|sid| found.proxy_identifier_sid == Some(sid))
}

/// Whether two texts are one address: letter by letter, or one phone number written in two ways,
/// say by its user and by the server in E.164. Nothing is guessed: not the country of a number that
/// was written without one.
fn same_address(one: &str, other: &str) -> bool {
    one == other || digits(one).is_some_and(|number| Some(number) == digits(other))
}

/// The channel and the digits of what reads as a phone number; `None` for any other text.
fn digits(address: &str) -> Option<(&str, String)> {
    let (channel, number) = address.rsplit_once(':').unwrap_or(("", address));
    let number = number.trim();
    let number = number.strip_prefix('+').unwrap_or(number);
    let mut digits = String::with_capacity(number.len());
    for letter in number.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some((channel, digits))
}
