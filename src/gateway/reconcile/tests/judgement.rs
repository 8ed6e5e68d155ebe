//! The judgement as a table, and what holds of it whatever is asked for and found.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tokio_util::task::TaskTracker;

use super::super::judgement::*;
use super::super::{Clue, Findable, Manner};
use super::service;
use crate::sessions::{
    CreateSession, Participant, Session, SessionKey, SessionMode, SessionParticipant,
    SessionStatus, UpdateSession,
};

static PLAIN: LazyLock<Manner> = LazyLock::new(|| Manner {
    compare_participants: false,
    names: None,
    under_way: TaskTracker::new(),
});

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_323_045 + second).unwrap()
}

/// A call that began at 0 and was refused at 10, both of them with the skew taken off and put on.
fn window() -> Option<Window> {
    Some(Window { from: at(0), to: at(10) })
}

fn create() -> CreateSession {
    CreateSession::new(service()).unique_name("order-1")
}

fn clue(create: &CreateSession) -> Clue {
    create.clue(&PLAIN).unwrap()
}

/// What `create` makes at this second.
fn made(create: &CreateSession, second: i64) -> Session {
    Session {
        unique_name: create.unique_name.clone(),
        date_created: Some(at(second)),
        date_expiry: create.date_expiry,
        ttl: Some(create.ttl.unwrap_or_default()),
        mode: Some(create.mode.clone().unwrap_or(SessionMode::VoiceAndMessage)),
        status: Some(SessionStatus::Open),
        ..Session::default()
    }
}

#[test]
fn a_session_from_within_the_call_is_ours_and_an_older_one_is_anothers() {
    let judge = |second| judge(&clue(&create()), &made(&create(), second), window());
    assert_eq!(judge(-1), Verdict::Anothers);
    assert_eq!(judge(0), Verdict::Ours);
    assert_eq!(judge(10), Verdict::Ours);
    assert_eq!(judge(11), Verdict::Unclear(TOO_LATE));
}

#[test]
fn without_both_dates_nothing_can_be_told() {
    let unclear = Verdict::Unclear(NO_DATE);
    let older = made(&create(), -1);
    assert_eq!(judge(&clue(&create()), &older, None), unclear);
    let dateless = Session { date_created: None, ..older };
    assert_eq!(judge(&clue(&create()), &dateless, window()), unclear);
    let other_mode = Session { mode: Some(SessionMode::VoiceOnly), ..dateless };
    let asked = create().mode(SessionMode::MessageOnly);
    assert_eq!(judge(&clue(&asked), &other_mode, window()), unclear);
}

#[test]
fn another_mode_is_anothers_and_an_unknown_one_is_not_ours() {
    let asked = create().mode(SessionMode::MessageOnly);
    let judge =
        |mode, second| judge(&clue(&asked), &Session { mode, ..made(&asked, second) }, window());
    assert_eq!(judge(Some(SessionMode::MessageOnly), 5), Verdict::Ours);
    assert_eq!(judge(Some(SessionMode::VoiceOnly), 5), Verdict::Anothers);
    assert_eq!(judge(None, 5), Verdict::Unclear(CHANGED));
    // It is not the one that the refusal spoke of.
    assert_eq!(judge(Some(SessionMode::VoiceOnly), 11), Verdict::Unclear(TOO_LATE));
}

/// The name is a SID to whoever fetches by it: the session of that SID is found, and its age says
/// nothing about who has the name.
#[test]
fn a_session_of_another_name_says_nothing() {
    let judge = |name: Option<&str>| {
        let found = Session { unique_name: name.map(str::to_owned), ..made(&create(), -100) };
        judge(&clue(&create()), &found, window())
    };
    assert_eq!(judge(Some("order-2")), Verdict::Unclear(NAME_DIFFERS));
    assert_eq!(judge(Some("Order-1")), Verdict::Unclear(NAME_DIFFERS));
    assert_eq!(judge(Some("order-1")), Verdict::Anothers);
    // Twilio promises no field: it was found by the name.
    assert_eq!(judge(None), Verdict::Anothers);
}

/// A name of just the form of a SID led to a session that had no name at all, and was old: the create
/// was told that the name was another's, effect none, with its own session made.
#[test]
fn a_nameless_session_that_a_name_in_the_form_of_a_sid_leads_to_says_nothing() {
    let asked = CreateSession::new(service()).unique_name("KC00000000000000000000000000000001");
    let judge = |name: Option<&str>, second| {
        let found = Session { unique_name: name.map(str::to_owned), ..made(&asked, second) };
        judge(&clue(&asked), &found, window())
    };
    for second in [-100, 5] {
        assert_eq!(judge(None, second), Verdict::Unclear(NAME_DIFFERS));
    }
    assert_eq!(judge(asked.unique_name.as_deref(), 5), Verdict::Ours);
}

#[test]
fn what_may_have_been_changed_since_proves_nothing() {
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    let expiry = at(1000);
    let asked = create().ttl(minute).date_expiry(expiry);
    let judge = |ttl, date_expiry| {
        judge(&clue(&asked), &Session { ttl, date_expiry, ..made(&asked, 5) }, window())
    };
    assert_eq!(judge(Some(minute), Some(expiry)), Verdict::Ours);
    // The wire has whole seconds.
    let same = expiry + SignedDuration::from_millis(999);
    assert_eq!(judge(Some(minute), Some(same)), Verdict::Ours);
    for (ttl, date) in [
        (Some(hour), Some(expiry)),
        (None, Some(expiry)),
        (Some(minute), Some(at(1001))),
        (Some(minute), None),
    ] {
        assert_eq!(judge(ttl, date), Verdict::Unclear(CHANGED));
    }
}

#[test]
fn an_update_has_succeeded_where_the_session_is_as_asked_whenever_it_was_made() {
    let update =
        UpdateSession::new(service(), "KC00000000000000000000000000000001".parse().unwrap());
    let clue = update.status(SessionStatus::Closed).clue(&PLAIN).unwrap();
    let found = |status| Session { status: Some(status), ..made(&create(), -1000) };
    assert_eq!(judge(&clue, &found(SessionStatus::Closed), None), Verdict::Ours);
    let open = judge(&clue, &found(SessionStatus::Open), window());
    assert_eq!(open, Verdict::Unclear(CHANGED));
}

/// A participant as the API answers it.
fn found(identifier: &str) -> SessionParticipant {
    SessionParticipant {
        identifier: Some(identifier.to_owned()),
        proxy_identifier: Some("+15550000000".to_owned()),
        proxy_identifier_sid: Some(number(1)),
        friendly_name: Some("Ann".to_owned()),
        ..SessionParticipant::default()
    }
}

fn number(number: u32) -> crate::call::PhoneNumberSid {
    format!("PN{number:032x}").parse().unwrap()
}

#[test]
fn an_address_is_the_same_in_another_writing_and_no_country_is_guessed() {
    for (asked, answered, same) in [
        ("+14155550100", "+14155550100", true),
        ("+1 (415) 555-0100", "+14155550100", true),
        ("1.415.555.0100", "+14155550100", true),
        ("whatsapp:+1 415 555 0100", "whatsapp:+14155550100", true),
        ("client:ann", "client:ann", true),
        ("55555", "55555", true),
        // Perhaps the same, perhaps not.
        ("(415) 555-0100", "+14155550100", false),
        ("0171 1234567", "+491711234567", false),
        ("0014155550100", "+14155550100", false),
        ("client:ann", "client:Ann", false),
        // Plainly not.
        ("+14155550100", "+14155550101", false),
        ("+14155550100", "whatsapp:+14155550100", false),
        ("messenger:14155550100", "whatsapp:14155550100", false),
        ("+1415555010a", "+1415555010b", false),
        ("+", "-", false),
    ] {
        for (asked, answered) in [(asked, answered), (answered, asked)] {
            let is = same_participants(&[Participant::new(asked)], &[found(answered)]);
            assert_eq!(is, same, "{asked} and {answered}");
        }
    }
}

#[test]
fn what_was_asked_for_is_compared_and_nothing_else() {
    let ann = || Participant::new("+1");
    let same = |asked: Participant| same_participants(&[asked], &[found("+1")]);
    assert!(same(ann()));
    assert!(same(ann().friendly_name("Ann")));
    assert!(!same(ann().friendly_name("Bob")));
    assert!(same(ann().proxy_identifier("+1 555 000 0000")));
    assert!(!same(ann().proxy_identifier("+15550000001")));
    assert!(same(ann().proxy_identifier_sid(number(1))));
    assert!(!same(ann().proxy_identifier_sid(number(2))));
    let silent = SessionParticipant { identifier: Some("+1".into()), ..Default::default() };
    assert!(same_participants(&[ann()], std::slice::from_ref(&silent)));
    for asked in [ann().friendly_name("Ann"), ann().proxy_identifier_sid(number(1))] {
        assert!(!same_participants(&[asked], std::slice::from_ref(&silent)));
    }
    assert!(!same_participants(&[ann()], &[SessionParticipant::default()]));
}

#[test]
fn each_must_be_among_the_others() {
    let (ann, bob) = (|| Participant::new("+1"), || Participant::new("+2"));
    assert!(same_participants(&[ann(), bob()], &[found("+2"), found("+1")]));
    assert!(!same_participants(&[ann(), bob()], &[found("+1")]));
    assert!(!same_participants(&[ann()], &[found("+1"), found("+2")]));
    assert!(!same_participants(&[ann(), bob()], &[found("+1"), found("+1")]));
    assert!(!same_participants(&[ann(), ann()], &[found("+1"), found("+2")]));
    assert!(!same_participants(&[ann()], &[found("+1"), found("+1")]));
    assert!(!same_participants(&[ann()], &[]));
}

/// Removed is not away: Twilio keeps him in the session, so it was made with him.
#[test]
fn who_was_removed_since_counts() {
    let removed = SessionParticipant { date_deleted: Some(at(5)), ..found("+1") };
    assert!(same_participants(&[Participant::new("+1")], std::slice::from_ref(&removed)));
    assert!(!same_participants(&[Participant::new("+2")], &[removed, found("+2")]));
}

fn modes() -> impl Strategy<Value = Option<SessionMode>> {
    use SessionMode::{MessageOnly, VoiceAndMessage, VoiceOnly};
    prop::sample::select(vec![None, Some(MessageOnly), Some(VoiceOnly), Some(VoiceAndMessage)])
}

fn seconds(range: std::ops::Range<i64>) -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of(range.prop_map(at))
}

prop_compose! {
    fn asked()(mode in modes(), ttl in prop::option::of(1..4_u64), expiry in seconds(100..103))
        -> CreateSession
    {
        let mut asked = create();
        asked.mode = mode;
        asked.ttl = ttl.map(Duration::from_secs);
        asked.date_expiry = expiry;
        asked
    }
}

prop_compose! {
    fn any_session()(
        name in prop::sample::select(vec![None, Some("order-1"), Some("order-1"), Some("x")]),
        created in seconds(-3..14),
        mode in modes(),
        ttl in prop::option::of(0..4_u64),
        date_expiry in seconds(100..103),
    ) -> Session {
        Session {
            unique_name: name.map(str::to_owned),
            date_created: created,
            mode,
            ttl: ttl.map(Duration::from_secs),
            date_expiry,
            ..Session::default()
        }
    }
}

proptest! {
    /// What is claimed is so: *ours* has all that was asked for, and *another's* can't be ours
    /// whatever was done to it since.
    #[test]
    fn no_claim_is_made_that_the_session_does_not_bear_out(
        asked in asked(), found in any_session(), is_dated in any::<bool>(),
    ) {
        let clue = clue(&asked);
        let window = window().filter(|_| is_dated);
        let since = found.date_created.zip(window).map(|(created, window)| {
            (created >= window.from, created <= window.to)
        });
        let has_name = found.unique_name.is_none() || found.unique_name == asked.unique_name;
        match judge(&clue, &found, window) {
            Verdict::Ours => {
                prop_assert_eq!(since, Some((true, true)));
                prop_assert!(has_name);
                prop_assert!(asked.mode.is_none() || asked.mode == found.mode);
                prop_assert!(asked.ttl.is_none() || asked.ttl == found.ttl);
                prop_assert!(asked.date_expiry.is_none() || asked.date_expiry == found.date_expiry);
            }
            Verdict::Anothers => {
                prop_assert!(has_name);
                let other_mode = asked.mode.is_some() && asked.mode != found.mode;
                prop_assert!(
                    since == Some((false, true)) || (since == Some((true, true)) && other_mode)
                );
            }
            Verdict::Unclear(_) => {}
        }
    }

    /// A session that this call has made is never said to be another's, nor is it said so after any
    /// change that the API allows.
    #[test]
    fn ours_is_never_called_anothers(
        asked in asked(), second in 0..=10_i64, changed in any_session(),
        status in prop::sample::select(vec![SessionStatus::InProgress, SessionStatus::Closed]),
    ) {
        let made = made(&asked, second);
        prop_assert_eq!(judge(&clue(&asked), &made, window()), Verdict::Ours);
        let changed = Session {
            ttl: changed.ttl, date_expiry: changed.date_expiry, status: Some(status), ..made
        };
        prop_assert_ne!(judge(&clue(&asked), &changed, window()), Verdict::Anothers);
    }

    /// In whatever order and writing the server has them, with whatever it chose by itself.
    #[test]
    fn participants_are_found_again_in_any_order_and_writing(
        numbers in prop::collection::hash_set(10_000_000_u64..99_999_999, 1..=2),
        reversed in any::<bool>(),
        gap in prop::sample::select(vec!["", " ", "-", ") "]),
    ) {
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let asked: Vec<Participant> = numbers
            .iter()
            .map(|number| Participant::new(format!("+{}{gap}{}", &number[..3], &number[3..])))
            .collect();
        let mut listed: Vec<SessionParticipant> =
            numbers.iter().map(|number| found(&format!("+{number}"))).collect();
        if reversed {
            listed.reverse();
        }
        prop_assert!(same_participants(&asked, &listed));
        prop_assert!(!same_participants(&asked[1..], &listed));
        prop_assert!(!same_participants(&asked, &listed[1..]));
    }
}

/// What `clue` leaves out it can't judge: a field that is added to a create must come to mind here.
#[test]
fn every_field_of_a_create_is_judged_or_left_out_on_purpose() {
    let everything = create()
        .mode(SessionMode::VoiceOnly)
        .ttl(Duration::from_secs(1))
        .date_expiry(at(0))
        .status(SessionStatus::Closed)
        .participant(Participant::new("+1"))
        .fail_on_participant_conflict(true);
    let comparing =
        Manner { compare_participants: true, names: None, under_way: TaskTracker::new() };
    let clue = everything.clue(&comparing).unwrap();
    assert_eq!(clue.key, SessionKey::UniqueName("order-1".into()));
    assert_eq!(
        (clue.mode, clue.ttl, clue.date_expiry),
        (everything.mode.clone(), everything.ttl, everything.date_expiry)
    );
    // It may have moved on since.
    assert_eq!(clue.status, None);
    assert_eq!(clue.participants, everything.participants);
    assert!(everything.clue(&PLAIN).unwrap().participants.is_empty());
}
