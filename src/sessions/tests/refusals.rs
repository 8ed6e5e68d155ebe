//! What is refused before anything is sent, and in which words.

use std::time::Duration;

use jiff::Timestamp;

use super::{say, service, session, try_say};
use crate::sessions::{
    CreateSession, FetchSession, ListSessions, Participant, SessionMode, SessionStatus,
    UpdateSession,
};
use crate::wire::{Endpoint, Operation};

fn refusal<O: Operation>(operation: &O) -> String {
    try_say(Endpoint::TWILIO, operation).err().map(|error| error.to_string()).unwrap_or_default()
}

fn create() -> CreateSession {
    CreateSession::new(service())
}

/// `length` characters of two bytes each: what counts is characters.
fn long(length: usize) -> String {
    "é".repeat(length)
}

#[test]
fn lengths_are_counted_in_characters() {
    let with = |participant| create().participant(participant);
    assert_eq!(refusal(&create().unique_name(long(191))), "");
    assert_eq!(
        refusal(&create().unique_name(long(192))),
        "UniqueName: must be 191 characters or fewer, not 192"
    );
    assert_eq!(refusal(&FetchSession::by_name(service(), long(191))), "");
    assert_eq!(
        refusal(&FetchSession::by_name(service(), long(192))),
        "UniqueName: must be 191 characters or fewer, not 192"
    );
    assert_eq!(refusal(&with(Participant::new(long(191)))), "");
    assert_eq!(
        refusal(&with(Participant::new(long(192)))),
        "Identifier: must be 191 characters or fewer, not 192"
    );
    assert_eq!(refusal(&with(Participant::new("+1").friendly_name(long(255)))), "");
    assert_eq!(
        refusal(&with(Participant::new("+1").friendly_name(long(256)))),
        "FriendlyName: must be 255 characters or fewer, not 256"
    );
    assert_eq!(refusal(&with(Participant::new("+1").proxy_identifier(long(255)))), "");
    assert_eq!(
        refusal(&with(Participant::new("+1").proxy_identifier(long(256)))),
        "ProxyIdentifier: must be 255 characters or fewer, not 256"
    );
}

#[test]
fn names_and_choices_may_not_be_empty() {
    assert_eq!(refusal(&create().unique_name("")), "UniqueName: must not be empty");
    assert_eq!(
        refusal(&create().participant(Participant::new(""))),
        "Identifier: must not be empty"
    );
    // A label may: nothing depends on it.
    assert_eq!(refusal(&create().participant(Participant::new("+1").friendly_name(""))), "");
    assert_eq!(refusal(&create().mode(SessionMode::from(""))), "Mode: must not be empty");
    assert_eq!(refusal(&create().status(SessionStatus::from(""))), "Status: must not be empty");
}

#[test]
fn a_third_participant_is_refused() {
    let two = create().participant(Participant::new("+1")).participant(Participant::new("+2"));
    assert_eq!(refusal(&two), "");
    let three = two.participant(Participant::new("+3"));
    assert_eq!(refusal(&three), "Participants: must be two at most");
}

#[test]
fn a_ttl_is_whole_seconds_in_range() {
    let update = |ttl| UpdateSession::new(service(), session()).ttl(ttl);
    for (ttl, expected) in [
        (Duration::ZERO, "Ttl: must be at least 1 second"),
        (Duration::from_nanos(1), "Ttl: must be whole seconds"),
        (Duration::from_millis(1500), "Ttl: must be whole seconds"),
        (Duration::from_secs(1), ""),
        (Duration::from_secs(2_147_483_646), ""),
        (Duration::from_secs(2_147_483_647), "Ttl: must be less than 2147483647 seconds"),
        (Duration::MAX, "Ttl: must be whole seconds"),
        (Duration::from_secs(u64::MAX), "Ttl: must be less than 2147483647 seconds"),
    ] {
        assert_eq!(refusal(&create().ttl(ttl)), expected, "{ttl:?}");
        assert_eq!(refusal(&update(ttl)), expected, "{ttl:?}");
    }
}

#[test]
fn an_expiry_is_cut_to_whole_seconds_toward_the_past() {
    let expiry = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    for (given, sent) in [
        ("2030-06-01T12:00:00.999999999Z", "2030-06-01T12%3A00%3A00Z"),
        ("2030-06-01T00:30:00+01:00", "2030-05-31T23%3A30%3A00Z"),
        // Before 1970 a cut toward zero would be a cut toward the future.
        ("1969-12-31T23:59:58.5Z", "1969-12-31T23%3A59%3A58Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00%3A00%3A00Z"),
        ("9999-12-30T00:00:00Z", "9999-12-30T00%3A00%3A00Z"),
    ] {
        let body = say(&create().date_expiry(expiry(given))).body;
        assert_eq!(body, format!("DateExpiry={sent}"), "{given}");
    }
    for given in [expiry("-000001-12-31T23:59:59.5Z"), Timestamp::MIN] {
        let refusal = refusal(&create().date_expiry(given));
        assert_eq!(refusal, "DateExpiry: must be in the year 0 or later");
    }
}

#[test]
fn a_page_has_one_to_a_thousand_sessions_and_a_limit_is_one_or_more() {
    let list = ListSessions::new(service());
    for (size, expected) in [
        (0, "PageSize: must be from 1 to 1000"),
        (1, ""),
        (1000, ""),
        (1001, "PageSize: must be from 1 to 1000"),
    ] {
        assert_eq!(refusal(&list.clone().page_size(size)), expected, "{size}");
    }
    assert_eq!(refusal(&list.clone().limit(0)), "Limit: must be at least 1");
    assert_eq!(refusal(&list.limit(1)), "");
}

#[test]
fn a_name_that_would_lead_to_another_path_is_refused() {
    for name in ["", ".", ".."] {
        let refusal = refusal(&FetchSession::by_name(service(), name));
        assert!(refusal.starts_with("UniqueName: must not be empty, \".\" or \"..\""), "{refusal}");
    }
}

#[test]
fn no_refusal_and_no_debug_repeats_a_phone_number() {
    const NUMBER: &str = "+15550123";
    let participant = Participant::new(NUMBER.repeat(40)).proxy_identifier(NUMBER);
    let create = create().participant(participant.clone().friendly_name(NUMBER));
    assert!(refusal(&create).starts_with("Identifier:"));
    for text in [refusal(&create), format!("{create:?}"), format!("{participant:#?}")] {
        assert!(!text.contains("5550123"), "{text}");
    }
}

#[test]
fn a_participant_is_read_by_the_names_of_the_api_and_by_no_others() {
    let read = |text| serde_json::from_str::<Participant>(text).map_err(|error| error.to_string());
    let all = r#"{"Identifier":"+1","FriendlyName":"F","ProxyIdentifier":"+2","ProxyIdentifierSid":"PN0123456789abcdef0123456789abcdef"}"#;
    assert_eq!(serde_json::to_string(&read(all).expect("valid")).expect("JSON"), all);
    assert_eq!(read(r#"{"Identifier":"+1","FriendlyName":null}"#), Ok(Participant::new("+1")));
    let refused = |text| read(text).expect_err(text);
    assert!(refused(r#"{"FriendlyName":"F"}"#).contains("missing field `Identifier`"));
    assert!(refused(r#"{"Identifier":"+1","identifier":"+1"}"#).contains("unknown field"));
    let wrong = refused(r#"{"Identifier":"+1","ProxyIdentifierSid":"KS"}"#);
    assert!(wrong.contains("a SID is PN and 32 hexadecimal digits"), "{wrong}");
}
