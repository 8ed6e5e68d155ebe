use std::fmt;

use jiff::Timestamp;
use serde::de::MapAccess;
use serde::{Deserialize, Deserializer, Serialize};

use super::sessions_of;
use crate::call::{AccountSid, ParticipantSid, PhoneNumberSid, ServiceSid, SessionSid};
use crate::wire::record::{self, Record};
use crate::wire::{
    Answer, DecodeError, EncodeError, Encoder, Extra, Listing, Operation, OperationMeta, Page,
    Plain,
};

/// Lists who takes part in a session, one page a call.
///
/// An answer to a create or a fetch names no participant, so this is how to see them.
///
/// ```
/// use twilio_proxy::gateway::{Error, GatewayExt, Items};
/// use twilio_proxy::sessions::{ListParticipants, SessionParticipant};
/// use twilio_proxy::wire::Page;
/// # use twilio_proxy::call::{ServiceSid, SessionSid};
/// # use tower::Service;
///
/// fn participants<G>(gateway: &G, service: ServiceSid, session: SessionSid) -> Items<G, ListParticipants>
/// where
///     G: GatewayExt + Service<ListParticipants, Response = Page<SessionParticipant>, Error = Error>,
/// {
///     gateway.items(ListParticipants::new(service, session))
/// }
/// ```
///
/// <https://www.twilio.com/docs/proxy/api/participant#read-multiple-participant-resources>
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListParticipants {
    /// The Service that the session belongs to.
    pub service: ServiceSid,
    /// The session. Only its SID will do here.
    pub session: SessionSid,
    /// Where to go instead of the first page: a URL that a page named.
    pub url: Option<String>,
}

impl ListParticipants {
    /// The participants of this session, from the first page on.
    #[must_use]
    pub fn new(service: ServiceSid, session: SessionSid) -> Self {
        Self { service, session, url: None }
    }
}

impl Listing for ListParticipants {
    type Item = SessionParticipant;

    fn limit(&self) -> Option<u64> {
        None
    }

    fn at(&self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self.clone() }
    }
}

impl Operation for ListParticipants {
    type Output = Page<SessionParticipant>;
    type Recovery = Plain;
    const META: OperationMeta = OperationMeta::new(
        "participants.list",
        http::Method::GET,
        "/v1/Services/{ServiceSid}/Sessions/{SessionSid}/Participants",
    );

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        if let Some(url) = &self.url {
            to.scope(self.service).absolute("page URL", url)?;
            return Ok(());
        }
        sessions_of(self.service, to)?.segment("SessionSid", self.session.as_str())?;
        to.literal("/Participants");
        Ok(())
    }

    fn decode(answer: Answer) -> Result<Page<SessionParticipant>, DecodeError> {
        answer.page("participants")
    }
}

/// Somebody who takes part in a session, or did so until he was removed: Twilio keeps participants
/// as long as the session.
///
/// Twilio promises none of its fields, so each is an `Option`: `None` for a null and for a field
/// that is missing. `Debug` prints no phone number and no name.
/// <https://www.twilio.com/docs/proxy/api/participant#participant-properties>
///
/// ```
/// use twilio_proxy::sessions::SessionParticipant;
///
/// let rider: SessionParticipant = serde_json::from_str(
///     r#"{"identifier": "+15550101", "proxy_identifier": "+15550199", "date_deleted": null}"#,
/// )?;
/// assert_eq!(rider.proxy_identifier.as_deref(), Some("+15550199"));
/// assert_eq!(rider.date_deleted, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionParticipant {
    /// The participant's SID.
    pub sid: Option<ParticipantSid>,
    /// The session that it belongs to.
    pub session_sid: Option<SessionSid>,
    /// The Service that the session belongs to.
    pub service_sid: Option<ServiceSid>,
    /// The account that created it.
    pub account_sid: Option<AccountSid>,
    /// What it was called by who added it.
    pub friendly_name: Option<String>,
    /// The phone number (or other address) at which it is reached.
    pub identifier: Option<String>,
    /// The proxy number that it sees in its partner's place.
    pub proxy_identifier: Option<String>,
    /// The same, by its SID.
    pub proxy_identifier_sid: Option<PhoneNumberSid>,
    /// When it was removed from the session.
    pub date_deleted: Option<Timestamp>,
    /// When it was created.
    pub date_created: Option<Timestamp>,
    /// When it was last updated.
    pub date_updated: Option<Timestamp>,
    /// Its absolute URL.
    pub url: Option<String>,
    /// Fields that this version has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl fmt::Debug for SessionParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionParticipant")
            .field("sid", &self.sid)
            .field("session_sid", &self.session_sid)
            .field("proxy_identifier_sid", &self.proxy_identifier_sid)
            .field("date_deleted", &self.date_deleted)
            .field("date_created", &self.date_created)
            .finish_non_exhaustive()
    }
}

impl Record for SessionParticipant {
    const WHAT: &'static str = "a participant";

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error> {
        match name {
            "sid" => self.sid = from.next_value()?,
            "session_sid" => self.session_sid = from.next_value()?,
            "service_sid" => self.service_sid = from.next_value()?,
            "account_sid" => self.account_sid = from.next_value()?,
            "friendly_name" => self.friendly_name = from.next_value()?,
            "identifier" => self.identifier = from.next_value()?,
            "proxy_identifier" => self.proxy_identifier = from.next_value()?,
            "proxy_identifier_sid" => self.proxy_identifier_sid = from.next_value()?,
            "date_deleted" => self.date_deleted = from.next_value()?,
            "date_created" => self.date_created = from.next_value()?,
            "date_updated" => self.date_updated = from.next_value()?,
            "url" => self.url = from.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extra(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

impl<'de> Deserialize<'de> for SessionParticipant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        record::deserialize(deserializer)
    }
}
