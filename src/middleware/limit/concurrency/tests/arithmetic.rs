//! The policies by themselves.

use proptest::prelude::*;
use tokio::time::Instant;

use super::super::{Aimd, Attempt, End, Gradient};
use super::*;

const MS: Duration = Duration::from_millis(1);

fn attempt(end: End, began: Instant, took: Duration, in_flight: usize) -> Attempt {
    Attempt::new(end, began, took, in_flight)
}

#[test]
fn aimd_grows_by_one_a_round_trip_while_it_is_used() {
    let mut policy = Aimd::new(10).bounds(1, 1000);
    let now = Instant::now();
    for round in 1..=5 {
        for _ in 0..9 + round {
            policy.learn(&attempt(End::Served, now, MS, policy.limit()));
        }
        assert!((10 + round - 1..=10 + round).contains(&policy.limit()), "{}", policy.limit());
    }
    let used = policy.limit() * 3 / 4 - 1;
    let before = policy.limit();
    for _ in 0..1000 {
        policy.learn(&attempt(End::Served, now, MS, used));
    }
    assert_eq!(policy.limit(), before, "what nobody uses proves nothing");
}

#[test]
fn a_crowd_that_is_turned_away_is_one_event() {
    let mut policy = Aimd::new(100);
    let now = Instant::now();
    for number in 0..50 {
        policy.learn(&attempt(End::Throttled, now, MS * 20, 51 + number));
    }
    assert_eq!(policy.limit(), 90);
    policy.learn(&attempt(End::Throttled, now + MS * 20, MS, 90));
    assert_eq!(policy.limit(), 90, "began as the cut was made");
    policy.learn(&attempt(End::Throttled, now + MS * 21, MS, 90));
    assert_eq!(policy.limit(), 81);
}

/// A hang is not cured by having less under way where there was little.
#[test]
fn a_timeout_counts_where_the_limit_was_in_use() {
    let now = Instant::now();
    let after = |end, took, in_flight| {
        let mut policy = Aimd::new(100);
        policy.learn(&attempt(end, now, took, in_flight).with_usual(MS * 200));
        policy.limit()
    };
    let ten = Duration::from_secs(10);
    assert_eq!(after(End::TimedOut, ten, 49), 100);
    assert_eq!(after(End::TimedOut, ten, 50), 90);
    // Given up by its caller: after eight times what is usual, it says as much.
    assert_eq!(after(End::Dropped, MS * 1599, 100), 100);
    assert_eq!(after(End::Dropped, MS * 1600, 100), 90);
    assert_eq!(after(End::Other, ten, 100), 100);
}

#[test]
fn what_is_usual_is_a_second_at_least_before_a_dropped_call_counts() {
    let quick = |took| attempt(End::Dropped, Instant::now(), took, 1).with_usual(MS * 5);
    assert!(!quick(MS * 999).is_given_up_late());
    assert!(quick(MS * 1000).is_given_up_late());
}

#[test]
fn the_accounts_number_bounds_what_is_cut_by_half_at_most() {
    let after = |account: u32| {
        let mut policy = Aimd::new(100);
        let throttled = attempt(End::Throttled, Instant::now(), MS, 100);
        policy.learn(&throttled.with_account(account));
        policy.limit()
    };
    assert_eq!(after(500), 90, "others have most of it: no reason to give up more than usual");
    assert_eq!(after(60), 54);
    assert_eq!(after(1), 45, "a number that counts something else");
}

/// The claim on which the default gateway's choice rests.
#[test]
fn aimd_leaves_a_healthy_run_alone() {
    proptest!(|(ends in prop::collection::vec((0u8..3, 1u64..9_000, 1usize..296), 1..300))| {
        let mut policy = Aimd::new(295).bounds(10, 295);
        let mut now = Instant::now();
        for (end, took, in_flight) in ends {
            let end = [End::Served, End::Other, End::Dropped][usize::from(end)];
            let took = if end == End::Dropped { took.min(999) } else { took };
            policy.learn(&attempt(end, now, MS * took as u32, in_flight));
            now += MS;
            prop_assert_eq!(policy.limit(), 295);
        }
    });
}

/// A server of so many workers that each take so long, always asked for as much as the limit allows.
fn drive(policy: &mut Gradient, now: &mut Instant, workers: usize, work: Duration, rounds: usize) {
    for _ in 0..rounds {
        let limit = policy.limit();
        let took = work.mul_f64((limit as f64 / workers as f64).max(1.0));
        for _ in 0..limit {
            policy.learn(&attempt(End::Served, *now, took, limit));
        }
        *now += took;
    }
}

#[test]
fn a_lasting_change_of_what_everything_takes_is_learned_at_once() {
    let (mut policy, mut now) = (Gradient::new(10).bounds(1, 60), Instant::now());
    drive(&mut policy, &mut now, 100, MS * 100, 200);
    assert_eq!((policy.limit(), policy.min_latency()), (60, Some(MS * 100)));
    // Farther away, and as strong as ever.
    let began = now;
    drive(&mut policy, &mut now, 100, MS * 400, 30);
    assert_eq!((policy.limit(), policy.min_latency()), (60, Some(MS * 400)));
    // Nearer again: seen by every window, without a probe.
    drive(&mut policy, &mut now, 100, MS * 100, 40);
    assert!(policy.min_latency() <= Some(MS * 112), "{:?}", policy.min_latency());
    assert!(now - began < Duration::from_secs(30), "not by the regular probe");
}

#[test]
fn a_probe_comes_every_thirty_seconds_and_not_where_there_is_quiet_anyway() {
    let (mut policy, mut now) = (Gradient::new(40).bounds(1, 40), Instant::now());
    drive(&mut policy, &mut now, 100, MS * 100, 20);
    let mut probes = |in_flight: usize| {
        let (mut probes, mut is_probing) = (0, false);
        for _ in 0..1_000 {
            for _ in 0..40 {
                policy.learn(&attempt(End::Served, now, MS * 100, in_flight.min(policy.limit())));
            }
            now += MS * 100;
            let probing = policy.limit() < 40;
            probes += usize::from(probing && !is_probing);
            is_probing = probing;
        }
        probes
    };
    assert_eq!(probes(40), 3, "in a hundred seconds");
    assert_eq!(probes(20), 0);
}

fn end() -> impl Strategy<Value = End> {
    prop::sample::select(vec![
        End::Served,
        End::Served,
        End::Served,
        End::Throttled,
        End::TimedOut,
        End::Dropped,
        End::Other,
    ])
}

fn nanos() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0u64..1_000, 0u64..1_000_000_000, any::<u64>()]
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 0usize..50, any::<usize>()]
}

/// Whatever it is told, by whatever clock: within its bounds, with no overflow and no NaN.
fn holds(
    policy: &mut impl LimitPolicy,
    bounds: (usize, usize),
    story: &[(End, u64, u64, usize, u32)],
) {
    let mut now = Instant::now();
    for (number, (end, took, pause, in_flight, account)) in story.iter().enumerate() {
        let took = Duration::from_nanos(*took);
        policy.learn(&attempt(*end, now, took, *in_flight).with_account(*account).with_usual(took));
        if number % 50 == 49 {
            policy.set_limit(*in_flight);
        }
        now += Duration::from_nanos(*pause % 10_000_000_000);
        let limit = policy.limit();
        let least = bounds.0.clamp(1, u32::MAX as usize);
        assert!(limit >= least, "{limit} of {bounds:?}");
        assert!(limit <= bounds.1.clamp(least, u32::MAX as usize), "{limit} of {bounds:?}");
    }
}

proptest! {
    #[test]
    fn no_story_leads_a_policy_out_of_its_bounds(
        start in size(),
        bounds in (size(), size()),
        tolerance in any::<f64>(),
        story in prop::collection::vec((end(), nanos(), nanos(), size(), any::<u32>()), 0..200),
    ) {
        holds(&mut Aimd::new(start).bounds(bounds.0, bounds.1), bounds, &story);
        let gradient = Gradient::new(start).bounds(bounds.0, bounds.1).tolerance(tolerance);
        holds(&mut gradient.probe_every(Duration::from_nanos(story.len() as u64)), bounds, &story);
    }
}
