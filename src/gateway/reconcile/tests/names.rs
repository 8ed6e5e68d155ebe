//! Names that are made up: each once, short enough, and never in place of a given one.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::super::names::Names;
use super::super::{Findable, Manner};
use super::service;
use crate::call::{CallOptions, Idempotency, Rng};
use crate::sessions::{CreateSession, UpdateSession};
use crate::wire::{Encoder, Endpoint, Operation};

fn manner(prefix: &str, seed: u64) -> Manner {
    let names = Some(Arc::new(Names::new(prefix, &Rng::seeded(seed))));
    Manner { compare_participants: false, names, under_way: TaskTracker::new() }
}

fn nameless() -> CreateSession {
    CreateSession::new(service())
}

#[test]
fn each_name_is_given_out_once_and_a_seed_replays_them() {
    let names = |seed| {
        let names = Names::new("shop-", &Rng::seeded(seed));
        (0..1000).map(|_| names.next()).collect::<Vec<_>>()
    };
    let (ones, twos) = (names(1), names(2));
    assert_eq!(ones, names(1));
    let all: HashSet<&String> = ones.iter().chain(&twos).collect();
    assert_eq!(all.len(), 2000);
    for name in all {
        let digits = name.strip_prefix("shop-").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{name}");
    }
}

/// However long the prefix, in characters: the API would refuse a name of 192.
#[test]
fn a_name_is_never_longer_than_the_api_takes() {
    for (prefix, length) in [("", 32), ("é", 33), (&"é".repeat(159), 191), (&"é".repeat(400), 191)]
    {
        let mut create = nameless();
        assert!(create.name(&manner(prefix, 1)));
        assert_eq!(create.unique_name.as_deref().unwrap().chars().count(), length);
        let endpoint = Endpoint::new(Endpoint::TWILIO).unwrap();
        let mut encoder = Encoder::new(&endpoint, CreateSession::META);
        create.encode(&mut encoder).unwrap();
        let request = encoder.finish(None).unwrap();
        let facts = crate::call::CallFacts::of(request.extensions()).unwrap();
        assert_eq!(facts.idempotency(), Idempotency::Keyed);
    }
}

#[test]
fn whatever_is_wrapped_around_a_create_it_gets_its_name() {
    let manner = manner("shop-", 1);
    let options = || CallOptions::new().max_attempts(2);
    let mut create = nameless().with(options()).detailed().with(options());
    assert!(create.name(&manner));
    let inner = create.operation().operation().operation();
    assert!(inner.unique_name.as_deref().is_some_and(|name| name.starts_with("shop-")));
    // The clue is what was made up.
    let clue = create.clue(&manner).unwrap();
    assert_eq!(Some(clue.key.as_str()), inner.unique_name.as_deref());
}

#[test]
fn a_given_name_stays() {
    let manner = manner("shop-", 1);
    // The empty one is a mistake of the caller's, which he is to be told.
    for given in ["order-1", ""] {
        let mut create = nameless().unique_name(given).detailed();
        assert!(!create.name(&manner));
        assert_eq!(create.operation().unique_name.as_deref(), Some(given));
    }
    let mut by_form = nameless().with(CallOptions::new().form("UniqueName", "order-1"));
    assert!(!by_form.name(&manner));
    assert_eq!(by_form.operation().unique_name, None);
    let mut around = nameless().detailed().with(CallOptions::new().form("Other", "order-1"));
    assert!(around.name(&manner));
}

/// Which of two the server took is not known. A session of the one was once said to be another's, effect
/// none, for it was not of the other.
#[test]
fn what_the_form_says_as_well_is_not_gone_by() {
    let create = || CreateSession::new(service()).unique_name("order-1").mode("voice-only");
    let said = |key, value| create().with(CallOptions::new().form(key, value)).detailed();
    assert!(said("UniqueName", "order-2").clue(&manner("", 1)).is_none());
    assert_eq!(said("Mode", "message-only").clue(&manner("", 1)).unwrap().mode, None);
    assert_eq!(said("Other", "x").clue(&manner("", 1)).unwrap().mode, create().mode);
}

#[test]
fn nothing_is_named_that_is_no_create_or_where_nobody_asks() {
    let session = "KC00000000000000000000000000000001".parse().unwrap();
    assert!(!UpdateSession::new(service(), session).name(&manner("shop-", 1)));
    let mut create = nameless();
    assert!(!create.name(&Manner {
        compare_participants: true,
        names: None,
        under_way: TaskTracker::new()
    }));
    assert_eq!(create.unique_name, None);
}
