//! The same promises over real connections, which break in ways that no service in memory does.

use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;
use twilio_proxy::call::Rng;
use twilio_proxy::gateway::{GatewayBuilder, StackLayers};
use twilio_proxy::middleware::auth::oauth::Client;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::retry::{Budget, FullJitter};
use twilio_proxy::simulator::{
    Action, FaultPlan, Mishap, RetryAfter, Settings, Simulator, Stats, created_twice,
};
use twilio_proxy::transport::{self, ProxyTransport};

use crate::leaks::{Log, assert_absent};
use crate::ledger::complaints;
use crate::secrets::{accounts, assert_discreet, talkative, visit};
use crate::tokens::{CLIENT, SECRET, giving_tokens};
use crate::traffic::{Report, Traffic};
use crate::world::{builder, clock};

const SEEDS: u64 = 10;

/// Every way for a connection to break. What a stall costs is real time here, so there are few.
fn breaks() -> Vec<(Mishap, u32)> {
    vec![
        (Mishap::Latency(Duration::from_millis(20)), 4),
        (Mishap::Refused, 4),
        (Mishap::ResetBefore, 4),
        (Mishap::ResetAfter, 6),
        (Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE), 2),
        (Mishap::ErrorAfter(StatusCode::INTERNAL_SERVER_ERROR), 4),
        (Mishap::Html(StatusCode::BAD_GATEWAY), 2),
        (Mishap::Throttled(Some(RetryAfter::Seconds(0))), 2),
        (Mishap::Truncated, 4),
        (Mishap::GarbledBody, 2),
        (Mishap::GarbledWire, 4),
        (Mishap::StallBefore, 1),
        (Mishap::StallAfter, 2),
    ]
}

fn hasty(builder: GatewayBuilder) -> GatewayBuilder {
    let moment = Duration::from_millis(1);
    builder.attempt_timeout(Duration::from_millis(300)).quota(Quota::per_second(100_000)).layers(
        move |layers| {
            let jitter = FullJitter::new().base(moment).throttled_base(moment);
            let retry = layers.retry.schedule(jitter).budget(Budget::new(1 << 20));
            StackLayers { retry, ..layers }
        },
    )
}

async fn run(
    seed: u64,
    replay: bool,
    transport: transport::Builder,
) -> (Simulator, Vec<Report>, Stats) {
    let settings = Settings::default().rng(Rng::seeded(seed)).without_rate_limit();
    let simulator = Simulator::with(settings);
    simulator.set_faults(FaultPlan::random(seed).rate(0.3).mix(breaks()));
    let server = simulator.serve().await.unwrap();
    let gateway = hasty(builder(clock(), seed))
        .base_url(server.base_url())
        .transport(transport)
        .build()
        .unwrap();
    let traffic = Traffic { seed, visits: 24, at_once: 8, replay };
    let minute = Duration::from_secs(60);
    let reports = timeout(minute, traffic.run(&gateway)).await;
    let reports = reports.unwrap_or_else(|_| panic!("seed {seed}: calls that never end"));
    assert_eq!(gateway.in_flight(), 0, "seed {seed}");
    server.shutdown().await;
    let stats = simulator.stats();
    (simulator, reports, stats)
}

async fn all_is_as_told(transport: fn() -> transport::Builder) {
    let (mut recovered, mut lost) = (0, 0);
    for seed in 0..SEEDS {
        let (simulator, reports, stats) = run(seed, false, transport()).await;
        let complaints = complaints(&reports, &simulator.commits());
        assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
        recovered += reports
            .iter()
            .filter(|report| report.outcome.as_ref().is_ok_and(|told| told.recovered))
            .count();
        let create = stats.of(Action::Create);
        lost += create.received - create.answered.values().sum::<u64>();
    }
    // Which request meets which mishap is for the scheduler to say: some do, in every run.
    assert!(recovered > 0, "none was found again");
    assert!(lost > SEEDS, "only {lost} creates broke off");
}

async fn replays_are_done_twice(transport: fn() -> transport::Builder) {
    let mut doubles = 0;
    for seed in 0..SEEDS {
        let (simulator, ..) = run(seed, true, transport()).await;
        doubles += created_twice(&simulator.commits()).len();
    }
    assert!(doubles > 0, "no doubles: the test above proves nothing");
}

fn http1() -> transport::Builder {
    ProxyTransport::builder().http1_only()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http1_no_create_is_done_twice_and_no_report_is_wrong() {
    all_is_as_told(http1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http1_creates_that_ask_to_be_replayed_are_done_twice() {
    replays_are_done_twice(http1).await;
}

#[cfg(feature = "http2")]
fn http2() -> transport::Builder {
    ProxyTransport::builder().http2_only()
}

/// One connection for all calls: what breaks it breaks many of them at once.
#[cfg(feature = "http2")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2_no_create_is_done_twice_and_no_report_is_wrong() {
    all_is_as_told(http2).await;
}

#[cfg(feature = "http2")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2_creates_that_ask_to_be_replayed_are_done_twice() {
    replays_are_done_twice(http2).await;
}

/// With the transport's own logs, and those of what it is built on, on one thread with the server's.
async fn nothing_secret_is_printed(transport: fn() -> transport::Builder) {
    let log = Log::default();
    let _listening = log.listen();
    for seed in 0..3 {
        let settings = Settings::default().rng(Rng::seeded(seed)).without_rate_limit();
        let simulator = Simulator::with(giving_tokens(accounts(settings)));
        simulator.set_faults(FaultPlan::random(seed).rate(0.4).mix(breaks()));
        let server = simulator.serve().await.unwrap();
        let talking = || talkative(hasty(builder(clock(), seed)).transport(transport()));
        let gateway = talking().base_url(server.base_url()).build().unwrap();
        futures_util::future::join(visit(&gateway), visit(&gateway)).await;
        tracing::info!("{gateway:?}");
        let tokens = format!("{}/v2/token", server.base_url());
        let client = Client::new(tokens, CLIENT, SECRET);
        let gateway = talking().base_url(server.base_url()).oauth_client(client).build().unwrap();
        futures_util::future::join(visit(&gateway), visit(&gateway)).await;
        tracing::info!("{gateway:?} {:?}", gateway.health());
        server.shutdown().await;
    }
    let text = log.text();
    assert_discreet(&text, &["sessions.create", "trying again", "credentials renewed"]);
    assert_absent(&[SECRET], &text);
    assert!(!text.contains("sim."), "the simulator's tokens begin so");
}

#[tokio::test]
async fn over_http1_no_secret_is_printed() {
    nothing_secret_is_printed(http1).await;
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn over_http2_no_secret_is_printed() {
    nothing_secret_is_printed(http2).await;
}
