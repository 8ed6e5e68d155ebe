//! The pool's books: no more connections than the cap, each used by one, nobody forgotten, nothing kept that is closed.

use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, uri::Authority};
use loom::future::block_on;
use loom::thread;

use super::dial::Dialer;
use super::http1::Kept;
use super::origin::{CheckOut, Origin, Wait};
use super::state::{Grant, Limits, Protocol};
use crate::call::sync::tasks;
use crate::explore::orders;

fn origin(cap: usize, failures: usize, bounded: bool) -> Arc<Origin> {
    let name =
        (Scheme::HTTP, Authority::from_static("api.test"), HeaderValue::from_static("api.test"));
    let limits = Limits { idle_timeout: None, max_idle: 2, max_connections: cap };
    let dial = Box::new(Dialer::failing(failures));
    Arc::new(Origin::new(name, dial, Protocol::Http1, limits, bounded))
}

/// A connection for a call, and whether it could be had. If nobody serves the call, loom finds that all wait.
fn connection(origin: &Arc<Origin>) -> Option<Kept> {
    let granted = match origin.check_out() {
        Ok(grant) => Ok(grant),
        Err(CheckOut::Wait(wait)) => block_on(wait),
        Err(CheckOut::Refused(fault)) => Err(fault),
    };
    match granted.ok()? {
        Grant::Http1(kept) => Some(kept),
        Grant::Http2(_) => None,
    }
}

fn call(origin: &Arc<Origin>) -> bool {
    let Some(mut kept) = connection(origin) else { return false };
    kept.exchange();
    kept.settle(origin);
    true
}

fn wait(origin: &Arc<Origin>) -> Wait {
    match origin.check_out() {
        Err(CheckOut::Wait(wait)) => wait,
        other => panic!("nothing is there yet: {other:?}"),
    }
}

/// The pool is closed, and everything with it: no task, no connection and nobody in the queue is left.
fn ends(origin: &Arc<Origin>, opened: u64) {
    origin.close();
    tasks::all_ended();
    let stats = origin.stats();
    assert!(origin.is_unused(), "{stats:?}");
    assert_eq!((stats.open, stats.idle), (0, 0));
    assert!(stats.opened <= opened, "{stats:?}");
}

#[test]
fn one_connection_serves_everybody_in_turn() {
    orders(1, || {
        let origin = origin(1, 0, true);
        let other = {
            let origin = Arc::clone(&origin);
            thread::spawn(move || assert!(call(&origin)))
        };
        assert!(call(&origin));
        other.join().unwrap();
        assert!(origin.stats().open <= 1);
        // Both went over the one that was opened.
        ends(&origin, 1);
    });
}

/// A call is dropped just as it is served: the connection goes to the next, or to rest.
#[test]
fn what_was_granted_to_one_who_left_goes_on() {
    orders(1, || {
        let origin = origin(1, 0, true);
        let leaves = wait(&origin);
        let leaves = thread::spawn(move || drop(leaves));
        assert!(call(&origin));
        leaves.join().unwrap();
        ends(&origin, 1);
    });
}

/// The same where a dial ends with the wish for it: the one who stays must not lose the dial that the other began.
#[test]
fn a_dial_is_given_up_only_if_nobody_waits() {
    orders(1, || {
        let origin = origin(1, 0, false);
        let leaves = wait(&origin);
        let leaves = thread::spawn(move || drop(leaves));
        assert!(call(&origin));
        leaves.join().unwrap();
        ends(&origin, 2);
    });
}

/// Two wait for one dial, which fails. One of them hears of it, and another dial is begun for whoever still waits.
#[test]
fn a_dial_that_fails_is_told_to_one_and_begun_again_for_the_other() {
    orders(1, || {
        let origin = origin(1, 1, true);
        let waits = [wait(&origin), wait(&origin)];
        let [other, mine] = waits.map(|wait| {
            let origin = Arc::clone(&origin);
            move || match block_on(wait) {
                Ok(Grant::Http1(kept)) => {
                    kept.settle(&origin);
                    true
                }
                _ => false,
            }
        });
        let other = thread::spawn(other);
        let mine = mine();
        assert_ne!(mine, other.join().unwrap(), "one dial failed, and one call with it");
        ends(&origin, 1);
    });
}

/// The server closes the connection while it is given back, its answer read and its task not yet at rest: nobody gets
/// it, and nothing of it stays, not even in itself.
#[test]
fn a_connection_that_breaks_as_it_comes_back_is_nobodys() {
    orders(2, || {
        let origin = origin(1, 0, true);
        let mut kept = connection(&origin).unwrap();
        kept.exchange();
        let (server, link) = (kept.server(), Arc::downgrade(&kept.link));
        let back = {
            let origin = Arc::clone(&origin);
            thread::spawn(move || kept.settle(&origin))
        };
        server.break_off();
        back.join().unwrap();
        tasks::all_ended();
        assert_eq!((origin.stats().open, origin.stats().idle), (0, 0));
        assert_eq!(link.strong_count(), 0, "a sender is parked at a connection that is gone");
        ends(&origin, 1);
    });
}

/// The task comes to rest just as the sender is parked: one of the two sees it, and the connection is at rest.
#[test]
fn a_sender_that_is_parked_is_found() {
    orders(2, || {
        let origin = origin(1, 0, true);
        assert!(call(&origin));
        // Another has it, the same, whenever it is there.
        assert!(call(&origin));
        assert_eq!(origin.stats().opened, 1);
        ends(&origin, 1);
    });
}

/// Closing comes between a call and the return of its connection.
#[test]
fn what_comes_back_to_a_closed_pool_is_closed() {
    orders(1, || {
        let origin = origin(1, 0, true);
        let caller = {
            let origin = Arc::clone(&origin);
            thread::spawn(move || {
                call(&origin);
            })
        };
        origin.close();
        caller.join().unwrap();
        ends(&origin, 1);
    });
}
