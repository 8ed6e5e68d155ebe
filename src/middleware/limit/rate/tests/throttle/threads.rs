//! Throttles that are heard on several threads at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::super::super::table::{Arrival, Table, Terms};
use super::super::super::{Key, LocalLimiter, Quota, Throttle};
use crate::call::Priority;

const TERMS: Terms = Terms {
    waits: false,
    began: None,
    deadline: None,
    headroom: Duration::ZERO,
    priority: Priority::Normal,
    places: 0,
};
const THREADS: usize = 8;
const EACH: usize = 30_000;

/// A limiter of the AWS SDKs' kind reads the rate, reckons, and writes back what it made of it: two
/// threads that do so at once lose one of the updates. Here no grant and no refusal is lost.
#[test]
fn no_grant_and_no_refusal_is_lost() {
    let table = Table::new(LocalLimiter::new(Quota::per_second(1_000_000_000).burst(u32::MAX)));
    let key = table.hashed(Key::Named("one".into()));
    let begun = Instant::now();
    let start = Barrier::new(THREADS);
    // All within one moment, so that what is counted is exact.
    let (granted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let works = |thread: usize| {
        start.wait();
        for call in 0..EACH {
            let goes = matches!(table.arrive(&key, &TERMS, begun), Arrival::Go);
            granted.fetch_add(usize::from(goes), SeqCst);
            // A cut comes in the middle of it all, and takes most of the cells that are left.
            if goes && call > EACH / 2 && call % 4 == thread % 4 {
                let heard = begun + Duration::from_nanos(call as u64);
                table.throttled(key.bits(), &Throttle::new(begun, heard));
                refused.fetch_add(1, SeqCst);
            }
        }
    };
    thread::scope(|scope| {
        let works = &works;
        (0..THREADS).for_each(|thread| drop(scope.spawn(move || works(thread))));
    });
    let rates = table.rates(begun);
    let [(_, rate)] = &rates[..] else { panic!("{rates:?}") };
    let (granted, refused) = (granted.into_inner(), refused.into_inner());
    assert!(granted > EACH / 2 && refused > 0, "{granted} {refused}");
    // Told from one second, as the rate of a key this young is.
    assert_eq!(rate.accepted, (granted - refused) as f64);
    assert!(rate.is_cut);
}

/// All refused calls went before the first cut: it is one event, whoever hears of it first.
#[test]
fn many_threads_that_hear_of_one_throttle_cut_once() {
    for round in 0..50 {
        let table = Table::new(LocalLimiter::new(Quota::per_second(100).burst(1)));
        let key = table.hashed(Key::Named("one".into()));
        let begun = Instant::now();
        for call in 0..100 {
            table.arrive(&key, &TERMS, begun + Duration::from_millis(10) * call);
        }
        let heard = begun + Duration::from_secs(1);
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for thread in 0..THREADS as u64 {
                let (table, bits, start) = (&table, key.bits(), &start);
                scope.spawn(move || {
                    start.wait();
                    let granted = begun + Duration::from_millis(900 + thread);
                    table.throttled(bits, &Throttle::new(granted, heard));
                });
            }
        });
        let (_, rate) = table.rates(heard).remove(0);
        // Nine tenths of the 99 or so that were accepted when the first was heard.
        assert!((rate.granted - 89.1).abs() < 1.0, "{} in round {round}", rate.granted);
    }
}
