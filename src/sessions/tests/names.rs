//! Whatever a name holds, it arrives as it was and stays in its place.

use proptest::prelude::*;

use super::{say, service};
use crate::sessions::{CreateSession, FetchSession, Participant};

/// Undoes the escapes the plain way, without the code under test.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Any text at all, and more often than chance would have it one made of what URLs mean something by.
fn names() -> impl Strategy<Value = String> {
    let any = proptest::collection::vec(any::<char>(), 1..=191);
    let nasty = proptest::collection::vec(
        proptest::sample::select("/?#.%&=+;:@\\ \0\r\n~*2eEfF☎".chars().collect::<Vec<_>>()),
        1..=191,
    );
    prop_oneof![any, nasty]
        .prop_map(|chars| chars.into_iter().collect::<String>())
        .prop_filter("refused", |name| !matches!(&**name, "." | ".."))
}

proptest! {
    #[test]
    fn a_name_in_a_path_is_one_segment_and_comes_back_whole(name in names()) {
        let uri = say(&FetchSession::by_name(service(), &*name)).uri;
        prop_assert!(uri.is_ascii() && !uri.contains(['?', '#', '+', ' ']), "{}", uri);
        let segments: Vec<&str> = uri.split('/').collect();
        // "https:", "", host, "v1", "Services", SID, "Sessions", name
        prop_assert_eq!(segments.len(), 8);
        prop_assert!(!matches!(segments[7], "" | "." | ".."));
        prop_assert_eq!(unescaped(segments[7]), name);
    }

    #[test]
    fn a_name_in_a_form_is_one_value_and_comes_back_whole(name in names()) {
        let body = say(&CreateSession::new(service()).unique_name(&*name)).body;
        prop_assert!(body.is_ascii() && !body.contains(['&', '+', ' ']), "{}", body);
        let (key, value) = body.split_once('=').expect("a pair");
        prop_assert_eq!(key, "UniqueName");
        prop_assert_eq!(unescaped(value), name);
    }

    #[test]
    fn a_participant_comes_back_whole(identifier in names(), name in names()) {
        let participant = Participant::new(identifier).friendly_name(name);
        let create = CreateSession::new(service()).participant(participant.clone());
        let body = say(&create).body;
        let (key, value) = body.split_once('=').expect("a pair");
        prop_assert_eq!(key, "Participants");
        let back: Participant = serde_json::from_str(&unescaped(value)).expect("JSON");
        prop_assert_eq!(back, participant);
    }
}
