//! The arithmetic of the curve and of the measuring.

use proptest::prelude::*;

use super::super::super::Quota;
use super::super::super::accepted::{Accepted, WINDOW};
use super::super::super::curve::{Curve, PROBE, RETURN};

const SECOND: u64 = 1_000_000_000;

fn at(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

fn curve() -> impl Strategy<Value = Curve> {
    (0..100 * SECOND, 0.5..1000.0, 0.01..1.0).prop_map(|(since, start, depth)| Curve {
        since,
        plateau: start * (1.0 + depth),
        drop: start * depth,
    })
}

#[test]
fn the_curve_begins_at_the_cut_is_flat_at_the_plateau_and_goes_on() {
    let curve = Curve { since: SECOND, plateau: 30.0, drop: 3.0 };
    let rate = |seconds| curve.rate(SECOND + at(seconds));
    let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-6, "{one} {other}");
    close(curve.rate(0), 27.0);
    close(rate(0.0), 27.0);
    // Half-way back in time is seven eighths back in rate.
    close(rate(RETURN / 2.0), 30.0 - 3.0 / 8.0);
    close(rate(RETURN), 30.0);
    close(rate(RETURN + PROBE / 2.0), 30.0 + 3.0 / 8.0);
    close(rate(RETURN + PROBE), 33.0);
    close(rate(RETURN + 2.0 * PROBE), 54.0);
}

proptest! {
    #[test]
    fn it_never_falls_and_reaches_what_it_says(curve in curve(), gaps in prop::collection::vec(0..SECOND, 1..50)) {
        let (mut now, mut before) = (0, curve.plateau - curve.drop);
        for gap in gaps {
            now += gap;
            let rate = curve.rate(now);
            prop_assert!(rate >= before - 1e-9);
            before = rate;
            let reached = curve.reaches(rate);
            prop_assert!(now < curve.since || reached.abs_diff(now) < SECOND / 1000 || (rate - curve.plateau).abs() < 1e-3);
            prop_assert!(curve.rate(reached) >= rate - 1e-6);
        }
    }

    /// The closed form against the slow way: steps of a millisecond, added up.
    #[test]
    fn the_cells_that_it_brings_are_the_area_below_it(
        curve in curve(), cells in 0.1..100.0, after in 0..10 * SECOND, most in 1.0..2.0,
    ) {
        let most = curve.plateau * most;
        let from = curve.since + after;
        let told = curve.brings(cells, from, most);
        let (mut now, mut sum) = (from, 0.0);
        while sum < cells && now < from + 300 * SECOND {
            now += SECOND / 1000;
            sum += curve.rate(now).min(most) / 1000.0;
        }
        prop_assert!(told.abs_diff(now) <= 2 * SECOND / 1000 + (told - from) / 1000, "{told} {now}");
    }

    /// As the ring of buckets counts, so does a list of every call: to within what a bucket blurs.
    #[test]
    fn what_was_accepted_is_counted(
        calls in prop::collection::vec((0..SECOND / 4, any::<bool>()), 1..200),
        rest in 0..2 * WINDOW,
    ) {
        let mut accepted = Accepted::nothing_yet(0);
        let (mut now, mut list) = (0, Vec::new());
        for (gap, refused) in calls {
            now += gap;
            accepted.granted(now);
            if refused { accepted.refused(now) } else { list.push(now) }
        }
        now += rest;
        let since = |span: u64| list.iter().filter(|at| **at + span > now).count() as f64;
        let seconds = now.clamp(SECOND, WINDOW) as f64 / 1e9;
        // After a window without a grant it begins anew; until the next one nothing is counted.
        let sum = accepted.rate(now) * seconds;
        prop_assert!(sum >= since(WINDOW - WINDOW / 10).floor() - 1e-6, "{sum}");
        prop_assert!(sum <= since(WINDOW + WINDOW / 10) + 1e-6, "{sum}");
    }
}

#[test]
fn a_slower_quota_saves_less_over_the_same_time_and_two_at_least() {
    let quota = Quota::per_second(100).burst(20);
    assert_eq!(quota.slowed(50.0), Quota::per_second(50).burst(10));
    assert_eq!(quota.slowed(0.5), Quota::per_minute(30).burst(2));
    assert_eq!(quota.slowed(1e9), quota, "never a faster one");
    assert_eq!(Quota::per_second(100).slowed(1.0).max_burst(), 1);
}

#[test]
fn a_refusal_is_taken_from_the_time_of_its_grant_and_an_old_one_from_nowhere() {
    let mut accepted = Accepted::nothing_yet(0);
    for second in 0..5 {
        (0..10).for_each(|_| accepted.granted(second * SECOND));
    }
    accepted.refused(2 * SECOND);
    assert!((accepted.rate(5 * SECOND - 1) - 49.0 / 5.0).abs() < 1e-6);
    // Two seconds on, the first two seconds' calls have left; those refused long ago change nothing.
    (0..10).for_each(|_| accepted.granted(7 * SECOND - 1));
    accepted.refused(0);
    accepted.refused(SECOND);
    assert!((accepted.rate(7 * SECOND - 1) - (9.0 + 20.0 + 10.0) / 5.0).abs() < 0.1);
}

#[test]
fn a_key_that_is_new_or_has_slept_is_measured_from_when_it_woke() {
    let mut accepted = Accepted::nothing_yet(100 * SECOND);
    (0..20).for_each(|call| accepted.granted(100 * SECOND + call * SECOND / 10));
    assert!((accepted.rate(102 * SECOND) - 10.0).abs() < 0.1, "{}", accepted.rate(102 * SECOND));
    assert!(!accepted.is_whole(102 * SECOND));
    // The burst of a new key is told from a second at least.
    let mut burst = Accepted::nothing_yet(0);
    (0..20).for_each(|_| burst.granted(0));
    assert!((burst.rate(0) - 20.0).abs() < 1e-6);

    accepted.granted(200 * SECOND);
    assert!(!accepted.is_whole(201 * SECOND) && accepted.is_whole(205 * SECOND));
    assert!((accepted.rate(201 * SECOND) - 1.0).abs() < 1e-6);
}
