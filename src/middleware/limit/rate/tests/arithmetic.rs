use std::time::Duration;

use proptest::prelude::*;

use super::super::{Cells, Quota};

const SECOND: u64 = 1_000_000_000;

#[test]
fn quotas_round_against_the_caller_and_never_overflow() {
    assert_eq!(Quota::per_second(29).interval(), Duration::from_nanos(34_482_759));
    assert_eq!(Quota::per_second(0), Quota::per_second(1));
    assert_eq!(Quota::per_minute(120).interval(), Duration::from_millis(500));
    assert_eq!(Quota::per_second(3).burst(0).max_burst(), 1);
    assert_eq!(Quota::per(Duration::ZERO, 7).interval(), Duration::from_nanos(1));
    let longest = Quota::per(Duration::MAX, 1).burst(u32::MAX);
    assert_eq!((longest.interval().as_secs() / 86_400, longest.max_burst()), (36_500, 1));

    let mut cells = Cells::full(longest);
    assert_eq!(cells.take(SECOND), Ok(()));
    let end = cells.take(SECOND).expect_err("one a century");
    assert_eq!(cells.earliest(usize::MAX, SECOND), u64::MAX, "saturates");
    cells.adopt(Quota::per(Duration::MAX, 1).burst(1), end);
    assert_eq!(cells.take(end), Ok(()));
}

#[test]
fn the_default_keeps_within_150_in_any_5_seconds_and_30_a_second_with_a_burst_of_150_does_not() {
    assert!(Quota::default().most_in(Duration::from_secs(5)) <= 150);
    assert_eq!(Quota::per_second(30).burst(150).most_in(Duration::from_secs(5)), 299);
    // Not by being needlessly slow either: 145 a window at the steady rate, less one by rounding.
    assert!(Quota::default().most_in(Duration::from_secs(5)) >= 149);
}

/// How long until the next call arrives: at once, soon, a while, or just when there is a cell.
#[derive(Clone, Debug)]
enum Gap {
    Nanos(u64),
    Greedy,
}

/// Stretches of one kind, long enough to use a quota up and then press on it.
fn gaps() -> impl Strategy<Value = Vec<Gap>> {
    let stretch = prop_oneof![
        3 => (1..300usize).prop_map(|calls| vec![Gap::Greedy; calls]),
        2 => (1..40usize).prop_map(|calls| vec![Gap::Nanos(0); calls]),
        2 => prop::collection::vec((0..SECOND / 20).prop_map(Gap::Nanos), 1..60),
        1 => (0..6 * SECOND).prop_map(|rest| vec![Gap::Nanos(rest)]),
    ];
    prop::collection::vec(stretch, 1..8).prop_map(|stretches| stretches.concat())
}

fn quota() -> impl Strategy<Value = Quota> {
    (1..2000u32, 1..50u32).prop_map(|(rate, burst)| Quota::per_second(rate).burst(burst))
}

/// The moments at which calls go that arrive with these gaps.
fn admitted(quota: Quota, gaps: &[Gap]) -> Vec<u64> {
    let mut cells = Cells::full(quota);
    let mut now = 12_345;
    let mut moments = Vec::new();
    let mut next = now;
    for gap in gaps {
        now = match gap {
            Gap::Nanos(nanos) => now + nanos,
            Gap::Greedy => next.max(now),
        };
        match cells.take(now) {
            Ok(()) => moments.push(now),
            Err(earliest) => next = earliest,
        }
    }
    moments
}

fn most_in_any(moments: &[u64], window: u64) -> usize {
    let ends = |begin| moments.partition_point(|at| *at <= begin + window);
    moments.iter().enumerate().map(|(at, begin)| ends(*begin) - at).max().unwrap_or(0)
}

proptest! {
    /// The rule of the sliding window, held by the default however the calls arrive.
    #[test]
    fn the_default_never_admits_more_than_150_in_any_5_seconds(
        gaps in gaps(),
    ) {
        prop_assert!(most_in_any(&admitted(Quota::default(), &gaps), 5 * SECOND) <= 150);
    }

    #[test]
    fn most_in_is_the_bound_that_it_says(
        quota in quota(),
        window in 1..10 * SECOND,
        gaps in gaps(),
    ) {
        let most = most_in_any(&admitted(quota, &gaps), window) as u128;
        prop_assert!(most <= quota.most_in(Duration::from_nanos(window)));
    }

    /// And it is reached: calls that always wait get every cell there is.
    #[test]
    fn no_cell_is_lost_on_those_who_wait(quota in quota(), window in 1..10 * SECOND) {
        let wanted = quota.most_in(Duration::from_nanos(window)).min(3000) as usize;
        let moments = admitted(quota, &vec![Gap::Greedy; 2 * wanted + 2]);
        prop_assert!(most_in_any(&moments, window) >= wanted);
    }

    /// A refused call that comes back when it was told to is admitted, and not a nanosecond sooner.
    #[test]
    fn the_moment_named_is_exact(quota in quota(), gaps in gaps()) {
        let mut cells = Cells::full(quota);
        let mut now = 0;
        for gap in gaps {
            if let Gap::Nanos(nanos) = gap { now += nanos }
            if let Err(earliest) = cells.take(now) {
                prop_assert!(earliest > now);
                prop_assert!(cells.clone().take(earliest - 1).is_err());
                prop_assert!(cells.clone().take(earliest).is_ok());
                prop_assert_eq!(cells.earliest(0, now), earliest);
            }
        }
    }

    /// The estimate for a place in the line is what happens when those before it take their cells.
    #[test]
    fn the_estimate_for_a_place_is_what_comes_true(
        quota in quota(), spent in 0..60usize, ahead in 0..60usize, now in 0..SECOND,
    ) {
        let mut cells = Cells::full(quota);
        for _ in 0..spent { let _ = cells.take(now); }
        let estimate = cells.earliest(ahead, now);
        let mut at = now;
        for _ in 0..ahead {
            while let Err(earliest) = cells.take(at) { at = earliest }
        }
        while let Err(earliest) = cells.take(at) { at = earliest }
        prop_assert_eq!(at, estimate);
    }

    /// However often and to whatever the quota changes, what goes is at most the first burst and
    /// what the fastest of the quotas brought in since: a change makes no cell.
    #[test]
    fn changing_the_quota_makes_no_cells(
        quotas in prop::collection::vec(quota(), 2..6),
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0..SECOND / 10, 0..60u32), 1..60),
    ) {
        let mut cells = Cells::full(quotas[0]);
        let fastest = quotas.iter().map(Quota::interval).min().expect("quotas").as_nanos() as u64;
        let (mut now, mut gone) = (0, 0);
        for (quota, gap, calls) in steps {
            now += gap;
            cells.adopt(*quota.get(&quotas), now);
            gone += (0..calls).filter(|_| cells.take(now).is_ok()).count() as u64;
            prop_assert!(gone <= u64::from(quotas[0].max_burst()) + now / fastest);
        }
    }

    /// A change there and back leaves no fewer cells than fit the smaller burst, less what rounding takes.
    #[test]
    fn a_change_takes_no_cells_that_still_fit(first in quota(), second in quota(), spent in 0..50u32) {
        let left = |mut cells: Cells| (0..100).filter(|_| cells.take(SECOND).is_ok()).count();
        let mut cells = Cells::full(first);
        for _ in 0..spent { let _ = cells.take(SECOND); }
        let before = left(cells);
        cells.adopt(second, SECOND);
        let fits = before.min(second.max_burst() as usize);
        prop_assert_eq!(left(cells), fits);
        cells.adopt(first, SECOND);
        prop_assert!(left(cells) + 1 >= fits);
    }
}
