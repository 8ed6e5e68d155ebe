//! The rate limit and the concurrency limit.

use std::time::Duration;

use http::Method;
use tokio::time::advance;
use twilio_proxy::call::Clock;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Settings, Simulator};

use crate::support::*;

async fn fetches(simulator: &Simulator, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(fetch(simulator, "name").await.0);
    }
    statuses
}

#[tokio::test(start_paused = true)]
async fn the_151st_request_in_five_seconds_is_429_with_80621() {
    let simulator = Simulator::with(settings());
    assert_eq!(fetches(&simulator, 150).await, [404; 150]);
    let (status, error) = fetch(&simulator, "name").await;
    assert_eq!((status, &error["code"]), (429, &80621.into()));
    // Each operation has a limit of its own, and so has each Service.
    assert_eq!(send(&simulator, Method::GET, &path(""), "").await.0, 200);
    let elsewhere = path("/name").replace("KS0", "KS1");
    assert_eq!(send(&simulator, Method::GET, &elsewhere, "").await.0, 404);

    advance(Duration::from_millis(4999)).await;
    assert_eq!(fetches(&simulator, 1).await, [429]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(fetches(&simulator, 151).await[149..], [404, 429]);
}

/// A bucket that refills would let 149 more through by then: this is what tells it from a window.
#[tokio::test(start_paused = true)]
async fn a_burst_is_remembered_for_the_whole_window() {
    let simulator = Simulator::with(settings());
    fetches(&simulator, 150).await;
    for _ in 0..4 {
        advance(Duration::from_secs(1)).await;
        assert_eq!(fetches(&simulator, 2).await, [429, 429]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_does_nothing() {
    let simulator = Simulator::with(settings().rate_limit(1, Duration::from_secs(5)));
    create(&simulator, "UniqueName=a").await;
    assert_eq!(refusal(&simulator, "UniqueName=b").await, (429, 80621));
    assert_eq!((simulator.sessions().len(), simulator.stats().committed()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn it_says_when_to_come_back_only_if_it_is_set_to() {
    let silent = settings().rate_limit(1, Duration::from_millis(2500));
    for (settings, said) in [(silent.clone(), None), (silent.retry_after(true), Some("3"))] {
        let simulator = Simulator::with(settings);
        fetch(&simulator, "name").await;
        let request = request(Method::GET, &path("/name"), "");
        let refused = try_send(&simulator, request).await.expect("an answer");
        let header =
            refused.headers().get("retry-after").map(|value| value.to_str().expect("text"));
        assert_eq!((refused.status().as_u16(), header), (429, said));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_never_reached_proxy_or_were_not_let_in_take_no_place() {
    let simulator = Simulator::with(settings().rate_limit(1, Duration::from_secs(5)));
    let mut stranger = request(Method::GET, &path("/name"), "");
    stranger.headers_mut().remove("authorization");
    try_send(&simulator, stranger).await.expect("an answer");
    simulator.set_faults(FaultPlan::none().next(1, Mishap::ErrorBefore(status(503))));
    assert_eq!(fetches(&simulator, 3).await, [503, 404, 429]);
}

#[tokio::test(start_paused = true)]
async fn the_concurrency_limit_is_429_with_20429_and_a_left_request_gives_its_place_back() {
    let second = Duration::from_secs(1);
    let simulator = Simulator::with(settings().concurrency_limit(2).latency(second));
    let three = futures_util::future::join3(
        fetch(&simulator, "a"),
        fetch(&simulator, "b"),
        fetch(&simulator, "c"),
    );
    let (a, b, c) = three.await;
    assert_eq!((a.0, b.0, c.0, &c.1["code"]), (404, 404, 429, &20429.into()));

    let left = futures_util::future::join(fetch(&simulator, "a"), fetch(&simulator, "b"));
    assert!(tokio::time::timeout(second / 2, left).await.is_err());
    let all = futures_util::future::join(fetch(&simulator, "a"), fetch(&simulator, "b")).await;
    assert_eq!((all.0.0, all.1.0), (404, 404));
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_are_counted_in_the_answers() {
    let simulator = Simulator::with(settings().latency(Duration::from_secs(1)));
    let send = || try_send(&simulator, request(Method::GET, &path("/name"), ""));
    let (one, two) = futures_util::future::join(send(), send()).await;
    let count = |answer: Result<http::Response<_>, _>| -> String {
        let answer: http::Response<twilio_proxy::call::Collected> = answer.expect("an answer");
        answer.headers()["twilio-concurrent-requests"].to_str().expect("text").to_owned()
    };
    assert_eq!((count(one), count(two)), ("1".into(), "2".into()));
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_there_is_none() {
    let settings = Settings::default().clock(Clock::system()).without_rate_limit();
    let simulator = Simulator::with(settings);
    assert_eq!(fetches(&simulator, 500).await, [404; 500]);
    assert_eq!(simulator.stats().of(Action::Fetch).received, 500);
}
