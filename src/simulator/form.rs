use http::request::Parts;
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::Value;

use super::refusal::Refusal;
use super::session::{Mode, Status, number_of};
use crate::call::PhoneNumberSid;

/// Twilio's cap on a UniqueName and on an Identifier, in characters.
const LONGEST_NAME: usize = 191;
/// Twilio's cap on a FriendlyName and on a ProxyIdentifier, in characters.
const LONGEST_LABEL: usize = 255;

/// What a create asks for, checked as far as it can be without looking at other sessions.
pub(super) struct NewSession {
    pub(super) unique_name: Option<String>,
    pub(super) date_expiry: Option<Timestamp>,
    pub(super) ttl: u32,
    pub(super) mode: Mode,
    pub(super) status: Status,
    pub(super) participants: Vec<NewParticipant>,
    pub(super) fail_on_conflict: bool,
}

pub(super) struct NewParticipant {
    pub(super) identifier: String,
    pub(super) friendly_name: Option<String>,
    pub(super) proxy_identifier: Option<String>,
    pub(super) proxy_identifier_sid: Option<PhoneNumberSid>,
}

/// What an update asks for.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) date_expiry: Option<Timestamp>,
    pub(super) ttl: Option<u32>,
    pub(super) status: Option<Status>,
    pub(super) fail_on_conflict: bool,
}

impl NewSession {
    pub(super) fn read(head: &Parts, body: &[u8], now: Timestamp) -> Result<Self, Refusal> {
        let form = Form::read(&head.headers, body)?;
        let unique_name = form.one("UniqueName").map(str::to_owned);
        if unique_name.as_deref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
            return Err(Refusal::parameter("UniqueName must be 191 characters or fewer"));
        }
        let date_expiry = form.date_expiry()?;
        if date_expiry.is_some_and(|date| date <= now) {
            return Err(Refusal::parameter("DateExpiry must be in the future"));
        }
        let mode = form.word("Mode", Mode::parse)?.unwrap_or(Mode::VoiceAndMessage);
        Ok(Self {
            unique_name,
            date_expiry,
            ttl: form.ttl()?.unwrap_or(0),
            mode,
            status: form.word("Status", Status::parse)?.unwrap_or(Status::Open),
            participants: form.participants(mode)?,
            fail_on_conflict: form.fail_on_conflict()?,
        })
    }
}

impl Change {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        let form = Form::read(&head.headers, body)?;
        Ok(Self {
            date_expiry: form.date_expiry()?,
            ttl: form.ttl()?,
            status: form.word("Status", Status::parse)?,
            fail_on_conflict: form.fail_on_conflict()?,
        })
    }
}

struct Form(Vec<(String, String)>);

impl Form {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        // Twilio would overlook the body and act on no parameters at all. A test wants to know.
        if !body.is_empty() && !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::parameter(
                "The body must be a form: application/x-www-form-urlencoded",
            ));
        }
        Ok(Self(form_urlencoded::parse(body).into_owned().collect()))
    }

    /// A parameter's value. Empty is as good as absent.
    fn one<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).next().filter(|value| !value.is_empty())
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn word<T>(
        &self,
        key: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.one(key) else { return Ok(None) };
        parse(text)
            .map(Some)
            .ok_or_else(|| Refusal::parameter(format!("{key} is not one of its values")))
    }

    fn date_expiry(&self) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.one("DateExpiry") else { return Ok(None) };
        let date = text.parse().map_err(|_| {
            Refusal::parameter("DateExpiry must be an ISO 8601 date and time with its zone")
        })?;
        Ok(Some(date))
    }

    fn ttl(&self) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.one("Ttl") else { return Ok(None) };
        let fits = |ttl: &u32| (1..2_147_483_647).contains(ttl);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let ttl = text.parse().ok().filter(fits).filter(|_| digits);
        let refusal = "Ttl must be whole seconds, more than 0 and less than 2147483647";
        ttl.map(Some).ok_or_else(|| Refusal::parameter(refusal))
    }

    fn fail_on_conflict(&self) -> Result<bool, Refusal> {
        let truth = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        Ok(self.word("FailOnParticipantConflict", truth)?.unwrap_or(false))
    }

    fn participants(&self, mode: Mode) -> Result<Vec<NewParticipant>, Refusal> {
        let participants: Vec<NewParticipant> = self
            .all("Participants")
            .map(|text| participant(text, mode))
            .collect::<Result<_, _>>()?;
        match &participants[..] {
            [one, other] if one.identifier == other.identifier => {
                Err(Refusal::bad(80103, "The participant is in the session already"))
            }
            [_, _, _, ..] => Err(Refusal::bad(80609, "A session has two participants at most")),
            _ => Ok(participants),
        }
    }
}

fn participant(text: &str, mode: Mode) -> Result<NewParticipant, Refusal> {
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ => return Err(Refusal::parameter("Participants must each be a JSON object")),
    };
    let text = |key: &str, longest: usize, code: u32| match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= longest => Ok(Some(text.clone())),
        Some(_) => {
            Err(Refusal::bad(code, format!("{key} must be text of at most {longest} characters")))
        }
    };
    let identifier = text("Identifier", LONGEST_NAME, 80404)?
        .filter(|identifier| !identifier.is_empty())
        .ok_or_else(|| Refusal::bad(80404, "A participant's Identifier is required"))?;
    // Channels (`whatsapp:…`, `messenger:…`) carry messages alone.
    // <https://www.twilio.com/docs/api/errors/80616>
    if mode != Mode::MessageOnly && identifier.contains(':') {
        return Err(Refusal::bad(80616, "The Identifier's type does not suit the session's mode"));
    }
    let friendly_name = text("FriendlyName", LONGEST_LABEL, 20001)?;
    let number = text("ProxyIdentifier", LONGEST_LABEL, 20001)?;
    let number_sid = text("ProxyIdentifierSid", LONGEST_LABEL, 20001)?;
    let number_sid = number_sid.map(|sid| PhoneNumberSid::new(&sid)).transpose().map_err(|_| {
        Refusal::parameter("ProxyIdentifierSid must be PN and 32 hexadecimal digits")
    })?;
    Ok(NewParticipant {
        identifier,
        friendly_name,
        proxy_identifier: number.or_else(|| number_sid.map(number_of)),
        proxy_identifier_sid: number_sid,
    })
}
