//! The line before a limit: nobody is passed over, nobody is forgotten, no slot is lost.

use std::sync::Arc;
use std::time::Duration;

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread::{self, JoinHandle};
use tokio::time::Instant;

use super::line::{Guest, Line, Place, Woken};
use crate::call::Priority;
use crate::explore::orders;

fn enter(line: &Arc<Line>) -> Place {
    let guest = Guest {
        priority: Priority::Normal,
        deadline: None,
        headroom: Duration::ZERO,
        places: usize::MAX,
        now: Instant::now(),
    };
    line.join(&guest, |_, _| None, &mut Woken::default()).unwrap().place
}

/// Waits for the slot. If nobody calls, loom finds that all threads wait.
fn wait(place: &mut Place) {
    block_on(std::future::poll_fn(|cx| place.poll_slot(cx))).unwrap();
}

fn is_empty(line: &Line) {
    assert_eq!((line.taken(), line.waiting(), line.len()), (0, 0, 0));
}

/// Who holds a slot at once.
#[derive(Default)]
struct Inside(AtomicUsize);

impl Inside {
    fn visit(&self, most: usize) {
        assert!(self.0.fetch_add(1, SeqCst) < most, "more hold a slot than there are");
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn a_slot_is_held_by_one_and_handed_on_to_everybody() {
    orders(3, || {
        let (line, inside) = (Arc::new(Line::new(1)), Arc::new(Inside::default()));
        let visit = |line: &Arc<Line>, inside: &Inside| {
            let mut place = enter(line);
            wait(&mut place);
            inside.visit(1);
        };
        let others = [(), ()].map(|()| {
            let (line, inside) = (Arc::clone(&line), Arc::clone(&inside));
            thread::spawn(move || visit(&line, &inside))
        });
        visit(&line, &inside);
        let _ = others.map(JoinHandle::join).map(Result::unwrap);
        is_empty(&line);
    });
}

#[test]
fn who_came_first_goes_first() {
    orders(3, || {
        let line = Arc::new(Line::new(1));
        let held = enter(&line);
        let served = Arc::new(AtomicUsize::new(0));
        let waiters = [0, 1].map(|number| {
            // In this order, whatever the threads do then.
            let mut place = enter(&line);
            let served = Arc::clone(&served);
            thread::spawn(move || {
                wait(&mut place);
                assert_eq!(served.fetch_add(1, SeqCst), number, "somebody was passed over");
            })
        });
        drop(held);
        let _ = waiters.map(JoinHandle::join).map(Result::unwrap);
        is_empty(&line);
    });
}

/// A slot comes back as somebody comes in: it is for the one who waits, at every moment of that.
#[test]
fn a_newcomer_overtakes_nobody() {
    orders(3, || {
        let line = Arc::new(Line::new(1));
        let held = enter(&line);
        let mut first = enter(&line);
        let back = thread::spawn(move || drop(held));
        let newcomer = {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                let place = enter(&line);
                assert!(!place.has_slot(), "the one slot is another's, now or in a moment");
            })
        };
        back.join().unwrap();
        newcomer.join().unwrap();
        wait(&mut first);
        drop(first);
        is_empty(&line);
    });
}

/// The slot comes free for one who is just leaving: the next has it, whoever of the two is quicker.
#[test]
fn a_slot_that_was_given_to_one_who_leaves_goes_on() {
    orders(3, || {
        let line = Arc::new(Line::new(1));
        let held = enter(&line);
        let leaves = enter(&line);
        let mut stays = enter(&line);
        let leaves = thread::spawn(move || drop(leaves));
        let gives_back = thread::spawn(move || drop(held));
        wait(&mut stays);
        drop(stays);
        leaves.join().unwrap();
        gives_back.join().unwrap();
        is_empty(&line);
    });
}

/// It leaves after it has been polled, with its waker in the line and perhaps just being woken.
#[test]
fn one_who_gives_up_in_the_middle_of_waiting_takes_nothing_along() {
    orders(3, || {
        let line = Arc::new(Line::new(1));
        let held = enter(&line);
        let mut hasty = enter(&line);
        let mut patient = enter(&line);
        let hasty = thread::spawn(move || {
            let once = std::future::poll_fn(|cx| std::task::Poll::Ready(hasty.poll_slot(cx)));
            let _ = block_on(once);
            drop(hasty);
        });
        let patient = thread::spawn(move || wait(&mut patient));
        drop(held);
        hasty.join().unwrap();
        patient.join().unwrap();
        is_empty(&line);
    });
}

/// Newcomers and a slot that comes back, at the same moment: nobody stands beside a free slot.
#[test]
fn nobody_waits_beside_a_free_slot() {
    orders(3, || {
        let line = Arc::new(Line::new(2));
        let [first, second] = [enter(&line), enter(&line)];
        let back = [first, second].map(|held| thread::spawn(move || drop(held)));
        let mut newcomer = enter(&line);
        wait(&mut newcomer);
        let _ = back.map(JoinHandle::join).map(Result::unwrap);
        drop(newcomer);
        is_empty(&line);
    });
}

#[test]
fn slots_that_are_added_go_to_those_who_wait() {
    orders(3, || {
        let line = Arc::new(Line::new(1));
        let held = enter(&line);
        let waiters = [(), ()].map(|()| {
            let mut place = enter(&line);
            thread::spawn(move || wait(&mut place))
        });
        // The one who holds the slot never gives it back: both go by the new ones.
        line.set_slots(2, &mut Woken::default());
        let _ = waiters.map(JoinHandle::join).map(Result::unwrap);
        assert_eq!((line.taken(), line.waiting()), (1, 0));
        drop(held);
        is_empty(&line);
    });
}

/// The limit falls while slots come back: no more hold one than the new limit says, once it is reached.
#[test]
fn slots_that_are_taken_away_come_back_to_nobody() {
    orders(3, || {
        let line = Arc::new(Line::new(2));
        let [first, second] = [enter(&line), enter(&line)];
        let mut waits = enter(&line);
        let fewer = {
            let line = Arc::clone(&line);
            thread::spawn(move || line.set_slots(1, &mut Woken::default()))
        };
        let back = thread::spawn(move || drop(first));
        fewer.join().unwrap();
        back.join().unwrap();
        let taken = line.taken();
        assert!(taken == 1 || taken == 2, "{taken}");
        drop(second);
        wait(&mut waits);
        drop(waits);
        is_empty(&line);
    });
}

/// A newcomer of higher priority sends one away just as a slot is given to it: it goes, or it hears that it may not.
#[test]
fn one_who_is_sent_away_hears_of_it_or_goes() {
    orders(3, || {
        let line = Arc::new(Line::new(1));
        let held = enter(&line);
        let mut displaced = enter(&line);
        let waits = thread::spawn(move || {
            block_on(std::future::poll_fn(|cx| displaced.poll_slot(cx))).is_ok()
        });
        let newcomer = {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                let guest = Guest {
                    priority: Priority::High,
                    deadline: None,
                    headroom: Duration::ZERO,
                    places: 1,
                    now: Instant::now(),
                };
                let mut woken = Woken::default();
                let mut place = line.join(&guest, |_, _| None, &mut woken).unwrap().place;
                drop(woken);
                wait(&mut place);
            })
        };
        drop(held);
        newcomer.join().unwrap();
        let _ = waits.join().unwrap();
        is_empty(&line);
    });
}
