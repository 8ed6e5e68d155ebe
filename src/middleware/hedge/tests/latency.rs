//! The histogram against the sorted truth.

use proptest::prelude::*;

use super::*;
use crate::middleware::hedge::latency::{ENOUGH, LONGEST, Latency, SHORTEST, nanos};
use crate::middleware::hedge::operations::{OTHERS, Operations};

/// The answer that so many percent were no slower than, by sorting.
fn sorted(latencies: &[Duration], percent: usize) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort();
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

/// What the histogram says is never below the truth, and above it by a sixteenth at most, or by a unit
/// of 66 µs where the answer came within a millisecond.
fn is_near(found: Duration, truth: Duration) -> bool {
    found > truth && found <= truth + truth / 16 + Duration::from_nanos(1 << 16)
}

/// Microseconds to a minute, each order of magnitude as likely as the next.
fn latencies() -> impl Strategy<Value = Duration> {
    (0.0..7.8_f64).prop_map(|power| Duration::from_secs_f64(10_f64.powf(power) / 1e6))
}

proptest! {
    #[test]
    fn a_percentile_is_near_that_of_the_sorted_answers(
        known in prop::collection::vec(latencies(), 64..400),
        percent in 1..=99_u32,
    ) {
        let latency = Latency::new(0);
        // It is worked out anew after each sixteenth.
        let known = &known[..known.len() / 16 * 16];
        for took in known {
            latency.record(*took, 0, percent);
        }
        let found = latency.percentile(0).expect("enough is known");
        let truth = sorted(known, percent as usize);
        prop_assert!(is_near(found, truth), "{:?} for {:?}", found, truth);
    }

    /// Whatever comes when, the percentile lies among the answers of the last two windows.
    #[test]
    fn only_recent_answers_count(
        gaps in prop::collection::vec((0..9_000_u64, latencies()), 1..200),
    ) {
        let latency = Latency::new(0);
        let mut answers: Vec<(Duration, Duration)> = Vec::new();
        let mut now = Duration::ZERO;
        for (gap, took) in gaps {
            now += ms(gap);
            latency.record(took, nanos(now), 95);
            answers.push((now, took));
            if let Some(found) = latency.percentile(nanos(now)) {
                // A window ends with the first answer after its time.
                let recent = |at: Duration| at + 2 * LONGEST + ms(9_000) >= now;
                let slowest = answers.iter().filter(|(at, _)| recent(*at)).map(|(_, took)| *took);
                let slowest = slowest.max().expect("this one");
                let quickest = answers.iter().filter(|(at, _)| recent(*at)).map(|(_, took)| *took);
                prop_assert!(found > quickest.min().expect("this one"));
                prop_assert!(found <= slowest + slowest / 16 + Duration::from_nanos(1 << 16));
            }
        }
    }
}

/// So many answers, evenly over this time.
fn fill(latency: &Latency, from: Duration, over: Duration, answers: u32, took: Duration) {
    for number in 0..answers {
        latency.record(took, nanos(from + over * number / answers), 95);
    }
}

fn percentile(latency: &Latency, at: Duration) -> Option<Duration> {
    latency.percentile(nanos(at))
}

#[test]
fn a_busy_server_that_grows_slow_is_noticed_within_two_windows() {
    let latency = Latency::new(0);
    fill(&latency, Duration::ZERO, SHORTEST, 1000, ms(50));
    assert!(percentile(&latency, SHORTEST).is_some_and(|at| is_near(at, ms(50))));
    // One in twenty is enough to move the 95th.
    fill(&latency, SHORTEST, SHORTEST / 10, 100, ms(500));
    assert!(percentile(&latency, SHORTEST).is_some_and(|at| is_near(at, ms(500))));
    // And to forget, it takes the time of two.
    fill(&latency, SHORTEST * 11 / 10, SHORTEST, 1000, ms(50));
    fill(&latency, SHORTEST * 21 / 10, SHORTEST, 1000, ms(50));
    assert!(percentile(&latency, 3 * SHORTEST).is_some_and(|at| is_near(at, ms(50))));
}

/// One call in four seconds is 75 in a window of five minutes: enough.
#[test]
fn where_calls_are_few_a_window_lasts_longer() {
    for (seconds, is_enough) in [(1, true), (4, true), (12, false), (60, false)] {
        let latency = Latency::new(0);
        let hour = Duration::from_secs(3600);
        fill(&latency, Duration::ZERO, hour, 3600 / seconds, ms(50));
        assert_eq!(percentile(&latency, hour).is_some(), is_enough, "each {seconds} s");
    }
}

#[test]
fn what_is_old_is_forgotten() {
    let latency = Latency::new(0);
    fill(&latency, Duration::ZERO, SHORTEST, 1000, ms(50));
    assert!(percentile(&latency, LONGEST).is_some());
    assert_eq!(percentile(&latency, 3 * LONGEST), None);
    // The next answer begins from nothing.
    fill(&latency, 3 * LONGEST, Duration::ZERO, ENOUGH - 1, ms(5));
    assert_eq!(percentile(&latency, 3 * LONGEST), None);
    fill(&latency, 3 * LONGEST, Duration::ZERO, 1, ms(5));
    assert!(percentile(&latency, 3 * LONGEST).is_some_and(|at| is_near(at, ms(5))));
}

#[test]
fn the_longest_and_the_shortest_have_a_place() {
    for (took, expected) in [
        (Duration::ZERO, Duration::from_nanos(1 << 16)),
        (Duration::MAX, Duration::from_nanos(1 << 36)),
        (Duration::from_secs(68), Duration::from_nanos(1 << 36)),
    ] {
        let latency = Latency::new(0);
        fill(&latency, Duration::ZERO, Duration::ZERO, ENOUGH, took);
        assert_eq!(percentile(&latency, Duration::ZERO), Some(expected));
    }
}

#[test]
fn threads_lose_no_answer_within_a_window() {
    let latency = Latency::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let latency = &latency;
            // One in four is slow: a fourth of the threads makes the 95th percentile slow.
            let took = if thread == 0 { ms(400) } else { ms(10) };
            scope.spawn(move || fill(latency, Duration::ZERO, Duration::ZERO, 5000, took));
        }
    });
    assert!(percentile(&latency, Duration::ZERO).is_some_and(|at| is_near(at, ms(400))));
    // And with 20,000 known, 1,250 more make one in twenty: exactly the edge.
    assert!(format!("{latency:?}").contains("total: 20000"));
}

#[test]
fn threads_that_meet_in_a_change_of_windows_do_no_harm() {
    let latency = Latency::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let latency = &latency;
            scope.spawn(move || fill(latency, Duration::ZERO, 40 * SHORTEST, 20_000, ms(50)));
        }
    });
    assert!(percentile(&latency, 40 * SHORTEST).is_none_or(|at| is_near(at, ms(50))));
    fill(&latency, 40 * SHORTEST, SHORTEST, 1000, ms(50));
    assert!(percentile(&latency, 41 * SHORTEST).is_some_and(|at| is_near(at, ms(50))));
}

#[test]
fn operations_beyond_the_table_share_one_place() {
    const NAMES: [&str; 17] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
    let operations = Operations::default();
    assert!(operations.find("a").is_none());
    for (number, name) in (1..).zip(NAMES) {
        // Each is slower than the one before.
        fill(operations.entry(name, 0), Duration::ZERO, Duration::ZERO, 640, ms(100 * number));
    }
    for (number, name) in (1..).zip(NAMES) {
        let found = operations.find(name).and_then(|latency| latency.percentile(0));
        let expected = ms(100 * if number > 15 { 17 } else { number });
        assert!(found.is_some_and(|at| is_near(at, expected)), "{name}: {found:?}");
    }
    let listed: Vec<_> = operations.iter().map(|(name, _)| name).collect();
    assert_eq!((listed.len(), listed[14], listed[15]), (16, "o", OTHERS));
}
