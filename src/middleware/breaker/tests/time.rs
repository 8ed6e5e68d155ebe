//! Whose time it is: the server's, our queues', the caller's patience.

use tokio_test::{assert_pending, task};

use super::*;
use crate::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use crate::middleware::limit::ConcurrencyLimitLayer;

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_too_slowly_too_often_is_down() {
    let bench = Bench::new();
    bench.calls(2, GOES_WELL).await;
    let nearly = SECOND * 3 - Duration::from_millis(1);
    for (time, slow) in [(nearly, 0), (SECOND * 3, 8)] {
        bench.server.does(Manner::Slowly(time, 200));
        // Side by side, or the first would be out of the window before the last has come.
        futures_util::future::join_all((0..8).map(|_| bench.call())).await;
        if slow == 0 {
            tokio::time::sleep(SECOND * 10).await;
            bench.calls(2, GOES_WELL).await;
        }
        assert_eq!(bench.status().slow, slow);
    }
    assert_eq!(bench.state(), CircuitState::Open, "eight of ten");
    assert!((bench.status().slow_rate() - 0.8).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn slowness_can_be_left_out() {
    let bench = Bench::with(Settings::new().min_calls(2).slow_call(None));
    bench.server.does(Manner::Slowly(SECOND * 600, 200));
    futures_util::future::join_all((0..8).map(|_| bench.call())).await;
    assert_eq!((bench.state(), bench.status().slow), (CircuitState::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_does_not_pass() {
    let bench = Bench::with(Settings::new().min_calls(10).passes(1));
    bench.wait_until_probing().await;
    bench.calls(1, Manner::Slowly(SECOND * 3, 200)).await;
    assert_eq!(bench.state(), CircuitState::Open);
}

/// Ten calls, one second each, one at a time: the last waits nine, and the server is as quick as ever.
#[tokio::test(start_paused = true)]
async fn the_time_in_our_queues_is_not_the_servers() {
    let bench = Bench::with(Settings::new().min_calls(2).slow_percent(10));
    let stack = tower::ServiceBuilder::new()
        .layer(bench.layer.clone())
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(AttemptTimeoutLayer::new(SECOND * 10))
        .service(bench.server.clone());
    bench.server.does(Manner::Slowly(SECOND, 200));
    let calls = (0..10).map(|_| stack.clone().oneshot(request_to(URL)));
    futures_util::future::join_all(calls).await;
    let status = bench.status();
    assert_eq!((status.state, status.slow), (CircuitState::Closed, 0));

    // One that is dropped in the queue has had no time of the server's at all.
    bench.server.does(Manner::Hang);
    let mut hangs = task::spawn(stack.clone().oneshot(request_to(URL)));
    assert_pending!(hangs.poll());
    let mut queued = task::spawn(stack.clone().oneshot(request_to(URL)));
    assert_pending!(queued.poll());
    tokio::time::sleep(SECOND * 9).await;
    assert_pending!(queued.poll());
    drop(queued);
    assert_eq!(bench.status().slow, 0);
    drop(hangs);
    assert_eq!(bench.status().slow, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_counts_only_if_the_server_had_it_for_long() {
    let bench = Bench::new();
    bench.server.does(Manner::Hang);
    for (patience, calls) in [(2_999, 0), (3_000, 1), (3_500, 2)] {
        let patience = Duration::from_millis(patience);
        tokio::time::timeout(patience, bench.call()).await.expect_err("hangs");
        let status = bench.status();
        assert_eq!((status.calls, status.slow, status.failures), (calls, calls, 0));
    }
}

/// Where all callers give up before the attempt's timeout, nothing ever fails down here.
#[tokio::test(start_paused = true)]
async fn short_deadlines_do_not_hide_a_server_that_hangs() {
    let bench = Bench::new();
    let stack = tower::ServiceBuilder::new()
        .layer(DeadlineLayer::new(SECOND * 4))
        .layer(bench.layer.clone())
        .layer(ConcurrencyLimitLayer::new(64))
        .layer(AttemptTimeoutLayer::new(SECOND * 10))
        .service(bench.server.clone());
    bench.server.does(Manner::Hang);
    let calls = (0..12).map(|_| stack.clone().oneshot(request_to(URL)));
    futures_util::future::join_all(calls).await;
    assert_eq!(bench.state(), CircuitState::Open);

    // Nor does a probe whose caller gives up.
    tokio::time::sleep(bench.status().retry_after.expect("open")).await;
    let _ = stack.clone().oneshot(request_to(URL)).await;
    assert_eq!((bench.state(), bench.status().opened), (CircuitState::Open, 2));
}

/// A deadline below this layer ends the attempt as one above would.
#[tokio::test(start_paused = true)]
async fn a_deadline_further_down_is_a_caller_who_gives_up() {
    for (within, slow) in [(2, 0), (4, 3)] {
        let bench = Bench::new();
        let stack =
            bench.layer.layer(DeadlineLayer::new(SECOND * within).layer(bench.server.clone()));
        bench.server.does(Manner::Hang);
        for _ in 0..3 {
            stack.clone().oneshot(request_to(URL)).await.expect_err("too late");
        }
        assert_eq!((bench.status().slow, bench.status().failures), (slow, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_place_back_unjudged() {
    let bench = Bench::new();
    bench.wait_until_probing().await;
    bench.server.does(Manner::Hang);
    for patience in [0, 1, 2_999] {
        let patience = Duration::from_millis(patience);
        tokio::time::timeout(patience, bench.call()).await.expect_err("hangs");
        assert_eq!((bench.state(), bench.status().probes), (CircuitState::HalfOpen, 0));
    }
    // Before it was ever polled.
    let mut service = bench.layer.layer(bench.server.clone());
    let future = service.ready().await.expect("ready").call(request_to(URL));
    assert_eq!(bench.status().probes, 1);
    drop(future);
    assert_eq!(bench.status().probes, 0);
    bench.calls(3, GOES_WELL).await;
    assert_eq!(bench.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_after_long_has_failed() {
    let bench = Bench::new();
    bench.wait_until_probing().await;
    bench.server.does(Manner::Hang);
    tokio::time::timeout(SECOND * 3, bench.call()).await.expect_err("hangs");
    assert_eq!(bench.state(), CircuitState::Open);
}

/// Or one forgotten future would keep an endpoint out for good.
#[tokio::test(start_paused = true)]
async fn a_probe_that_nobody_polls_loses_its_place() {
    let bench = Bench::new();
    bench.wait_until_probing().await;
    let mut service = bench.layer.layer(bench.server.clone());
    let forgotten = service.ready().await.expect("ready").call(request_to(URL));
    bench.server.does(GOES_WELL);
    tokio::time::sleep(SECOND * 30 - Duration::from_millis(1)).await;
    bench.rejected().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    bench.calls(1, GOES_WELL).await;
    // What it says in the end is of no interest any more.
    drop(forgotten);
    assert_eq!((bench.state(), bench.status().probes), (CircuitState::HalfOpen, 0));
    bench.calls(2, GOES_WELL).await;
    assert_eq!(bench.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_ended_call_is_counted_though_its_future_is_kept() {
    let bench = Bench::new();
    let mut service = bench.layer.layer(bench.server.clone());
    let mut call = task::spawn(service.ready().await.expect("ready").call(request_to(URL)));
    assert!(call.poll().is_ready());
    assert_eq!(bench.status().calls, 1);
    tokio::time::sleep(SECOND * 3).await;
    drop(call);
    assert_eq!((bench.status().calls, bench.status().slow), (1, 0), "and once only");
}

/// A later attempt of a call finds the facts with an earlier one's moment in them, and over a stack where
/// nobody notes such moments it stays there.
#[tokio::test(start_paused = true)]
async fn a_second_attempt_is_timed_by_itself() {
    let bench = Bench::new();
    bench.server.does(Manner::Slowly(SECOND * 2, 200));
    let timeout = AttemptTimeoutLayer::new(SECOND * 10);
    let timed = tower::ServiceBuilder::new().layer(bench.layer.clone()).layer(timeout);
    let timed = timed.service(bench.server.clone());
    let first = request_to(URL);
    let facts = Arc::clone(CallFacts::of(first.extensions()).expect("facts"));
    let again = || {
        let mut request = request_to(URL);
        request.extensions_mut().insert(Arc::clone(&facts));
        request
    };
    timed.clone().oneshot(first).await.expect("an answer");
    timed.oneshot(again()).await.expect("an answer");
    let untimed = bench.layer.layer(bench.server.clone());
    untimed.oneshot(again()).await.expect("an answer");
    assert_eq!((bench.status().calls, bench.status().slow), (3, 0));
}

/// Two attempts side by side share the facts. What the later one notes there is not the earlier one's.
#[tokio::test(start_paused = true)]
async fn a_hedge_does_not_make_the_first_attempt_look_quick() {
    let bench = Bench::new();
    let stack = tower::ServiceBuilder::new()
        .layer(bench.layer.clone())
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(AttemptTimeoutLayer::new(SECOND * 10))
        .service(bench.server.clone());
    bench.server.does(Manner::Hang);
    let mut before = task::spawn(stack.clone().oneshot(request_to(URL)));
    assert_pending!(before.poll());
    let request = request_to(URL);
    let facts = Arc::clone(CallFacts::of(request.extensions()).expect("facts"));
    let mut queued = task::spawn(stack.oneshot(request));
    assert_pending!(queued.poll());
    tokio::time::sleep(SECOND).await;
    bench.server.does(Manner::Slowly(SECOND * 4, 200));
    drop(before);
    assert_pending!(queued.poll());
    tokio::time::sleep(SECOND * 3).await;
    facts.mark_attempt_started(tokio::time::Instant::now());
    queued.await.expect("an answer");
    assert_eq!(bench.status().slow, 1);
}
