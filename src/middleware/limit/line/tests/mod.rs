use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Dismissal, Guest, Line, Place, Refused, Woken};
use crate::call::Priority;

mod model;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

fn poll(place: &mut Place) -> bool {
    place.poll_slot(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A newcomer without a deadline who may find so many in the line.
fn enter(line: &Arc<Line>, places: usize) -> Option<Place> {
    let now = Instant::now();
    let guest =
        Guest { priority: Priority::Normal, deadline: None, headroom: Duration::ZERO, places, now };
    let joined = line.join(&guest, |_, _| None, &mut Woken::default());
    joined.ok().map(|joined| joined.place)
}

#[test]
fn a_newcomer_does_not_take_the_slot_that_was_given_to_one_who_waits() {
    let line = Arc::new(Line::new(1));
    let first = enter(&line, 9).expect("a slot");
    let mut second = enter(&line, 9).expect("a place");
    drop(first);
    // The second has not been polled since; the slot is its own all the same.
    let mut third = enter(&line, 9).expect("a place");
    assert!(!poll(&mut third));
    assert!(poll(&mut second));
    assert_eq!((line.taken(), line.waiting()), (1, 1));
}

#[test]
fn a_slot_given_to_one_who_never_looks_again_goes_on_to_the_next() {
    let line = Arc::new(Line::new(1));
    let first = enter(&line, 9).expect("a slot");
    let second = enter(&line, 9).expect("a place");
    let mut third = enter(&line, 9).expect("a place");
    drop(first);
    drop(second);
    assert!(poll(&mut third));
    drop(third);
    assert_eq!(line.len(), 0);
}

#[test]
fn the_line_has_an_end_and_a_free_slot_needs_no_place_in_it() {
    let line = Arc::new(Line::new(1));
    let slot = enter(&line, 0).expect("a free slot needs no place");
    assert!(enter(&line, 0).is_none());
    let _place = enter(&line, 1).expect("a place");
    assert!(enter(&line, 1).is_none());
    drop(slot);
    assert!(enter(&line, 1).is_some(), "the one who waited has the slot, so a place is free");
}

#[test]
fn who_is_sent_away_leaves_no_trace_whether_or_not_it_asks() {
    let line = Arc::new(Line::new(1));
    let now = Instant::now();
    let guest = |priority, places| Guest {
        priority,
        deadline: None,
        headroom: Duration::ZERO,
        places,
        now,
    };
    let pace = |departures: usize, slots: usize| {
        Some(Duration::from_secs(1) * (departures / slots) as u32)
    };
    let join = |guest| line.join(&guest, pace, &mut Woken::default()).map(|joined| joined.place);
    let _slot = line.take().expect("a slot");
    let [mut asks, silent] =
        [(); 2].map(|()| join(guest(Priority::Low, 1 + line.waiting())).expect("a place"));
    drop(silent);
    let silent = join(guest(Priority::Low, 2)).expect("a place");
    let _first = join(guest(Priority::Normal, 2)).expect("the youngest's place");
    let _second = join(guest(Priority::Normal, 2)).expect("the other's place");
    // Two wait and one place is this one's: two have to go before it may come again.
    let displaced = Dismissal::Displaced(Some(Duration::from_secs(2)));
    assert_eq!(
        asks.poll_slot(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Err(displaced))
    );
    assert_eq!((line.taken(), line.waiting()), (1, 2));
    drop((asks, silent));
    assert_eq!((line.taken(), line.waiting(), line.refusals().shed), (1, 2, 2));
    assert_eq!(
        join(guest(Priority::Normal, 2)).err(),
        Some(Refused::Full(Some(Duration::from_secs(1))))
    );
}

#[test]
fn a_waker_may_drop_a_place_of_the_same_line() {
    // A waker runs anybody's code: woken or dropped under the lock, this would never return.
    struct Keeper(std::sync::Mutex<Option<Place>>);
    impl Wake for Keeper {
        fn wake(self: Arc<Self>) {
            self.0.lock().expect("unpoisoned").take();
        }
    }
    let keeper = |place| Waker::from(Arc::new(Keeper(std::sync::Mutex::new(Some(place)))));
    let line = Arc::new(Line::new(1));
    let first = enter(&line, 9).expect("a slot");
    let mut second = enter(&line, 9).expect("a place");
    let mut third = enter(&line, 9).expect("a place");

    let fourth = enter(&line, 9).expect("a place");
    let _ = second.poll_slot(&mut Context::from_waker(&keeper(fourth)));
    // Replaces the waker, whose drop drops the fourth place.
    let fifth = enter(&line, 9).expect("a place");
    let _ = second.poll_slot(&mut Context::from_waker(&keeper(fifth)));
    assert_eq!(line.waiting(), 3);
    let sixth = enter(&line, 9).expect("a place");
    let _ = third.poll_slot(&mut Context::from_waker(&keeper(sixth)));
    // Wakes the second, which drops the fifth; then takes the third out, and with it the sixth.
    drop(first);
    drop(third);
    assert_eq!((line.taken(), line.waiting()), (1, 0));
}

#[test]
fn many_threads_never_hold_more_slots_than_there_are() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build();
    runtime.expect("a runtime").block_on(async {
        let line = Arc::new(Line::new(3));
        let inside = Arc::new(AtomicUsize::new(0));
        let calls = (0..400).map(|number: usize| {
            let (line, inside) = (Arc::clone(&line), Arc::clone(&inside));
            tokio::spawn(async move {
                let mut place = enter(&line, usize::MAX).expect("a place");
                let mut polls = 0;
                let stays = std::future::poll_fn(|cx| {
                    polls += 1;
                    // Every third gives up when it is woken, perhaps just as it gets a slot.
                    if number.is_multiple_of(3) && polls > 1 {
                        return Poll::Ready(false);
                    }
                    place.poll_slot(cx).map(|called| called.is_ok())
                });
                if stays.await {
                    assert!(inside.fetch_add(1, SeqCst) < 3);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, SeqCst);
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("no call panics");
        }
        assert_eq!(line.len(), 0);
    });
}
