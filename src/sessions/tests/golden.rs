//! The bytes that each operation puts on the wire, letter by letter.

use std::time::Duration;

use http::{Method, StatusCode};

use super::{SERVICE, SESSION, say, service, session, try_say};
use crate::call::{Idempotency, PhoneNumberSid, Sid};
use crate::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Participant, SessionMode,
    SessionStatus, UpdateSession,
};
use crate::wire::{Operation, Route};

const BASE: &str = "https://proxy.twilio.com/v1/Services/KS0123456789abcdef0123456789ABCDEF";

#[test]
fn create_with_everything() {
    let said = say(&CreateSession::new(service())
        .unique_name("Order #1234")
        .date_expiry("2026-01-02T03:04:05.987+02:00".parse().expect("a timestamp"))
        .ttl(Duration::from_secs(3600))
        .mode(SessionMode::VoiceOnly)
        .status(SessionStatus::InProgress)
        .participant(
            Participant::new("+15550100")
                .proxy_identifier_sid(
                    PhoneNumberSid::new("PN0123456789abcdef0123456789abcdef").expect("a SID"),
                )
                .proxy_identifier("+15550109")
                .friendly_name("Zoë & \"Max\""),
        )
        .participant(Participant::new("+15550101"))
        .fail_on_participant_conflict(true));
    assert_eq!(said.method, Method::POST);
    assert_eq!(said.uri, format!("{BASE}/Sessions"));
    assert_eq!(
        said.body,
        "UniqueName=Order%20%231234\
         &DateExpiry=2026-01-02T01%3A04%3A05Z\
         &Ttl=3600\
         &Mode=voice-only\
         &Status=in-progress\
         &Participants=%7B%22Identifier%22%3A%22%2B15550100%22%2C%22FriendlyName%22%3A%22Zo%C3%AB\
         %20%26%20%5C%22Max%5C%22%22%2C%22ProxyIdentifier%22%3A%22%2B15550109%22%2C%22\
         ProxyIdentifierSid%22%3A%22PN0123456789abcdef0123456789abcdef%22%7D\
         &Participants=%7B%22Identifier%22%3A%22%2B15550101%22%7D\
         &FailOnParticipantConflict=true"
    );
    assert_eq!(said.facts.operation(), "sessions.create");
    assert_eq!(said.facts.template(), "/v1/Services/{ServiceSid}/Sessions");
    assert_eq!(said.facts.content_type(), Some("application/x-www-form-urlencoded"));
    assert_eq!(said.facts.key().scope, Some(Sid::from(service())));
    assert_eq!(said.facts.idempotency(), Idempotency::Keyed);
}

#[test]
fn create_with_nothing_is_an_empty_form_and_unsafe_to_repeat() {
    let said = say(&CreateSession::new(service()));
    assert_eq!((said.method, said.body.as_str()), (Method::POST, ""));
    assert_eq!(said.facts.idempotency(), Idempotency::Unsafe);
}

#[test]
fn what_is_set_to_false_is_said_and_what_is_not_set_is_not() {
    let create = CreateSession::new(service());
    assert_eq!(say(&create.clone()).body, "");
    assert_eq!(
        say(&create.fail_on_participant_conflict(false)).body,
        "FailOnParticipantConflict=false"
    );
}

#[test]
fn fetch_by_sid() {
    let said = say(&FetchSession::new(service(), session()));
    assert_eq!(said.method, Method::GET);
    assert_eq!(said.uri, format!("{BASE}/Sessions/{SESSION}"));
    assert_eq!(said.body, "");
    assert_eq!(said.facts.operation(), "sessions.fetch");
    assert_eq!(said.facts.template(), "/v1/Services/{ServiceSid}/Sessions/{Sid}");
    assert_eq!(said.facts.content_type(), None);
    assert_eq!(said.facts.idempotency(), Idempotency::Safe);
}

#[test]
fn fetch_by_name_escapes_one_segment() {
    for (name, escaped) in [
        ("Order #1234", "Order%20%231234"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("../Sessions", "..%2FSessions"),
        ("...", "..."),
        ("%2e%2e", "%252e%252e"),
        ("a+b&c=d;e,f", "a%2Bb%26c%3Dd%3Be%2Cf"),
        ("~tilde-._", "~tilde-._"),
        ("*'()!", "%2A%27%28%29%21"),
        ("\0\r\n\t\u{7f}\u{85}", "%00%0D%0A%09%7F%C2%85"),
        ("☎️ 👩‍👩‍👧", "%E2%98%8E%EF%B8%8F%20%F0%9F%91%A9%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7"),
        ("\\..\\", "%5C..%5C"),
        (" ", "%20"),
    ] {
        let said = say(&FetchSession::by_name(service(), name));
        assert_eq!(said.uri, format!("{BASE}/Sessions/{escaped}"), "{name:?}");
    }
}

#[test]
fn list_with_everything_and_with_nothing() {
    let said = say(&ListSessions::new(service())
        .page_token("PA/next+ one=&")
        .page_index(3)
        .page_size(1000)
        .limit(7));
    assert_eq!(said.method, Method::GET);
    assert_eq!(
        said.uri,
        format!("{BASE}/Sessions?PageSize=1000&Page=3&PageToken=PA%2Fnext%2B%20one%3D%26")
    );
    assert_eq!(said.body, "");
    assert_eq!(said.facts.operation(), "sessions.list");
    let bare = say(&ListSessions::new(service()));
    assert_eq!(bare.uri, format!("{BASE}/Sessions"));
}

#[test]
fn a_page_goes_where_the_server_said_and_nowhere_else() {
    let next = format!("{BASE}/Sessions?PageSize=50&Page=1&PageToken=PT%2Bx%20y");
    let said = say(&ListSessions::page(service(), &next).page_size(3));
    assert_eq!(said.uri, next, "followed as it is");
    assert_eq!(said.facts.key().scope, Some(Sid::from(service())), "counted like any page");
    for elsewhere in [
        "https://evil.example/v1/Services",
        "http://proxy.twilio.com/v1/Services",
        "https://proxy.twilio.com:8443/v1/Services",
        "https://user@proxy.twilio.com/v1/Services",
        "/v1/Services",
        "",
    ] {
        let refused = try_say(BASE, &ListSessions::page(service(), elsewhere));
        let error = refused.err().expect(elsewhere);
        assert_eq!(error.parameter(), "page URL", "{elsewhere}");
    }
}

#[test]
fn update_with_everything_and_with_nothing() {
    let update = UpdateSession::new(service(), session());
    assert_eq!(say(&update.clone()).body, "");
    let said = say(&update
        .status(SessionStatus::Closed)
        .fail_on_participant_conflict(true)
        .ttl(Duration::from_secs(2_147_483_646))
        .date_expiry("1999-12-31T23:59:59.999999999Z".parse().expect("a timestamp")));
    assert_eq!(said.method, Method::POST);
    assert_eq!(said.uri, format!("{BASE}/Sessions/{SESSION}"));
    assert_eq!(
        said.body,
        "DateExpiry=1999-12-31T23%3A59%3A59Z&Ttl=2147483646&Status=closed\
         &FailOnParticipantConflict=true"
    );
    assert_eq!(said.facts.operation(), "sessions.update");
    assert_eq!(said.facts.idempotency(), Idempotency::Idempotent);
}

#[test]
fn delete() {
    let said = say(&DeleteSession::new(service(), session()));
    assert_eq!(said.method, Method::DELETE);
    assert_eq!(said.uri, format!("{BASE}/Sessions/{SESSION}"));
    assert_eq!(said.body, "");
    assert_eq!(said.facts.content_type(), None);
    assert_eq!(said.facts.idempotency(), Idempotency::Idempotent);
}

#[test]
fn a_delete_that_finds_nothing_succeeds_only_after_one_that_may_have_acted() {
    let accepts = DeleteSession::accepts;
    assert!(accepts(StatusCode::NO_CONTENT, false));
    assert!(!accepts(StatusCode::NOT_FOUND, false));
    assert!(accepts(StatusCode::NOT_FOUND, true));
    assert!(!accepts(StatusCode::GONE, true) && !accepts(StatusCode::BAD_GATEWAY, true));
    assert!(!FetchSession::accepts(StatusCode::NOT_FOUND, true));
}

#[test]
fn the_path_of_the_base_url_stays_in_front() {
    let said = try_say("http://127.0.0.1:4010/mock/", &ListSessions::new(service()));
    let uri = said.expect("valid").uri;
    assert_eq!(uri, format!("http://127.0.0.1:4010/mock/v1/Services/{SERVICE}/Sessions"));
}

#[test]
fn every_operation_is_recognised_on_the_way_back() {
    fn recognised<O: Operation>(operation: &O) -> Option<&'static str> {
        let said = say(operation);
        let path = said.uri.strip_prefix("https://proxy.twilio.com").expect("the base");
        let route = Route::recognise(&said.method, path);
        assert_eq!(route.service(), Some(service()));
        assert_eq!(route.meta().map(|meta| meta.template), Some(said.facts.template()));
        route.meta().map(|meta| meta.name).filter(|name| *name == said.facts.operation())
    }
    assert_eq!(recognised(&CreateSession::new(service())), Some("sessions.create"));
    assert_eq!(recognised(&ListSessions::new(service()).page_size(5)), Some("sessions.list"));
    assert_eq!(recognised(&FetchSession::by_name(service(), "a/b")), Some("sessions.fetch"));
    assert_eq!(recognised(&UpdateSession::new(service(), session())), Some("sessions.update"));
    assert_eq!(recognised(&DeleteSession::new(service(), session())), Some("sessions.delete"));
}
