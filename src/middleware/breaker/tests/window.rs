//! The window against a list of calls.

use std::sync::Barrier;

use proptest::prelude::*;

use super::super::window::{BUCKETS, Totals, Window};

/// The same, in plain words.
#[derive(Default)]
struct Listed(Vec<(u64, bool, bool)>);

impl Listed {
    fn totals(&self, tick: u64) -> Totals {
        let mut totals = Totals::default();
        for (at, failure, slow) in &self.0 {
            if at + BUCKETS > tick {
                totals.calls += 1;
                totals.failures += u32::from(*failure);
                totals.slow += u32::from(*slow);
            }
        }
        totals
    }
}

/// Steps in time: mostly small, sometimes past the window, sometimes to just before the wrap.
fn steps() -> impl Strategy<Value = Vec<(u64, bool, bool)>> {
    let gap = prop_oneof![
        20 => 0..3u64,
        3 => 8..13u64,
        1 => 13..5_000_000u64,
        1 => Just((1 << 22) - 3),
    ];
    prop::collection::vec((gap, any::<bool>(), any::<bool>()), 1..200)
}

proptest! {
    #[test]
    fn it_holds_just_the_calls_of_the_last_ten_buckets(
        start in prop_oneof![0..100u64, Just(86_400), Just((1 << 22) - 5)],
        steps in steps(),
    ) {
        let (window, mut listed) = (Window::default(), Listed::default());
        let mut tick = start;
        for (gap, failure, slow) in steps {
            tick += gap;
            // What is just about a wrap away is the one thing that can't be told apart.
            if listed.0.iter().any(|(at, ..)| tick - at >= (1 << 22) - 2 * BUCKETS) {
                listed.0.clear();
                window.clear();
            }
            prop_assert_eq!(window.totals(tick), listed.totals(tick));
            window.record(tick, failure, slow);
            listed.0.push((tick, failure, slow));
            prop_assert_eq!(window.totals(tick), listed.totals(tick));
            prop_assert_eq!(window.idle_for(tick), 0);
        }
        prop_assert_eq!(window.idle_for(tick + 7), 7);
    }
}

#[test]
fn a_full_bucket_keeps_its_rates() {
    let window = Window::default();
    for number in 0..100_000 {
        window.record(86_400, number % 4 == 0, number % 2 == 0);
    }
    let Totals { calls, failures, slow } = window.totals(86_400);
    assert!((8_000..1 << 14).contains(&calls), "{calls}");
    let share = |part: u32| f64::from(part) / f64::from(calls);
    assert!((share(failures) - 0.25).abs() < 0.001, "{failures} of {calls}");
    assert!((share(slow) - 0.5).abs() < 0.001, "{slow} of {calls}");
}

#[test]
fn a_call_that_is_counted_too_late_turns_no_bucket_back() {
    let window = Window::default();
    for tick in 100..110 {
        window.record(tick, false, false);
    }
    // Its thread was stopped for the length of a window; the bucket is another's now.
    window.record(99, true, true);
    window.record(91, true, true);
    assert_eq!(window.totals(109), Totals { calls: 10, failures: 0, slow: 0 });
    // A clock that is a bucket behind sees what a quicker one has counted.
    assert_eq!(window.totals(108).calls, 10);
}

#[test]
fn many_writers_lose_no_call_while_the_buckets_turn() {
    const WRITERS: u64 = 4;
    // As many as ten buckets hold, or they would be halved.
    const CALLS: u64 = 40_000;
    for _ in 0..20 {
        let window = Window::default();
        // All go through the same ten buckets, each over its former content, in step with nobody.
        for tick in 0..BUCKETS {
            window.record(tick, true, true);
        }
        let begin = Barrier::new(WRITERS as usize);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (window, begin) = (&window, &begin);
                scope.spawn(move || {
                    begin.wait();
                    for call in 0..CALLS {
                        window.record(BUCKETS + call / (CALLS / BUCKETS), writer == 0, false);
                    }
                });
            }
        });
        let totals = window.totals(2 * BUCKETS - 1);
        let expected = Totals { calls: (WRITERS * CALLS) as u32, failures: CALLS as u32, slow: 0 };
        assert_eq!(totals, expected);
    }
}
