//! Every shape in which a session or a page of them may come.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::sessions::{
    CreateSession, DeleteSession, ListSessions, Session, SessionMode, SessionStatus,
};
use crate::wire::{Answer, DecodeError, Operation};

/// The example of Twilio's own OpenAPI document.
fn example() -> Value {
    json!({
        "service_sid": "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "status": "open",
        "unique_name": "Order #1234",
        "date_started": "2015-07-30T20:00:00Z",
        "date_ended": "2015-07-30T20:00:00Z",
        "date_last_interaction": "2015-07-30T20:00:00Z",
        "date_expiry": "2015-07-30T20:00:00Z",
        "ttl": 3600,
        "mode": "voice-and-message",
        "closed_reason": "",
        "sid": "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "date_updated": "2015-07-30T20:00:00Z",
        "date_created": "2015-07-30T20:00:00Z",
        "account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "url": "https://proxy.twilio.com/v1/Services/KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Sessions/KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "links": {
            "interactions": "https://proxy.twilio.com/v1/Services/KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Sessions/KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Interactions",
            "participants": "https://proxy.twilio.com/v1/Services/KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Sessions/KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Participants",
        },
    })
}

fn decode(body: impl Into<bytes::Bytes>) -> Result<Session, DecodeError> {
    CreateSession::decode(Answer::new(StatusCode::CREATED, HeaderMap::new(), body.into()))
}

fn read(value: &Value) -> Result<Session, DecodeError> {
    decode(value.to_string())
}

/// The example with one field set to something else.
fn with(field: &str, value: Value) -> Value {
    let mut session = example();
    session[field] = value;
    session
}

fn written(session: &Session) -> Value {
    serde_json::to_value(session).expect("JSON")
}

#[test]
fn the_documented_example_is_read_field_by_field_and_written_back() {
    let session = read(&example()).expect("a session");
    let start = "2015-07-30T20:00:00Z".parse().ok();
    assert_eq!(session.sid.map(|sid| sid.to_string()), Some(format!("KC{}", "a".repeat(32))));
    assert_eq!(
        session.service_sid.map(|sid| sid.to_string()),
        Some(format!("KS{}", "a".repeat(32)))
    );
    assert_eq!(
        session.account_sid.map(|sid| sid.to_string()),
        Some(format!("AC{}", "a".repeat(32)))
    );
    assert_eq!(session.date_started, start);
    assert_eq!(session.date_ended, start);
    assert_eq!(session.date_last_interaction, start);
    assert_eq!(session.date_expiry, start);
    assert_eq!(session.date_created, start);
    assert_eq!(session.date_updated, start);
    assert_eq!(session.unique_name.as_deref(), Some("Order #1234"));
    assert_eq!(session.closed_reason.as_deref(), Some(""));
    assert_eq!(session.ttl, Some(Duration::from_secs(3600)));
    assert_eq!(session.status, Some(SessionStatus::Open));
    assert_eq!(session.mode, Some(SessionMode::VoiceAndMessage));
    let links = session.links.as_ref().expect("links");
    assert!(links.interactions.as_deref().is_some_and(|url| url.ends_with("/Interactions")));
    assert!(links.participants.as_deref().is_some_and(|url| url.ends_with("/Participants")));
    assert!(session.extra.is_empty());
    assert_eq!(written(&session), example());
}

#[test]
fn every_date_has_a_field_of_its_own() {
    // All dates of the documented example are the same, so it would not tell two of them swapped.
    let mut session = example();
    let dates = ["started", "ended", "last_interaction", "expiry", "created", "updated"];
    for (day, name) in dates.iter().enumerate() {
        session[format!("date_{name}")] = json!(format!("2026-01-0{}T00:00:00Z", day + 1));
    }
    let read = read(&session).expect("a session");
    let days = [
        read.date_started,
        read.date_ended,
        read.date_last_interaction,
        read.date_expiry,
        read.date_created,
        read.date_updated,
    ];
    let days = days.map(|date| date.map(|date| date.to_string()[8..10].to_owned()));
    assert_eq!(days, ["01", "02", "03", "04", "05", "06"].map(|day| Some(day.to_owned())));
    assert_eq!(written(&read), session);
}

#[test]
fn nulls_and_missing_fields_are_none_and_written_as_null() {
    let mut nulls = example();
    for value in nulls.as_object_mut().expect("an object").values_mut() {
        *value = Value::Null;
    }
    let session = read(&nulls).expect("nulls");
    assert_eq!(session, Session { ttl: None, ..Session::default() });
    assert_eq!(written(&session), nulls);

    // Only `ttl` has a documented default.
    let session = read(&json!({})).expect("nothing");
    assert_eq!(session, Session::default());
    nulls["ttl"] = json!(0);
    assert_eq!(written(&session), nulls);
}

#[test]
fn unknown_fields_and_values_are_kept() {
    let mut session = with("status", json!("on-hold"));
    session["mode"] = json!("Voice-Only");
    session["colour"] = json!({"hue": [1, 2.5, null]});
    session["links"]["recordings"] = json!("https://proxy.twilio.com/r");
    let read = read(&session).expect("a session");
    let status = read.status.as_ref().expect("a status");
    assert!(matches!(status, SessionStatus::Other(other) if other.as_str() == "on-hold"));
    assert_eq!(read.mode.as_ref().map(SessionMode::as_str), Some("Voice-Only"), "no case folding");
    assert_eq!(read.extra["colour"]["hue"][1], 2.5);
    assert_eq!(written(&read), session);
    assert!(!format!("{read:?}").contains("hue"), "nobody knows what an unknown value holds");
}

#[test]
fn every_listed_value_has_its_name() {
    for text in ["open", "in-progress", "closed", "failed", "unknown"] {
        let status = SessionStatus::from(text);
        assert!(!matches!(status, SessionStatus::Other(_)), "{text}");
        assert_eq!(status.as_str(), text);
        assert_eq!(text.parse(), Ok(status));
    }
    for text in ["message-only", "voice-only", "voice-and-message"] {
        let mode = SessionMode::from(text);
        assert!(!matches!(mode, SessionMode::Other(_)), "{text}");
        assert_eq!(serde_json::to_value(&mode).expect("JSON"), json!(text));
    }
}

#[test]
fn names_written_with_escapes_are_read_all_the_same() {
    let session = decode(r#"{"s\u0069d":"KC\u0061aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n\u0065w":1}"#);
    let session = session.expect("a session");
    assert!(session.sid.is_some());
    assert_eq!(session.extra["new"], 1);
}

#[test]
fn what_makes_no_sense_is_an_error() {
    for (field, value) in [
        ("sid", json!("KS0123456789abcdef0123456789abcdef")),
        ("sid", json!("KC0123")),
        ("service_sid", json!("")),
        ("account_sid", json!(7)),
        ("date_created", json!("yesterday")),
        ("date_created", json!("2015-07-30")),
        ("date_created", json!(1_438_286_400)),
        ("ttl", json!(-1)),
        ("ttl", json!(3600.5)),
        ("ttl", json!(1e300)),
        ("ttl", json!(4_294_967_296_u64)),
        ("ttl", json!("3600")),
        ("status", json!(1)),
        ("unique_name", json!(["a"])),
        ("links", json!("none")),
    ] {
        assert!(read(&with(field, value.clone())).is_err(), "{field}: {value}");
    }
    let whole = example().to_string();
    let truncated = whole[..whole.len() - 1].to_owned();
    let trailing = format!("{whole} x");
    for body in ["", "null", "[]", "\"open\"", "<html>", &truncated, &trailing] {
        assert!(decode(body.to_owned()).is_err(), "{body}");
    }
    assert!(decode(&b"{\"unique_name\":\"\xff\"}"[..]).is_err(), "not UTF-8");
}

/// The parser's own error was once the source of this one, and it quoted the value that it had met:
/// whoever logged the chain of an error logged phone numbers.
#[test]
fn a_decode_error_does_not_repeat_the_body() {
    for field in ["sid", "ttl", "date_created", "links", "mode", "extra"] {
        let value = match field {
            "mode" => json!({ "+15550100": 1 }),
            _ => json!("+15550100"),
        };
        let Err(error) = read(&with(field, value)) else { continue };
        assert!(std::error::Error::source(&error).is_none());
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("5550100"), "{field}: {text}");
        }
    }
    let error = decode("{\"sid\": \n 5}").expect_err("no SID");
    assert_eq!((error.line(), error.column()), (2, 2));
    assert_eq!(error.to_string(), "the body is not what the API promises, at line 2, column 2");
}

#[test]
fn a_page_of_sessions_is_read_and_written_back() {
    let page = json!({
        "sessions": [example(), with("status", json!("closed"))],
        "meta": {
            "key": "sessions", "page": 0, "page_size": 50,
            "url": "https://proxy.twilio.com/u",
            "first_page_url": "https://proxy.twilio.com/f",
            "previous_page_url": null,
            "next_page_url": "https://proxy.twilio.com/n",
        },
    });
    let answer = Answer::new(StatusCode::OK, HeaderMap::new(), page.to_string().into());
    let read = ListSessions::decode(answer).expect("a page");
    assert_eq!(read.items.len(), 2);
    assert_eq!(read.items[1].status, Some(SessionStatus::Closed));
    assert_eq!(serde_json::to_value(&read).expect("JSON"), page);
}

#[test]
fn a_delete_asks_nothing_of_the_body() {
    for body in ["", "{}", "<html>"] {
        let answer = Answer::new(StatusCode::NO_CONTENT, HeaderMap::new(), body.into());
        assert!(DeleteSession::decode(answer).is_ok());
    }
}

/// A server that marked its UTF-8 was once told that its answers make no sense.
#[test]
fn a_byte_order_mark_is_no_part_of_the_answer() {
    let answer = Answer::new(StatusCode::OK, HeaderMap::new(), "\u{feff}{\"ttl\": 1}".into());
    let session = CreateSession::decode(answer).expect("a session");
    assert_eq!(session.ttl, Some(Duration::from_secs(1)));
}
