//! Spacing by itself, and the `backoff` crate's own schedules plugged in.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use backoff::backoff::{Backoff, Constant, Stop as NoRetry};
use backoff::exponential::ExponentialBackoff;
use proptest::prelude::*;

use super::*;
use crate::call::{Class, Rng};

proptest! {
    #[test]
    fn jitter_stays_within_its_bounds(
        seed: u64,
        base in 0..10_000_u64,
        throttled_base in 0..10_000_u64,
        cap in 0..60_000_u64,
        failures in prop::collection::vec(any::<bool>(), 1..80),
    ) {
        let schedule = FullJitter::new()
            .base(Duration::from_millis(base))
            .throttled_base(Duration::from_millis(throttled_base))
            .cap(Duration::from_millis(cap));
        let mut backoff = schedule.start(&Rng::seeded(seed));
        for (n, throttled) in failures.into_iter().enumerate() {
            let class = if throttled { Class::Throttled } else { Class::Unavailable };
            let delay = schedule.next(&mut backoff, class).expect("never ends");
            let base = u128::from(if throttled { throttled_base } else { base });
            let ceiling = u128::from(cap).min(base << n.min(64));
            prop_assert!(delay.as_millis() <= ceiling, "{delay:?} after {n} failures");
        }
    }

    /// Full jitter is spread over all of its range, not bunched at one end, and the range doubles.
    #[test]
    fn jitter_uses_its_whole_range(seed: u64, failures in 0..4_u32) {
        let schedule = FullJitter::new().base(Duration::from_millis(100));
        let rng = Rng::seeded(seed);
        let draws = [(); 200].map(|()| {
            let mut backoff = schedule.start(&rng);
            for _ in 0..failures {
                backoff.next_backoff();
            }
            backoff.next_backoff().expect("never ends")
        });
        let ceiling = Duration::from_millis(100) * 2_u32.pow(failures);
        let low = draws.iter().filter(|delay| **delay < ceiling / 4).count();
        let high = draws.iter().filter(|delay| **delay > ceiling / 4 * 3).count();
        prop_assert!(low >= 15 && high >= 15, "{draws:?}");
    }
}

#[test]
fn extremes_do_not_overflow() {
    let schedule = FullJitter::new().base(Duration::MAX).cap(Duration::MAX);
    let mut backoff = schedule.start(&Rng::seeded(1));
    for _ in 0..100 {
        assert!(backoff.next_backoff().is_some());
    }
}

#[test]
fn reset_begins_anew() {
    let schedule = FullJitter::new();
    let mut backoff = schedule.start(&Rng::seeded(1));
    for _ in 0..30 {
        backoff.next_backoff();
    }
    backoff.reset();
    assert!(backoff.next_backoff().expect("never ends") <= Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn the_crates_constant_schedule_plugs_in() {
    let layer = RetryLayer::new().schedule(|| Constant::new(Duration::from_millis(300)));
    let (_done, mut server) = start(&layer, fetch());
    let times = fail_all(&mut server, 503).await;
    let millis: Vec<_> = times.iter().map(|time| time.as_millis() / 10 * 10).collect();
    assert_eq!(millis, [0, 300, 600, 900]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_ends_ends_the_call() {
    let layer = RetryLayer::new().schedule(|| NoRetry {});
    assert_eq!(attempts(&layer, fetch(), &[503]).await, 1);
}

/// The crate's schedule ends by its own clock. Over system time it would not end here at all:
/// an hour of paused time takes no time.
#[tokio::test(start_paused = true)]
async fn the_crates_exponential_schedule_plugs_in_and_runs_on_tokios_clock() {
    let schedule = || ExponentialBackoff::<TokioClock> {
        initial_interval: Duration::from_secs(600),
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: Duration::from_secs(3600),
        max_elapsed_time: Some(Duration::from_secs(3000)),
        ..Default::default()
    };
    let policy = StandardPolicy::new().max_attempts(100);
    let layer = RetryLayer::new().policy(policy).schedule(schedule);
    let (_done, mut server) = start(&layer, fetch());
    let times = fail_all(&mut server, 503).await;
    let minutes: Vec<_> = times.iter().map(|time| time.as_secs() / 60).collect();
    // 10 minutes, then 20; the next 40 would pass the limit of 50.
    assert_eq!(minutes, [0, 10, 30]);
}

/// A schedule made long ago has grown and its time has run out: each call begins with a fresh one.
#[tokio::test(start_paused = true)]
async fn a_schedule_is_reset_for_each_call_and_made_only_for_calls_that_fail() {
    struct Counting(Arc<Mutex<Vec<&'static str>>>);
    impl Backoff for Counting {
        fn reset(&mut self) {
            self.0.lock().expect("no panic").push("reset");
        }
        fn next_backoff(&mut self) -> Option<Duration> {
            self.0.lock().expect("no panic").push("next");
            Some(Duration::ZERO)
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let made = Arc::new(AtomicU32::new(0));
    let (log_too, made_too) = (Arc::clone(&log), Arc::clone(&made));
    let layer = RetryLayer::new().schedule(move || {
        made_too.fetch_add(1, Relaxed);
        Counting(Arc::clone(&log_too))
    });

    assert_eq!(attempts(&layer, fetch(), &[200]).await, 1);
    assert_eq!(attempts(&layer, fetch(), &[404]).await, 1);
    assert_eq!(made.load(Relaxed), 0);
    assert_eq!(attempts(&layer, fetch(), &[503, 503, 200]).await, 3);
    assert_eq!(attempts(&layer, fetch(), &[503, 200]).await, 2);
    assert_eq!(*log.lock().expect("no panic"), ["reset", "next", "next", "reset", "next"]);
}
