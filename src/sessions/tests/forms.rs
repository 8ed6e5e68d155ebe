//! A form that is read is the mirror of one that is written.

use std::time::Duration;

use jiff::Timestamp;
use proptest::option::of;
use proptest::prelude::*;

use super::{say, service, session, try_say};
use crate::call::PhoneNumberSid;
use crate::sessions::{CreateSession, Participant, UpdateSession, pairs};
use crate::wire::Endpoint;

fn any_participant() -> impl Strategy<Value = Participant> {
    let sid = of("PN[0-9a-fA-F]{32}");
    (".{1,191}", of(".{0,255}"), of(".{0,255}"), sid).prop_map(|(identifier, name, number, sid)| {
        Participant {
            identifier,
            friendly_name: name,
            proxy_identifier: number,
            proxy_identifier_sid: sid.map(|sid| PhoneNumberSid::new(&sid).expect("a SID")),
        }
    })
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    // From the year 0 to the end of 9999, in whole seconds: what the wire has.
    (-62_167_219_200_i64..253_402_207_200)
        .prop_map(|second| Timestamp::from_second(second).expect("a timestamp"))
}

fn any_create() -> impl Strategy<Value = CreateSession> {
    let seconds = of((1_u64..2_147_483_647).prop_map(Duration::from_secs));
    let word = || of("voice-only|message-only|open|closed|.{1,9}");
    let participants = prop::collection::vec(any_participant(), 0..=2);
    (of(".{1,191}"), of(any_time()), seconds, word(), word(), participants, of(any::<bool>()))
        .prop_map(|(unique_name, date_expiry, ttl, mode, status, participants, fail)| {
            CreateSession {
                unique_name,
                date_expiry,
                ttl,
                mode: mode.map(|mode| mode.as_str().into()),
                status: status.map(|status| status.as_str().into()),
                participants,
                fail_on_participant_conflict: fail,
                ..CreateSession::new(service())
            }
        })
}

proptest! {
    #[test]
    fn what_was_written_is_read_as_it_was_meant(create in any_create()) {
        let said = say(&create);
        let (read, rest) = CreateSession::from_form(service(), pairs(&said.body).expect("UTF-8"));
        prop_assert_eq!(&rest, &vec![]);
        prop_assert_eq!(read, create.clone());

        let update = UpdateSession {
            date_expiry: create.date_expiry,
            ttl: create.ttl,
            status: create.status,
            fail_on_participant_conflict: create.fail_on_participant_conflict,
            ..UpdateSession::new(service(), session())
        };
        let said = pairs(&say(&update).body).expect("UTF-8");
        let (read, rest) = UpdateSession::from_form(service(), session(), said);
        prop_assert_eq!(&rest, &vec![]);
        prop_assert_eq!(read, update);
    }

    /// Whatever is in a form, what is taken of it can be said.
    #[test]
    fn whatever_is_taken_can_be_said(said in prop::collection::vec((
        "UniqueName|DateExpiry|Ttl|Mode|Status|Participants|FailOnParticipantConflict|x",
        ".{0,260}|[-+0-9]{1,12}|[0-9]{4}-0[0-9]-0[0-9]T00:00:0[0-9](\\.[0-9])?(Z|\\+0[0-9]:00)|true|\\{\"Identifier\":\".{0,200}\"\\}",
    ), 0..9)) {
        let (create, rest) = CreateSession::from_form(service(), said.clone());
        prop_assert!(try_say(Endpoint::TWILIO, &create).is_ok(), "{:?}", create);
        prop_assert!(rest.iter().all(|pair| said.contains(pair)));
        let (update, _) = UpdateSession::from_form(service(), session(), said);
        prop_assert!(try_say(Endpoint::TWILIO, &update).is_ok(), "{:?}", update);
    }
}

#[test]
fn a_form_is_taken_apart_as_browsers_do() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        pairs("a=1&&b&=c&d=x=y&e+e=%2B+%20&a=2"),
        Some(vec![
            pair("a", "1"),
            pair("b", ""),
            pair("", "c"),
            pair("d", "x=y"),
            pair("e e", "+  "),
            pair("a", "2"),
        ])
    );
    assert_eq!(pairs(""), Some(vec![]));
    // Where something would be lost, nothing is taken.
    assert_eq!(pairs("a=1&b=%FF"), None);
    // A lone percent sign is itself.
    assert_eq!(pairs("a=100%&b=%4"), Some(vec![pair("a", "100%"), pair("b", "%4")]));
}

#[test]
fn what_has_no_exact_place_stays_as_it_is() {
    let read = |form: &str| CreateSession::from_form(service(), pairs(form).expect("UTF-8"));
    for (form, left) in [
        ("UniqueName=", 1),
        ("UniqueName=a&UniqueName=a", 2),
        ("Ttl=007", 1),
        ("Ttl=%2B7", 1),
        ("Ttl=0", 1),
        ("Ttl=2147483647", 1),
        ("Mode=", 1),
        ("DateExpiry=2030-01-01T00:00:00.5Z", 1),
        ("DateExpiry=2030-01-01", 1),
        ("FailOnParticipantConflict=True", 1),
        ("Colour=blue&colour=red", 2),
        ("uniquename=a", 1),
    ] {
        let (create, rest) = read(form);
        assert_eq!((create, rest.len()), (CreateSession::new(service()), left), "{form}");
    }
    // Participants keep their order: behind one that stays, all do.
    let (create, rest) = read(
        "Participants={\"Identifier\":\"1\"}&Participants={}&Participants={\"Identifier\":\"2\"}",
    );
    assert_eq!((create.participants.len(), rest.len()), (1, 2));
    // Of a parameter that is said twice nobody knows which is meant, in an update as little.
    let update =
        |form: &str| UpdateSession::from_form(service(), session(), pairs(form).expect("UTF-8"));
    let (changed, rest) = update("Ttl=1&Status=closed&Ttl=1");
    assert_eq!((changed.ttl, changed.status.is_some(), rest.len()), (None, true, 2));
    let three = "Participants={\"Identifier\":\"1\"}&".repeat(3);
    assert_eq!(read(&three).1.len(), 1);
}
