//! What comes in JSON: sessions, pages of them, participants.

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use twilio_proxy::sessions::{
    CreateSession, ListParticipants, ListSessions, Participant, Session, SessionParticipant,
};
use twilio_proxy::wire::{Answer, DecodeError, Operation, Page};

pub(super) fn session(data: &[u8]) {
    let Some(session) = read(data, CreateSession::decode) else { return };
    written_back(&session, |session: &Session| session.extra.len());
    // Field by field, as somebody reads it who knows nothing of sessions.
    let object = object(data);
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    assert_eq!(session.sid.as_ref().map(|sid| sid.as_str()), text("sid"));
    assert_eq!(session.unique_name.as_deref(), text("unique_name"));
    assert_eq!(session.status.as_ref().map(|it| it.as_str()), text("status"));
    assert_eq!(session.mode.as_ref().map(|it| it.as_str()), text("mode"));
    assert_eq!(session.closed_reason.as_deref(), text("closed_reason"));
    let ttl = object.get("ttl").map_or(Some(0), Value::as_u64);
    assert_eq!(session.ttl.map(|ttl| ttl.as_secs()), ttl);
    for (name, value) in session.extra.iter() {
        assert_eq!(object.get(name), Some(value));
    }
}

pub(super) fn participant(data: &[u8]) {
    if let Ok(participant) = serde_json::from_slice::<Participant>(data) {
        let json = serde_json::to_vec(&participant).unwrap();
        assert_eq!(serde_json::from_slice::<Participant>(&json).unwrap(), participant);
        let shown = format!("{participant:?}");
        let is_shown = |text: &str| super::is_foreign(text, 24) && shown.contains(text);
        // The number's SID is shown, and may be said twice.
        let is_alone = participant.proxy_identifier_sid.is_none();
        assert!(!is_alone || !is_shown(&participant.identifier), "{shown}");
    }
    let Some(page) = read(data, ListParticipants::decode) else { return };
    for item in &page.items {
        written_back(item, |item: &SessionParticipant| item.extra.len());
    }
    page_written_back(page, "participants");
}

pub(super) fn page(data: &[u8]) {
    let Some(page) = read(data, ListSessions::decode) else { return };
    let object = object(data);
    let meta = object.get("meta").and_then(Value::as_object).unwrap();
    let next = meta.get("next_page_url").and_then(Value::as_str).filter(|url| !url.is_empty());
    assert_eq!(page.next_page_url(), next);
    assert_eq!(page.items.len(), object["sessions"].as_array().unwrap().len());
    page_written_back(page, "sessions");
}

/// Reads an answer, and sees to it that a failure says where, and not what.
fn read<T>(data: &[u8], decode: fn(Answer) -> Result<T, DecodeError>) -> Option<T> {
    match decode(super::answer(StatusCode::OK, data)) {
        Ok(value) => Some(value),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let longest = data.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
            assert!(line <= 1 + data.iter().filter(|byte| **byte == b'\n').count());
            assert!(column <= 1 + longest.unwrap_or_default());
            let said = error.to_string();
            let place = format!(", at line {line}, column {column}");
            let problem = said.strip_suffix(&place).unwrap();
            let problems = [
                "the body ends too early",
                "the body is not what the API promises",
                "the body is no JSON",
            ];
            assert!(problems.contains(&problem), "{said}");
            None
        }
    }
}

/// The same once more, without our types.
fn object(data: &[u8]) -> Map<String, Value> {
    let data = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
    serde_json::from_slice(data).unwrap()
}

/// What is read, written and read again is the same.
fn written_back<T>(record: &T, extras: impl Fn(&T) -> usize)
where
    T: Serialize + DeserializeOwned + std::fmt::Debug,
{
    let once = serde_json::to_value(record).unwrap();
    let again: T = serde_json::from_slice(&serde_json::to_vec(record).unwrap()).unwrap();
    assert_eq!(extras(&again), extras(record));
    assert_eq!(exact(serde_json::to_value(&again).unwrap()), exact(once));
}

fn page_written_back<T>(page: Page<T>, key: &'static str)
where
    T: Serialize + DeserializeOwned,
{
    let json = serde_json::to_vec(&page).unwrap();
    let again: Page<T> = super::answer(StatusCode::OK, &json).page(key).unwrap();
    let value = |page: &Page<T>| exact(serde_json::to_value(page).unwrap());
    assert_eq!(value(&again), value(&page));
    assert_eq!(again.items.len(), page.items.len());
}

/// Without fractions: the last digit of one may change on its way through a text.
fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::Null,
        Value::Array(values) => values.into_iter().map(exact).collect(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, exact(value))).collect(),
        other => other,
    }
}
