use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;

use super::{Line, Place};

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

#[test]
fn a_newcomer_does_not_take_the_slot_that_was_given_to_one_who_waits() {
    let line = Arc::new(Line::new(1));
    let first = line.enter(9).expect("a slot");
    let mut second = line.enter(9).expect("a place");
    drop(first);
    // The second has not been polled since; the slot is its own all the same.
    let mut third = line.enter(9).expect("a place");
    assert!(!poll(&mut third));
    assert!(poll(&mut second));
    assert_eq!((line.taken(), line.waiting()), (1, 1));
}

#[test]
fn a_slot_given_to_one_who_never_looks_again_goes_on_to_the_next() {
    let line = Arc::new(Line::new(1));
    let first = line.enter(9).expect("a slot");
    let second = line.enter(9).expect("a place");
    let mut third = line.enter(9).expect("a place");
    drop(first);
    drop(second);
    assert!(poll(&mut third));
    drop(third);
    assert_eq!(line.len(), 0);
}

#[test]
fn the_line_has_an_end_and_a_free_slot_needs_no_place_in_it() {
    let line = Arc::new(Line::new(1));
    let slot = line.enter(0).expect("a free slot needs no place");
    assert!(line.enter(0).is_none());
    let _place = line.enter(1).expect("a place");
    assert!(line.enter(1).is_none());
    drop(slot);
    assert!(line.enter(1).is_some(), "the one who waited has the slot, so a place is free");
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
    let first = line.enter(9).expect("a slot");
    let mut second = line.enter(9).expect("a place");
    let mut third = line.enter(9).expect("a place");

    let fourth = line.enter(9).expect("a place");
    let _ = second.poll_slot(&mut Context::from_waker(&keeper(fourth)));
    // Replaces the waker, whose drop drops the fourth place.
    let fifth = line.enter(9).expect("a place");
    let _ = second.poll_slot(&mut Context::from_waker(&keeper(fifth)));
    assert_eq!(line.waiting(), 3);
    let sixth = line.enter(9).expect("a place");
    let _ = third.poll_slot(&mut Context::from_waker(&keeper(sixth)));
    // Wakes the second, which drops the fifth; then takes the third out, and with it the sixth.
    drop(first);
    drop(third);
    assert_eq!((line.taken(), line.waiting()), (1, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Enter,
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    Slots(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Enter),
        3 => any::<prop::sample::Index>().prop_map(Step::Poll),
        2 => any::<prop::sample::Index>().prop_map(Step::Drop),
        1 => (1usize..5).prop_map(Step::Slots),
    ]
}

struct Customer {
    place: Place,
    flag: Arc<Flag>,
    polled: bool,
    served: bool,
}

proptest! {
    /// Against a model that is a list: who is served is always who came first, as many as there are
    /// slots; who is served after a poll has been woken; and nothing is left at the end.
    #[test]
    fn the_line_is_the_list_that_it_stands_for(steps in prop::collection::vec(step(), 1..120)) {
        let line = Arc::new(Line::new(2));
        let mut slots = 2;
        let mut customers: Vec<Customer> = Vec::new();
        for step in steps {
            match step {
                Step::Enter => if let Some(place) = line.enter(4) {
                    customers.push(Customer { place, flag: Arc::default(), polled: false, served: false });
                } else {
                    prop_assert_eq!(customers.iter().filter(|one| !one.served).count(), 4);
                },
                Step::Poll(index) if !customers.is_empty() => {
                    let one = index.get_mut(&mut customers);
                    one.flag.0.store(false, SeqCst);
                    one.polled = true;
                    let waker = Waker::from(Arc::clone(&one.flag));
                    let ready = one.place.poll_slot(&mut Context::from_waker(&waker));
                    prop_assert_eq!(ready == Poll::Ready(()), one.served);
                }
                Step::Drop(index) if !customers.is_empty() => {
                    let at = index.index(customers.len());
                    customers.remove(at);
                }
                Step::Slots(number) => { slots = number; line.set_slots(number) }
                Step::Poll(_) | Step::Drop(_) => {}
            }
            let mut taken = customers.iter().filter(|one| one.served).count();
            for one in customers.iter_mut().filter(|one| !one.served) {
                if taken >= slots {
                    prop_assert!(!one.flag.0.load(SeqCst), "woken for nothing");
                    continue;
                }
                taken += 1;
                one.served = true;
                prop_assert!(!one.polled || one.flag.0.load(SeqCst), "served and not woken");
            }
            prop_assert_eq!(line.taken(), taken);
            prop_assert_eq!(line.waiting(), customers.len() - taken);
        }
        customers.clear();
        prop_assert_eq!(line.len(), 0);
    }
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
                let mut place = line.enter(usize::MAX).expect("a place");
                let mut polls = 0;
                let stays = std::future::poll_fn(|cx| {
                    polls += 1;
                    // Every third gives up when it is woken, perhaps just as it gets a slot.
                    if number.is_multiple_of(3) && polls > 1 {
                        return Poll::Ready(false);
                    }
                    place.poll_slot(cx).map(|()| true)
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
