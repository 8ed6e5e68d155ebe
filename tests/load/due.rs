//! When calls are due, and what is asked for: both follow from the seed.

use std::time::Duration;

use proptest::prelude::*;

use crate::arrivals::{Arrivals, Pattern, Rate};
use crate::mix::{Arrival, Kind, Mix, Plan};

/// Enough for an average to settle.
const MANY: usize = 20_000;

fn plan(rate: &str, mix: &str, unnamed: f64, seed: u64) -> Plan {
    let arrivals = Arrivals::new(Pattern::Poisson, rate.parse().unwrap(), seed);
    Plan::new(arrivals, mix.parse().unwrap(), unnamed, seed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_seed_replays_the_times(seed: u64, rate in 0.01..1e6_f64) {
        let rate: Rate = format!("{rate}/s").parse().unwrap();
        for pattern in [Pattern::Poisson, Pattern::Even] {
            let times = || Arrivals::new(pattern, rate, seed).take(500);
            prop_assert!(times().eq(times()));
            prop_assert!(times().is_sorted());
        }
    }

    /// Six standard deviations: one run in five hundred million is further off.
    #[test]
    fn as_many_are_due_as_were_asked_for(seed: u64, rate in 0.01..1e6_f64) {
        let asked: Rate = format!("{rate}/s").parse().unwrap();
        let times: Vec<f64> = Arrivals::new(Pattern::Poisson, asked, seed)
            .take(MANY)
            .map(|at| at.as_secs_f64())
            .collect();
        let due = rate * times.last().unwrap() / MANY as f64;
        prop_assert!((due - 1.0).abs() < 6.0 / (MANY as f64).sqrt(), "{due} of 1");

        // And as independent callers come: a gap differs from the mean as much as the mean itself.
        let gaps: Vec<f64> = times.windows(2).map(|two| (two[1] - two[0]) * rate).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        prop_assert!((spread - 1.0).abs() < 0.15, "{spread} of 1");
    }

    #[test]
    fn even_steps_do_not_drift(rate in 0.01..1e6_f64) {
        let asked: Rate = format!("{rate}/s").parse().unwrap();
        for (number, at) in Arrivals::new(Pattern::Even, asked, 0).take(MANY).enumerate() {
            let right = number as f64 / rate;
            prop_assert!((at.as_secs_f64() - right).abs() <= 1e-9 + right * 1e-12);
        }
    }

    #[test]
    fn a_seed_replays_the_choices(seed: u64, unnamed in 0.0..1.0) {
        let calls = || plan("1000/s", "create=2,fetch=3,delete=1", unnamed, seed).take(500);
        prop_assert!(calls().eq(calls()));
    }

    /// What stays the same between two runs can be compared: the times, the names, the sessions.
    #[test]
    fn another_mix_changes_nothing_else(seed: u64) {
        let rest = |call: Arrival| (call.at, call.named, call.pick);
        let one = plan("1000/s", "create=1,fetch=9", 0.5, seed).take(500).map(rest);
        let other = plan("1000/s", "update=5,list=5", 0.5, seed).take(500).map(rest);
        prop_assert!(one.eq(other));
    }

    #[test]
    fn the_mix_is_as_asked_for(seed: u64) {
        let calls: Vec<_> = plan("1/s", "create=1,fetch=6,list=1,delete=2", 0.25, seed).take(MANY).collect();
        let share = |of: &dyn Fn(&Arrival) -> bool| {
            calls.iter().filter(|call| of(call)).count() as f64 / MANY as f64
        };
        let shares = [(Kind::Create, 0.1), (Kind::Fetch, 0.6), (Kind::List, 0.1), (Kind::Delete, 0.2)];
        for (kind, right) in shares {
            let found = share(&|call| call.kind == kind);
            prop_assert!((found - right).abs() < 0.02, "{}: {found}", kind.name());
        }
        prop_assert_eq!(share(&|call| call.kind == Kind::Update), 0.0);
        prop_assert!((share(&|call| !call.named) - 0.25).abs() < 0.02);
    }
}

#[test]
fn seeds_differ() {
    let times = |seed| Arrivals::new(Pattern::Poisson, "9/s".parse().unwrap(), seed).nth(9);
    assert_ne!(times(1), times(2));
}

#[test]
fn rates_are_read_in_any_unit() {
    for (text, right) in [("200", 200.0), ("200/s", 200.0), ("90/min", 1.5), ("7200/h", 2.0)] {
        assert_eq!(text.parse::<Rate>().unwrap().per_second(), right, "{text}");
    }
    for text in ["", "0", "-1/s", "inf", "NaN/s", "5/fortnight", "many/s", "1000001/s"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
}

#[test]
fn mixes_are_read_and_written() {
    let mix: Mix = "fetch=6, create=1".parse().unwrap();
    assert_eq!((mix.to_string(), mix.weight(Kind::List)), ("create=1,fetch=6".to_owned(), 0));
    for text in ["", "fetch", "fetch=", "fetch=-1", "fetch=0", "dance=1", "fetch=1,fetch=2"] {
        assert!(text.parse::<Mix>().is_err(), "{text}");
    }
}

#[test]
fn nothing_is_due_at_a_time_that_no_clock_has() {
    let rate = "0.0001/s".parse().unwrap();
    let last = Arrivals::new(Pattern::Even, rate, 0).nth(100_000).unwrap();
    assert_eq!(last, Duration::from_secs(1_000_000_000));
}
