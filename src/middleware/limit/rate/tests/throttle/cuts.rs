//! One key of the local limiter under cuts: pure, at moments that the test makes up.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::super::super::{Check, Key, KeyRate, KeyState, Limiter, LocalLimiter, Quota, Throttle};
use crate::call::Live;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A limiter with one key, and a time of its own.
struct Bench {
    limiter: LocalLimiter,
    state: KeyState,
    key: Key,
    now: Instant,
}

impl Bench {
    fn new(quota: impl Into<Live<Quota>>) -> Self {
        let limiter = LocalLimiter::new(quota);
        let now = Instant::now();
        let state = limiter.untouched(now);
        Self { limiter, state, key: Key::Named("one".into()), now }
    }

    fn goes(&mut self) -> bool {
        matches!(self.check(), Check::Go)
    }

    /// Whether a call would go.
    fn clone_goes(&self) -> bool {
        let check = self.limiter.check(&self.key, &mut self.state.clone(), self.now);
        matches!(check, Check::Go)
    }

    fn check(&mut self) -> Check<std::future::Pending<super::super::super::Verdict>> {
        self.limiter.check(&self.key, &mut self.state, self.now)
    }

    /// The server refuses a call that went so long ago.
    fn throttle(&mut self, ago: Duration, retry_after: Option<Duration>) {
        let throttle = Throttle::new(self.now - ago, self.now).retry_after(retry_after);
        self.limiter.throttled(&self.key, &mut self.state, &throttle);
    }

    fn is_throttled(&self) -> bool {
        self.limiter.is_throttled_at(self.now)
    }

    fn rate(&self) -> KeyRate {
        self.limiter.rate(&self.state, self.now).expect("a rate")
    }

    /// Takes every cell that comes within a time; how many came.
    fn take_all(&mut self, time: Duration) -> usize {
        let (end, mut gone) = (self.now + time, 0);
        loop {
            match self.check() {
                Check::NotBefore(at) if at <= end => self.now = at,
                Check::Go => gone += 1,
                _ => break,
            }
        }
        self.now = end;
        gone
    }

    fn is_close(&self, rate: f64) {
        let granted = self.rate().granted;
        assert!((granted - rate).abs() < 0.05 * rate, "{granted} for {rate}");
    }
}

#[test]
fn a_throttle_cuts_to_nine_tenths_of_what_was_accepted_not_of_the_quota() {
    let mut bench = Bench::new(Quota::per_second(100).burst(1));
    // 30 a second are asked for, and taken.
    for _ in 0..200 {
        assert!(bench.goes());
        bench.now += SECOND / 30;
    }
    assert!(!bench.rate().is_cut && !bench.is_throttled());
    bench.throttle(MS * 50, None);
    bench.is_close(27.0);
    assert!(bench.rate().is_cut && bench.is_throttled());
    bench.now += Duration::from_millis(2500);
    bench.is_close(30.0);
    bench.now += Duration::from_secs(6);
    bench.is_close(33.0);
    // 100 is reached after another while, and then it is over.
    bench.now += Duration::from_secs(9);
    assert!(bench.rate().is_cut);
    bench.now += Duration::from_secs(3);
    assert!(!bench.rate().is_cut);
    assert!(bench.goes() && !bench.limiter.is_cut(&bench.state));
}

#[test]
fn calls_that_were_under_way_together_are_cut_for_once() {
    let mut bench = Bench::new(Quota::per_second(100).burst(50));
    bench.take_all(SECOND * 2);
    bench.throttle(MS * 100, None);
    let cut = bench.rate().granted;
    for late in 0..50 {
        bench.now += MS;
        bench.throttle(MS * (101 + late), None);
    }
    assert!(bench.rate().granted >= cut, "cut again for calls from before the cut");
    // One that went since is another matter.
    bench.now += MS * 100;
    bench.throttle(MS * 10, None);
    assert!(bench.rate().granted < cut);
}

#[test]
fn a_refusal_that_comes_after_the_recovery_does_not_cut_for_what_was_cut_for() {
    let mut bench = Bench::new(Quota::per_second(2).burst(1));
    bench.take_all(SECOND * 10);
    bench.throttle(MS * 100, None);
    bench.now += Duration::from_secs(60);
    assert!(bench.goes() && !bench.rate().is_cut);
    bench.throttle(Duration::from_secs(61), None);
    assert!(!bench.rate().is_cut);
}

#[test]
fn a_retry_after_holds_the_key_and_the_recovery_begins_when_it_is_over() {
    let mut bench = Bench::new(Quota::per_second(20).burst(5));
    bench.take_all(SECOND * 10);
    bench.throttle(MS, Some(SECOND * 7));
    assert_eq!(bench.rate().held_for, SECOND * 7);
    let until = bench.now + SECOND * 7;
    assert!(matches!(bench.check(), Check::NotBefore(at) if at == until));
    assert_eq!(bench.limiter.earliest(&mut bench.state, 0, bench.now), until);
    // Two are in the burst, the rest come at 18 a second and rising.
    let tenth = bench.limiter.earliest(&mut bench.state, 9, bench.now) - until;
    assert!((MS * 100..MS * 600).contains(&tenth), "{tenth:?}");
    bench.now = until - MS;
    assert!(!bench.goes());
    bench.now = until;
    bench.is_close(18.0);
    assert!(bench.goes());
}

#[test]
fn a_retry_after_of_a_second_is_left_to_the_lower_rate_and_one_of_an_hour_is_held_for_a_minute() {
    let mut bench = Bench::new(Quota::per_second(20).burst(5));
    bench.take_all(SECOND * 10);
    bench.throttle(MS, Some(SECOND));
    assert_eq!(bench.rate().held_for, Duration::ZERO);
    bench.throttle(Duration::ZERO, Some(SECOND * 3600));
    assert_eq!(bench.rate().held_for, SECOND * 60);
    // A shorter one does not shorten it.
    bench.throttle(MS, Some(SECOND * 2));
    assert_eq!(bench.rate().held_for, SECOND * 60);
}

/// While it is held, a key measures nothing: it once forgot its plateau at the second refusal, and
/// took half a minute to come back.
#[test]
fn a_server_that_refuses_all_with_a_retry_after_does_not_erase_what_was_known() {
    let mut bench = Bench::new(Quota::per_second(20).burst(5));
    bench.take_all(SECOND * 10);
    bench.throttle(MS, Some(SECOND * 10));
    for _ in 0..3 {
        bench.now += SECOND * 10;
        assert!(bench.goes());
        bench.now += MS * 50;
        bench.throttle(MS * 50, Some(SECOND * 10));
    }
    bench.now += SECOND * 10;
    assert_eq!(bench.rate().granted, 0.5);
    assert!(bench.rate().accepted.is_sign_positive(), "-0 in a health report");
    bench.now += SECOND * 5;
    assert!(bench.rate().granted > 15.0, "{:?}", bench.rate());
}

#[test]
fn a_change_of_the_quota_holds_under_a_cut_as_well() {
    let quota = Live::new(Quota::per_second(100).burst(1));
    let mut bench = Bench::new(quota.clone());
    bench.take_all(SECOND * 10);
    bench.throttle(MS, None);
    bench.is_close(90.0);
    quota.set(Quota::per_second(10).burst(1));
    assert_eq!((bench.rate().granted.round(), bench.rate().is_cut), (10.0, false));
    assert!((10..=11).contains(&bench.take_all(SECOND)));
    // It has recovered from what that quota would not notice; a raise finds no cut.
    bench.throttle(MS, None);
    bench.is_close(9.0);
    quota.set(Quota::per_second(50).burst(1));
    bench.is_close(9.0);
    assert!(bench.take_all(SECOND) <= 11);
    assert!(bench.is_throttled(), "reckoned for the new quota");
}

/// Whether anything is throttled is known from one number: it must follow a quota that is raised.
#[test]
fn a_raised_quota_takes_longer_to_come_back_to_and_that_is_known() {
    let quota = Live::new(Quota::per_second(10).burst(1));
    let mut bench = Bench::new(quota.clone());
    bench.take_all(SECOND * 10);
    bench.throttle(MS, None);
    bench.now += SECOND;
    quota.set(Quota::per_second(1000).burst(1));
    bench.check();
    // Ten a second would be back by now, a thousand are not.
    bench.now += SECOND * 10;
    assert!(bench.is_throttled() && bench.rate().is_cut);
    bench.now += SECOND * 60;
    assert!(!bench.is_throttled() && !bench.rate().is_cut);
}

/// The figures of the documentation, for a quota that is meant as none.
#[test]
fn the_way_back_from_the_floor_is_as_long_as_the_quota_is_high() {
    for (quota, secs) in [(100, 38), (1000, 78), (1_000_000, 758), (u32::MAX, 7562)] {
        let mut bench = Bench::new(Quota::per_second(quota).burst(1));
        assert!(bench.goes());
        bench.throttle(Duration::ZERO, None);
        bench.now += SECOND * (secs - 1);
        assert!(bench.is_throttled() && bench.rate().is_cut, "{quota}");
        bench.now += SECOND * 2;
        assert!(!bench.is_throttled() && !bench.rate().is_cut, "{quota}");
    }
}

#[test]
fn a_key_under_a_cut_is_not_forgotten_nor_one_in_use() {
    let mut bench = Bench::new(Quota::per_second(1).burst(1));
    assert!(bench.goes());
    bench.now += SECOND * 2;
    assert!(bench.limiter.is_idle(&mut bench.state, bench.now), "one call, and its cell is back");
    assert!(bench.goes());
    bench.throttle(Duration::ZERO, Some(SECOND * 30));
    bench.now += SECOND * 20;
    assert!(!bench.limiter.is_idle(&mut bench.state, bench.now));
    bench.now += SECOND * 60;
    assert!(bench.limiter.is_idle(&mut bench.state, bench.now), "all is over");

    let mut busy = Bench::new(Quota::per_second(100).burst(10));
    assert!(busy.goes() && busy.goes());
    busy.now += SECOND;
    assert!(!busy.limiter.is_idle(&mut busy.state, busy.now), "its answers may still be out");
    busy.now += SECOND * 5;
    assert!(busy.limiter.is_idle(&mut busy.state, busy.now));
}

/// What may happen to a key.
#[derive(Clone, Debug)]
enum Step {
    Ask(u32),
    Rest(u32),
    Refuse { ago: u32, retry_after: u32 },
    Change(Quota),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let quota =
        (1..2000u32, 1..50u32).prop_map(|(rate, burst)| Quota::per_second(rate).burst(burst));
    let step = prop_oneof![
        4 => (1..60u32).prop_map(Step::Ask),
        4 => (0..2000u32).prop_map(Step::Rest),
        2 => (0..500u32, 0..6u32).prop_map(|(ago, retry_after)| Step::Refuse { ago, retry_after }),
        1 => quota.prop_map(Step::Change),
    ];
    prop::collection::vec(step, 1..80)
}

fn most_in_any(moments: &[Duration], window: Duration) -> usize {
    let ends = |begin| moments.partition_point(|at| *at <= begin + window);
    moments.iter().enumerate().map(|(at, begin)| ends(*begin) - at).max().unwrap_or(0)
}

proptest! {
    /// Whatever is thrown at it: within floor and quota, rising while nothing is refused, no cell
    /// granted by a refusal, and no more calls than the quota says when there was but one.
    #[test]
    fn cuts_only_ever_take(rate in 1..2000u32, burst in 1..50u32, steps in steps(), window in 1..10_000u32) {
        let quota = Quota::per_second(rate).burst(burst);
        let live = Live::new(quota);
        let mut bench = Bench::new(live.clone());
        let (begun, mut before, mut is_one_quota) = (bench.now, bench.rate(), true);
        let mut moments = Vec::new();
        for step in steps {
            match step {
                Step::Ask(calls) => for _ in 0..calls {
                    if bench.goes() {
                        moments.push(bench.now - begun);
                    }
                },
                Step::Rest(millis) => bench.now += MS * millis,
                Step::Refuse { ago, retry_after } => {
                    let had_one = bench.clone_goes();
                    bench.throttle((MS * ago).min(bench.now - begun), Some(SECOND * retry_after));
                    prop_assert!(had_one || !bench.clone_goes(), "a refusal made a cell");
                    prop_assert!(bench.rate().granted <= before.granted.max(bench.rate().quota / 2.0) + 1e-6);
                    before = KeyRate { granted: 0.0, ..before };
                }
                Step::Change(quota) => {
                    live.set(quota);
                    is_one_quota = false;
                    before = KeyRate { granted: 0.0, ..before };
                }
            }
            let now = bench.rate();
            prop_assert!(now.granted <= now.quota + 1e-9);
            prop_assert!(now.granted >= now.quota.min(0.5) - 1e-9);
            prop_assert!(now.granted >= before.granted - 1e-6, "{} after {}", now.granted, before.granted);
            before = now;
        }
        if is_one_quota {
            let window = MS * window;
            prop_assert!(most_in_any(&moments, window) as u128 <= quota.most_in(window));
        }
    }

    /// The estimate for a place in the line is near to what comes true, and never later.
    #[test]
    fn under_a_cut_the_estimate_for_a_place_comes_true(
        rate in 5..500u32, burst in 1..20u32, ahead in 0..200usize, after in 0..8000u32, hold in 0..5u32,
    ) {
        let mut bench = Bench::new(Quota::per_second(rate).burst(burst));
        bench.take_all(SECOND * 6);
        bench.throttle(MS, Some(SECOND * hold));
        bench.take_all(MS * after);
        let told = bench.limiter.earliest(&mut bench.state, ahead, bench.now);
        let asked = bench.now;
        for _ in 0..=ahead {
            while let Check::NotBefore(at) = bench.check() {
                bench.now = at;
            }
        }
        let late = bench.now.saturating_duration_since(told);
        let early = told.saturating_duration_since(bench.now);
        // Between two looks the rate of the first holds: that much the estimate knows better.
        prop_assert!(early <= MS, "{early:?} too late");
        prop_assert!(late <= (bench.now - asked) / 10 + MS * 20, "{late:?} of {:?}", bench.now - asked);
    }
}
