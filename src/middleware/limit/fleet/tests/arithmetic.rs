//! The store's arithmetic, and the words on the wire.

use std::borrow::Cow;

use proptest::prelude::*;

use super::super::name::name;
use super::super::{Answer, Ask, Page};
use crate::call::CallKey;
use crate::middleware::limit::rate::Key;

fn ask(cells: u32) -> Ask {
    Ask {
        key: "key".into(),
        interval: 33_334,
        tolerance: 93_336,
        horizon: 4_000_000,
        cells,
        floor: 0,
        debt: 0,
        hold: 0,
    }
}

const NOW: u64 = 1_800_000_000_000_000;

#[test]
fn a_key_that_is_not_known_begins_without_a_burst() {
    let (answer, page) = ask(1).answer(None, NOW);
    // One at once, for its beginning is the tolerance before its moment.
    assert_eq!((answer.first - 93_336, answer.cells), (NOW, 1));
    let (next, _) = ask(1).answer(Some(page), NOW);
    assert_eq!(next.first - answer.first, 33_334);
}

#[test]
fn a_key_that_rested_has_its_burst() {
    let page = Page { booked: NOW - 1, ..Page::default() };
    let (answer, _) = ask(5).answer(Some(page), NOW);
    assert_eq!((answer.first, answer.cells), (NOW, 5));
    let at_once = (0..5).filter(|cell| answer.first + cell * 33_334 - 93_336 <= NOW);
    assert_eq!(at_once.count(), 3);
}

#[test]
fn who_comes_back_from_an_outage_finds_nothing_until_all_are_back() {
    let back = Ask { debt: 1_250_000, ..ask(5) };
    let (answer, page) = back.answer(None, NOW);
    assert_eq!(answer.settled, NOW + 1_250_000);
    assert_eq!(answer.first - 93_336, answer.settled);
    // The next to come back does not put it off once more.
    let (next, _) = back.answer(Some(page), NOW + 400_000);
    assert_eq!((next.settled, next.first), (answer.settled, answer.first + 5 * 33_334));
    // And who comes back to a fleet that went on without it changes nothing.
    let busy = Page { booked: NOW + 100_000, ..Page::default() };
    let (answer, _) = back.answer(Some(busy), NOW);
    assert_eq!((answer.settled, answer.first), (0, NOW + 100_000));
}

#[test]
fn a_clock_that_was_set_back_stops_nobody() {
    let page = Page { booked: NOW + 3_600_000_000, ..Page::default() };
    let (answer, _) = Ask { floor: NOW + 3_600_000_000, ..ask(1) }.answer(Some(page), NOW);
    assert_eq!((answer.cells, answer.first), (1, NOW + 93_336));
}

#[test]
fn the_server_s_wish_to_be_left_alone_is_the_fleet_s() {
    let told = Ask { hold: 30_000_000, ..ask(0) };
    let (_, page) = told.answer(None, NOW);
    let (answer, _) = ask(1).answer(Some(page), NOW);
    assert_eq!(answer.cells, 0);
    // Within the horizon of the first cell, which comes when the wish is over.
    assert_eq!(answer.turn, NOW + 26_000_000);
}

#[test]
fn names_hold_no_secret_and_stay_in_one_slot() {
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().ok();
    let call = CallKey { account, operation: "create_session", scope: None };
    assert_eq!(
        &*name("shop", &Key::Call(call)),
        "{shop:ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:create_session:-}"
    );
    let route = Key::Route(http::Method::GET, "user:secret@api.test:8080".parse().ok());
    assert_eq!(&*name("shop", &route), "{shop:GET:api.test:8080}");
    let named = name("shop", &Key::Named(Cow::Borrowed("+15551234567")));
    assert!(!named.contains("555") || named.len() == 2 + 5 + 32, "{named}");
    assert_eq!(named.len(), "{shop:}".len() + 32);
}

proptest! {
    /// Whoever asks, in whatever order: no two cells are closer than the interval, none is further away
    /// than the horizon, and none is given twice.
    #[test]
    fn cells_are_given_once_and_evenly(
        asks in proptest::collection::vec((0_u32..40, 0_u64..2_000_000, any::<bool>()), 1..60),
    ) {
        let (mut page, mut now) = (None, NOW);
        let mut last: Option<u64> = None;
        for (cells, later, remembers) in asks {
            now += later;
            let floor = page.filter(|_| remembers).map_or(0, |page: Page| page.booked);
            let wanted = Ask { floor, ..ask(cells) };
            let (Answer { first, cells: given, turn, .. }, next) = wanted.answer(page, now);
            page = Some(next);
            prop_assert!(given <= cells);
            if cells > 0 && given == 0 {
                prop_assert!(turn > now, "come back later");
            }
            if given > 0 {
                prop_assert!(last.is_none_or(|last| first >= last + 33_334));
                prop_assert!(first >= now);
                let end = first + u64::from(given - 1) * 33_334;
                prop_assert!(end <= now + 93_336 + 4_000_000);
                last = Some(end);
            }
        }
    }
}
