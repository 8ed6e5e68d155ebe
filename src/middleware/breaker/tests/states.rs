//! From closed to open to half-open and back, over the service.

use tokio_test::{assert_pending, task};
use tower::limit::ConcurrencyLimitLayer as Foreign;

use super::*;

const CLOSED: CircuitState = CircuitState::Closed;
const OPEN: CircuitState = CircuitState::Open;
const HALF_OPEN: CircuitState = CircuitState::HalfOpen;

#[tokio::test(start_paused = true)]
async fn it_opens_when_half_of_enough_calls_fail_and_says_when_to_come_back() {
    let bench = Bench::new();
    bench.calls(5, GOES_WELL).await;
    bench.calls(4, FAILS).await;
    assert_eq!(bench.state(), CLOSED, "nine calls say nothing");
    bench.calls(1, FAILS).await;
    assert_eq!(bench.state(), OPEN);
    let status = bench.status();
    assert_eq!((status.calls, status.failures, status.opened), (10, 5, 1));
    assert!((status.failure_rate() - 0.5).abs() < 1e-9 && status.slow_rate() == 0.0);

    let first = bench.rejected().await.retry_after().expect("a time");
    assert!((SECOND * 5 / 2..=SECOND * 5).contains(&first), "{first:?}");
    tokio::time::sleep(SECOND).await;
    assert_eq!(bench.rejected().await.retry_after(), Some(first - SECOND));
    assert_eq!(bench.status().retry_after, Some(first - SECOND));
}

#[tokio::test(start_paused = true)]
async fn few_calls_and_few_failures_open_nothing() {
    let bench = Bench::new();
    bench.calls(9, FAILS).await;
    tokio::time::sleep(SECOND * 10).await;
    bench.calls(9, FAILS).await;
    assert_eq!(bench.state(), CLOSED, "the first nine are past");
    tokio::time::sleep(SECOND * 10).await;
    bench.calls(11, GOES_WELL).await;
    bench.calls(10, FAILS).await;
    assert_eq!(bench.state(), CLOSED, "ten of twenty-one");
    bench.calls(1, FAILS).await;
    assert_eq!(bench.state(), OPEN, "eleven of twenty-two");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_well_opens_nothing() {
    let bench = Bench::new();
    bench.calls(9, FAILS).await;
    bench.calls(1, GOES_WELL).await;
    assert_eq!(bench.state(), CLOSED, "nine of ten failed, and now it works");
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_and_three_that_pass_close_it() {
    let bench = Bench::new();
    bench.wait_until_probing().await;
    assert_eq!(bench.state(), OPEN, "nobody has come yet");
    bench.server.does(Manner::Slowly(SECOND, 200));
    for passed in 0..3 {
        assert_ne!(bench.state(), CLOSED, "after {passed}");
        let mut probe = task::spawn(bench.call());
        assert_pending!(probe.poll());
        assert_eq!((bench.state(), bench.status().probes), (HALF_OPEN, 1));
        let wait = bench.rejected().await.retry_after().expect("a time");
        assert!(wait < SECOND, "{wait:?}");
        probe.await.expect("passes");
    }
    assert_eq!((bench.state(), bench.status().calls), (CLOSED, 0), "what was is forgotten");
    bench.calls(9, FAILS).await;
    assert_eq!(bench.state(), CLOSED);
}

#[tokio::test(start_paused = true)]
async fn one_probe_that_fails_opens_it_again_for_twice_as_long_up_to_a_cap() {
    let bench = Bench::new();
    bench.calls(10, FAILS).await;
    for longest in [5, 10, 20, 40, 60, 60] {
        let longest = SECOND * longest;
        let time = bench.status().retry_after.expect("open");
        assert!((longest / 2..=longest).contains(&time), "{time:?} of {longest:?}");
        tokio::time::sleep(time).await;
        // One passes; that is not enough to forget.
        bench.calls(1, GOES_WELL).await;
        bench.calls(1, FAILS).await;
        assert_eq!(bench.state(), OPEN);
    }
    assert_eq!(bench.status().opened, 7);
}

#[tokio::test(start_paused = true)]
async fn only_a_stable_time_makes_the_open_time_short_again() {
    let bench = Bench::new();
    let longest = |bench: &Bench| bench.status().retry_after.expect("open");
    bench.wait_until_probing().await;
    bench.calls(3, GOES_WELL).await;
    tokio::time::sleep(SECOND * 59).await;
    bench.calls(10, FAILS).await;
    assert!(longest(&bench) > SECOND * 5 - SECOND / 1000, "it flaps: {:?}", longest(&bench));
    bench.wait_until_probing().await;
    bench.calls(3, GOES_WELL).await;
    tokio::time::sleep(SECOND * 60).await;
    bench.calls(10, FAILS).await;
    assert!(longest(&bench) <= SECOND * 5, "{:?}", longest(&bench));
}

#[tokio::test(start_paused = true)]
async fn the_jitter_follows_from_the_seed_and_differs_between_seeds() {
    let mut times = Vec::new();
    for seed in [1, 1, 2] {
        let bench = Bench::new();
        let bench = Bench { layer: bench.layer.rng(Rng::seeded(seed)), server: bench.server };
        bench.calls(10, FAILS).await;
        times.push(bench.status().retry_after);
    }
    assert_eq!(times[0], times[1]);
    assert_ne!(times[0], times[2]);
}

#[tokio::test(start_paused = true)]
async fn what_began_before_judges_nothing_after() {
    let bench = Bench::new();
    bench.server.does(Manner::Slowly(SECOND * 20, 503));
    let mut early: Vec<_> = (0..20).map(|_| task::spawn(bench.call())).collect();
    for call in &mut early {
        assert_pending!(call.poll());
    }
    bench.wait_until_probing().await;
    bench.calls(3, GOES_WELL).await;
    assert_eq!((bench.state(), bench.status().sequence), (CLOSED, 3));
    for call in early {
        call.await.expect("an answer");
    }
    assert_eq!((bench.state(), bench.status().calls), (CLOSED, 0));
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_trial_judges_nothing_in_a_later_one() {
    let bench = Bench::with(Settings::new().min_calls(10).probes(2));
    bench.wait_until_probing().await;
    bench.server.does(Manner::Slowly(SECOND * 30, 503));
    let mut lingering = task::spawn(bench.call());
    assert_pending!(lingering.poll());
    bench.calls(1, FAILS).await;
    bench.wait_until_probing().await;
    bench.calls(1, GOES_WELL).await;
    assert_eq!(bench.state(), HALF_OPEN);
    let _ = lingering.await;
    assert_eq!((bench.state(), bench.status().probes), (HALF_OPEN, 0));
    bench.calls(2, GOES_WELL).await;
    assert_eq!(bench.state(), CLOSED);
}

/// tower's own limit takes its permit in `poll_ready`. A breaker that said no there would turn callers away
/// who have not yet decided to call.
#[tokio::test(start_paused = true)]
async fn it_refuses_in_call_and_readiness_is_the_inner_services() {
    let bench = Bench::new();
    bench.calls(10, FAILS).await;
    let one_at_a_time = Foreign::new(1).layer(bench.server.clone());
    let mut service = bench.layer.layer(one_at_a_time.clone());
    service.ready().await.expect("ready, though open");
    let mut other = bench.layer.layer(one_at_a_time);
    assert_pending!(task::spawn(other.ready()).poll());
    drop(service);
    let error = other.ready().await.expect("ready").call(request_to(URL)).await;
    error.expect_err("refused");
}

#[tokio::test(start_paused = true)]
async fn each_origin_has_a_circuit_of_its_own_however_it_is_spelled() {
    let bench = Bench::new();
    bench.server.does(FAILS);
    let spellings = ["https://api.test/a", "https://API.test/b", "https://api.test:443/c"];
    for call in 0..9 {
        let _ = bench.call_to(spellings[call % 3]).await;
        for other in ["http://api.test/", "https://api.test:8443/", "https://b.api.test/"] {
            let _ = bench.call_to(other).await;
        }
    }
    assert_eq!(bench.layer.circuits().list().len(), 4);
    let _ = bench.call_to(spellings[2]).await;
    for url in spellings {
        assert!(!bench.layer.circuits().is_closed(&url.parse().expect("a URL")));
        bench.call_to(url).await.expect_err("refused");
    }
    bench.call_to("http://api.test/").await.expect("an answer");
    let states: Vec<_> = bench.layer.circuits().list().iter().map(|one| one.state).collect();
    assert_eq!(states, [OPEN, OPEN, CLOSED, CLOSED], "the last call but one was the tenth there");
}
