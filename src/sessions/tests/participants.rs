//! The list of a session's participants, out and back.

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::{SERVICE, SESSION, say, service, session, try_say};
use crate::call::{Idempotency, Sid};
use crate::sessions::{ListParticipants, SessionParticipant};
use crate::wire::{Answer, Listing, Operation, Page};

/// The documented example, with its eleven fields and the links.
fn example() -> Value {
    json!({
        "sid": "KPaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "session_sid": "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "service_sid": "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "identifier": "+14155551212",
        "proxy_identifier": "+14155559999",
        "proxy_identifier_sid": "PNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "friendly_name": "friendly_name",
        "date_deleted": "2015-07-30T20:00:01Z",
        "date_updated": "2015-07-30T20:00:02Z",
        "date_created": "2015-07-30T20:00:03Z",
        "url": "https://proxy.twilio.com/v1/Services/KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Sessions/KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Participants/KPaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "links": {"message_interactions": "https://proxy.twilio.com/"},
    })
}

fn decode(body: &Value) -> Page<SessionParticipant> {
    let answer = Answer::new(StatusCode::OK, HeaderMap::new(), body.to_string().into());
    ListParticipants::decode(answer).expect("a page")
}

#[test]
fn the_list_is_under_its_session() {
    let said = say(&ListParticipants::new(service(), session()));
    assert_eq!((said.method, said.body.as_str()), (Method::GET, ""));
    let path = format!("/v1/Services/{SERVICE}/Sessions/{SESSION}/Participants");
    assert_eq!(said.uri, format!("https://proxy.twilio.com{path}"));
    assert_eq!(said.facts.operation(), "participants.list");
    assert_eq!(said.facts.idempotency(), Idempotency::Safe);
    assert_eq!(said.facts.key().scope, Some(Sid::from(service())));
}

#[test]
fn a_next_page_is_followed_on_the_same_origin_alone() {
    let list = ListParticipants::new(service(), session());
    let next = "https://proxy.twilio.com/v1/Services/x?PageToken=y";
    assert_eq!(say(&list.at(next)).uri, next);
    let elsewhere = list.at("https://proxy.example/v1/Services/x");
    assert!(try_say("https://proxy.twilio.com", &elsewhere).is_err());
}

#[test]
fn the_documented_example_is_read_field_by_field_and_written_back() {
    let page = decode(&json!({"participants": [example(), {}], "meta": {"key": "participants"}}));
    let [first, empty] = &page.items[..] else { panic!("two participants") };
    assert_eq!(first.identifier.as_deref(), Some("+14155551212"));
    assert_eq!(first.proxy_identifier.as_deref(), Some("+14155559999"));
    assert!(first.proxy_identifier_sid.is_some_and(|sid| sid.as_str().starts_with("PNaaaa")));
    assert_eq!(first.friendly_name.as_deref(), Some("friendly_name"));
    assert!(first.date_deleted < first.date_updated && first.date_updated < first.date_created);
    assert_eq!(serde_json::to_value(first).expect("JSON"), example());
    assert_eq!(*empty, SessionParticipant::default());
}

#[test]
fn debug_prints_no_number_and_no_name() {
    let page = decode(&json!({"participants": [example()], "meta": {}}));
    let printed = format!("{page:?}");
    assert!(printed.contains("KPaaaa"), "{printed}");
    for secret in ["415555", "friendly_name"] {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
}
