use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{AccountSid, ParticipantSid, PhoneNumberSid, ServiceSid, SessionSid};

/// How long a session lives that was given neither a TTL nor an expiry, and how long it is kept
/// once it is closed: 90 days. <https://www.twilio.com/docs/proxy/proxy-limits>
const NINETY_DAYS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word that the API uses.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub(super) fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Where a simulated session is in its life.
    Status {
        /// Made, and not used yet.
        Open = "open",
        /// Used at least once, or opened again.
        InProgress = "in-progress",
        /// Over: by an update or by expiry.
        Closed = "closed",
        /// Set only by a create that asks for it.
        Failed = "failed",
        /// Set only by a create that asks for it.
        Unknown = "unknown",
    }
}

words! {
    /// What may pass between a simulated session's participants.
    Mode {
        /// Messages.
        MessageOnly = "message-only",
        /// Calls.
        VoiceOnly = "voice-only",
        /// Both; the default.
        VoiceAndMessage = "voice-and-message",
    }
}

/// A session as the simulator holds it, for tests to look at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredSession {
    /// Its SID.
    pub sid: SessionSid,
    /// The Service that it belongs to.
    pub service_sid: ServiceSid,
    /// The account that made it.
    pub account_sid: AccountSid,
    /// Its name.
    pub unique_name: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// What may pass.
    pub mode: Mode,
    /// How long it lives after its creation or last use, in seconds; 0 for no TTL.
    pub ttl: u32,
    /// When it expires, whatever its TTL.
    pub date_expiry: Option<Timestamp>,
    /// When it was made.
    pub date_created: Timestamp,
    /// When it was last changed.
    pub date_updated: Timestamp,
    /// When it was first in progress.
    pub date_started: Option<Timestamp>,
    /// When it was closed.
    pub date_ended: Option<Timestamp>,
    /// When it was last used.
    pub date_last_interaction: Option<Timestamp>,
    /// Why it was closed: `api`, `ttl` or `date-expiry`. Twilio does not list its own words.
    pub closed_reason: Option<&'static str>,
    /// Who takes part.
    pub participants: Vec<StoredParticipant>,
    /// What the TTL is measured from.
    pub(super) touched: Timestamp,
}

/// A participant as the simulator holds it. `Debug` prints no phone number and no name: some tests
/// are run with real ones.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredParticipant {
    /// Its SID.
    pub sid: ParticipantSid,
    /// Its phone number or channel address.
    pub identifier: String,
    /// Its name.
    pub friendly_name: Option<String>,
    /// The number that it is reached through: the one asked for, or one from the Service's pool.
    pub proxy_identifier: String,
    /// That number's SID: the one asked for, or one made up from the number.
    pub proxy_identifier_sid: Option<PhoneNumberSid>,
    /// When it was added.
    pub date_created: Timestamp,
    /// When it was removed.
    pub date_deleted: Option<Timestamp>,
}

impl fmt::Debug for StoredParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredParticipant").field("sid", &self.sid).finish_non_exhaustive()
    }
}

impl StoredParticipant {
    /// The participant as the API says it, in a session with this URL.
    pub(super) fn json(&self, session: &StoredSession, url: &str) -> Value {
        let url = format!("{url}/Participants/{}", self.sid);
        json!({
            "sid": self.sid,
            "session_sid": session.sid,
            "service_sid": session.service_sid,
            "account_sid": session.account_sid,
            "friendly_name": self.friendly_name,
            "identifier": self.identifier,
            "proxy_identifier": self.proxy_identifier,
            "proxy_identifier_sid": self.proxy_identifier_sid,
            "date_deleted": self.date_deleted.map(date),
            "date_created": date(self.date_created),
            "date_updated": date(self.date_deleted.unwrap_or(self.date_created)),
            "links": { "message_interactions": format!("{url}/MessageInteractions") },
            "url": url,
        })
    }
}

/// The SID of a number of the pool: the number's digits. None for what is no number.
pub(super) fn number_sid(number: &str) -> Option<PhoneNumberSid> {
    let digits: u64 = number.strip_prefix('+')?.parse().ok()?;
    PhoneNumberSid::new(&format!("PN{digits:032x}")).ok()
}

/// The number that a SID stands for, where it came alone: another for each, as far as seven digits go.
pub(super) fn number_of(sid: PhoneNumberSid) -> String {
    let digits = sid
        .as_str()
        .bytes()
        .fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("+1556{:07}", digits % 10_000_000)
}

impl StoredSession {
    /// Whether it may be used: open or in progress.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::Open | Status::InProgress)
    }

    /// Brings the session up to date. False: it has been closed so long that it is deleted.
    pub(super) fn settle(&mut self, now: Timestamp) -> bool {
        if self.is_live() {
            let (end, reason) = self.expiry();
            if end <= now {
                // At the moment of expiry, not at the moment when somebody looked.
                self.close(end, reason);
            }
        }
        self.date_ended.is_none_or(|ended| now < later(ended, NINETY_DAYS))
    }

    fn expiry(&self) -> (Timestamp, &'static str) {
        match (self.date_expiry, self.ttl) {
            (Some(date), _) => (date, "date-expiry"),
            (None, 0) => (later(self.touched, NINETY_DAYS), "ttl"),
            (None, ttl) => (later(self.touched, Duration::from_secs(ttl.into())), "ttl"),
        }
    }

    pub(super) fn close(&mut self, at: Timestamp, reason: &'static str) {
        self.status = Status::Closed;
        self.closed_reason = Some(reason);
        self.date_ended = Some(at);
        self.date_updated = at;
    }

    /// Opens a closed session again: its TTL starts anew, and an expiry that has passed is dropped.
    pub(super) fn reopen(&mut self, now: Timestamp) {
        self.status = Status::InProgress;
        self.closed_reason = None;
        self.date_ended = None;
        self.date_started.get_or_insert(now);
        self.date_expiry = self.date_expiry.filter(|date| *date > now);
        self.touched = now;
    }

    /// A call or a message passes between the participants.
    pub(super) fn interact(&mut self, now: Timestamp) {
        self.status = Status::InProgress;
        self.date_started.get_or_insert(now);
        self.date_last_interaction = Some(now);
        self.touched = now;
    }

    /// Its URL on `base`.
    pub(super) fn url(&self, base: &str) -> String {
        format!("{base}/v1/Services/{}/Sessions/{}", self.service_sid, self.sid)
    }

    /// The session as the API says it, with its URLs on `base`.
    pub(super) fn json(&self, base: &str) -> Value {
        let url = self.url(base);
        json!({
            "sid": self.sid,
            "service_sid": self.service_sid,
            "account_sid": self.account_sid,
            "date_started": self.date_started.map(date),
            "date_ended": self.date_ended.map(date),
            "date_last_interaction": self.date_last_interaction.map(date),
            "date_expiry": self.date_expiry.map(date),
            "unique_name": self.unique_name,
            "status": self.status.as_str(),
            "closed_reason": self.closed_reason,
            "ttl": self.ttl,
            "mode": self.mode.as_str(),
            "date_created": date(self.date_created),
            "date_updated": date(self.date_updated),
            "links": {
                "interactions": format!("{url}/Interactions"),
                "participants": format!("{url}/Participants"),
            },
            "url": url,
        })
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`: Twilio's dates have whole seconds.
fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Saturating: the far end of what a timestamp holds is as good as never.
fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
