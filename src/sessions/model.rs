use std::time::Duration;

use jiff::Timestamp;
use serde::de::MapAccess;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SessionMode, SessionStatus};
use crate::call::{AccountSid, ServiceSid, SessionSid};
use crate::wire::Extra;
use crate::wire::record::{self, Record};

/// A session: a conversation between two participants who don't see each other's numbers.
///
/// Twilio promises none of its fields, so each is an `Option`: `None` for a null and for a field
/// that is missing. Written as JSON it has the API's own names and the nulls.
/// <https://www.twilio.com/docs/proxy/api/session#session-properties>
///
/// ```
/// use twilio_proxy::sessions::{Session, SessionStatus};
///
/// let session: Session = serde_json::from_str(
///     r#"{"sid": "KC0123456789abcdef0123456789abcdef", "status": "open", "ttl": 3600}"#,
/// )?;
/// assert_eq!(session.status, Some(SessionStatus::Open));
/// assert_eq!(session.ttl.map(|ttl| ttl.as_secs()), Some(3600));
/// assert_eq!(session.unique_name, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// The session's SID.
    pub sid: Option<SessionSid>,
    /// The Service that it belongs to.
    pub service_sid: Option<ServiceSid>,
    /// The account that created it.
    pub account_sid: Option<AccountSid>,
    /// When it began.
    pub date_started: Option<Timestamp>,
    /// When it ended.
    pub date_ended: Option<Timestamp>,
    /// When something was last said in it.
    pub date_last_interaction: Option<Timestamp>,
    /// When it is to end; overrides `ttl`.
    pub date_expiry: Option<Timestamp>,
    /// The name that its creator gave it.
    pub unique_name: Option<String>,
    /// Where it is in its life.
    pub status: Option<SessionStatus>,
    /// Why it ended; an empty text while it has not.
    pub closed_reason: Option<String>,
    /// How long after its last interaction it ends, in whole seconds; zero where the answer does
    /// not say, as documented.
    #[serde(serialize_with = "whole_seconds")]
    pub ttl: Option<Duration>,
    /// What may go through it.
    pub mode: Option<SessionMode>,
    /// When it was created.
    pub date_created: Option<Timestamp>,
    /// When it was last updated.
    pub date_updated: Option<Timestamp>,
    /// Its absolute URL.
    pub url: Option<String>,
    /// The URLs of what belongs to it.
    pub links: Option<Links>,
    /// Fields that this version has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What an empty JSON object says: nothing but the documented `ttl` of zero. For fakes and tests.
impl Default for Session {
    fn default() -> Self {
        Self {
            sid: None,
            service_sid: None,
            account_sid: None,
            date_started: None,
            date_ended: None,
            date_last_interaction: None,
            date_expiry: None,
            unique_name: None,
            status: None,
            closed_reason: None,
            ttl: Some(Duration::ZERO),
            mode: None,
            date_created: None,
            date_updated: None,
            url: None,
            links: None,
            extra: Extra::default(),
        }
    }
}

/// The URLs of what belongs to a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Links {
    /// Its interactions.
    pub interactions: Option<String>,
    /// Its participants.
    pub participants: Option<String>,
    /// Links that this version has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Record for Session {
    const WHAT: &'static str = "a session";

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error> {
        match name {
            "sid" => self.sid = from.next_value()?,
            "service_sid" => self.service_sid = from.next_value()?,
            "account_sid" => self.account_sid = from.next_value()?,
            "date_started" => self.date_started = from.next_value()?,
            "date_ended" => self.date_ended = from.next_value()?,
            "date_last_interaction" => self.date_last_interaction = from.next_value()?,
            "date_expiry" => self.date_expiry = from.next_value()?,
            "unique_name" => self.unique_name = from.next_value()?,
            "status" => self.status = from.next_value()?,
            "closed_reason" => self.closed_reason = from.next_value()?,
            "ttl" => {
                let seconds: Option<u32> = from.next_value()?;
                self.ttl = seconds.map(|seconds| Duration::from_secs(seconds.into()));
            }
            "mode" => self.mode = from.next_value()?,
            "date_created" => self.date_created = from.next_value()?,
            "date_updated" => self.date_updated = from.next_value()?,
            "url" => self.url = from.next_value()?,
            "links" => self.links = from.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extra(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        record::deserialize(deserializer)
    }
}

impl Record for Links {
    const WHAT: &'static str = "the links of a session";

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error> {
        match name {
            "interactions" => self.interactions = from.next_value()?,
            "participants" => self.participants = from.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extra(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

impl<'de> Deserialize<'de> for Links {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        record::deserialize(deserializer)
    }
}

fn whole_seconds<S: Serializer>(ttl: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    ttl.as_ref().map(Duration::as_secs).serialize(to)
}
