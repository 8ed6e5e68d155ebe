//! Gateways under faults, one after the other, until every row of the table has been emitted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::StatusCode;
use metrics::Key;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use twilio_proxy::call::{AccountSid, BoxError, ServiceSid};
use twilio_proxy::gateway::{Gateway, GatewayBuilder, GatewayExt, Monitor};
use twilio_proxy::middleware::auth::{Credentials, FnCredentials, Grant};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::limit::fleet::{FleetLimiter, FleetSettings, MemoryStore};
use twilio_proxy::middleware::observe::metrics::INSTRUMENTS;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{FaultPlan, Mishap, Settings, Simulator};
use twilio_proxy::transport::ProxyTransport;

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const TOKEN: &str = "not-a-secret";

fn service() -> ServiceSid {
    "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::auth_token(ACCOUNT.parse::<AccountSid>().unwrap(), TOKEN)
}

fn builder() -> GatewayBuilder {
    Gateway::builder(credentials())
}

fn simulator() -> Simulator {
    Simulator::with(Settings::new(ACCOUNT.parse().unwrap(), TOKEN))
}

/// What was recorded: the attributes and the value of each series, by name.
fn series(recorder: &DebuggingRecorder) -> BTreeMap<String, Vec<(Key, DebugValue)>> {
    let mut series: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let key = key.key().clone();
        series.entry(key.name().to_owned()).or_default().push((key, value));
    }
    series
}

/// Many calls by themselves, so that some have to wait for the rate limit, under faults of all kinds.
async fn faults() {
    let simulator = simulator();
    simulator.set_faults(FaultPlan::random(3).rate(0.3));
    let gateway = builder().over(simulator).unwrap();
    for order in 0..200 {
        let name = format!("order-{order}");
        let _ = gateway.send(CreateSession::new(service()).unique_name(&name)).await;
        let _ = gateway.send(FetchSession::by_name(service(), &name)).await;
    }
    gateway.health().record();
}

/// A server that is down: retries run out, and the circuit opens.
async fn outage() {
    let simulator = simulator();
    let down = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
    simulator.set_faults(FaultPlan::none().next(1_000, down));
    let gateway = builder().over(simulator).unwrap();
    for _ in 0..20 {
        let _ = gateway.send(FetchSession::by_name(service(), "a")).await;
    }
    gateway.health().record();
}

/// One at a time, so that others wait for a permit; credentials that are supplied; our own transport.
async fn narrow() {
    let supplied = FnCredentials::new(|| async {
        Ok::<_, BoxError>(Grant::new(credentials().authorization().unwrap()))
    });
    let simulator = Simulator::with(
        Settings::new(ACCOUNT.parse().unwrap(), TOKEN).latency(Duration::from_millis(20)),
    );
    let gateway = builder().credentials_from(supplied).max_in_flight(1).over(simulator).unwrap();
    let calls = (0..4).map(|_| gateway.send(FetchSession::by_name(service(), "a")));
    join_all(calls).await;
    gateway.health().record();
    let transport = ProxyTransport::builder().without_tls().build().unwrap();
    Monitor::new().pool(&transport).look().record();
}

async fn fleet() {
    let settings = FleetSettings::new(Quota::per_second(20).burst(4)).processes(2);
    let limiter = FleetLimiter::new(MemoryStore::new(), settings);
    let gateway = builder().over_limited_by(simulator(), limiter).unwrap();
    let _ = gateway.send(FetchSession::by_name(service(), "a")).await;
    gateway.health().record();
}

#[tokio::test(start_paused = true)]
async fn runs_emit_what_is_in_the_table_all_of_it_and_nothing_else() {
    let recorder = DebuggingRecorder::new();
    let _heard = metrics::set_default_local_recorder(&recorder);
    faults().await;
    outage().await;
    narrow().await;
    fleet().await;

    let table: BTreeMap<_, _> = INSTRUMENTS.iter().map(|row| (row.name, row.attributes)).collect();
    let emitted = series(&recorder);
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for key in emitted.values().flatten().map(|(key, _)| key) {
        let attributes = table.get(key.name()).unwrap_or_else(|| panic!("{key} is in no row"));
        for label in key.labels() {
            assert!(attributes.contains(&label.key()), "{key} has {}", label.key());
            assert!(!label.value().contains("order-"), "{key} tells a name");
            used.entry(key.name()).or_default().insert(label.key());
        }
    }
    for (name, attributes) in table {
        assert!(emitted.contains_key(name), "{name} was not emitted");
        let used: Vec<&str> = used.get(name).into_iter().flatten().copied().collect();
        assert_eq!(used, attributes, "the attributes of {name}");
    }
    // 800 sessions, 48 series of histograms and counters and as many gauges: it hangs on the program,
    // not on the traffic.
    let count: usize = emitted.values().map(Vec::len).sum();
    assert!(count < 120, "{count} series");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_counted_as_cancelled_and_is_under_way_no_more() {
    let recorder = DebuggingRecorder::new();
    let _heard = metrics::set_default_local_recorder(&recorder);
    let simulator = simulator();
    simulator.set_faults(FaultPlan::none().next(1, Mishap::StallBefore));
    let gateway = builder().over(simulator).unwrap();
    let mut call = Box::pin(gateway.send(FetchSession::by_name(service(), "a")));
    assert!(call.as_mut().now_or_never().is_none());
    let active = |expected: f64| {
        let emitted = series(&recorder);
        let Some([(_, DebugValue::Gauge(active))]) =
            emitted.get("http.client.active_requests").map(Vec::as_slice)
        else {
            panic!("{emitted:?}")
        };
        assert!((active.into_inner() - expected).abs() < f64::EPSILON, "{active}");
        emitted
    };
    active(1.0);
    drop(call);
    // A snapshot takes what it shows: this is the change since the last one.
    let emitted = active(-1.0);
    for name in ["gateway.call.duration", "http.client.request.duration"] {
        let [(key, _)] = &emitted[name][..] else { panic!("{emitted:?}") };
        let kind = key.labels().find(|label| label.key() == "error.type").map(|it| it.value());
        assert_eq!(kind, Some("cancelled"), "{key}");
    }
}

/// A call that succeeds is none that failed: it has no `error.type`, and its status.
#[tokio::test(start_paused = true)]
async fn the_attributes_of_a_call_and_of_its_attempts() {
    let recorder = DebuggingRecorder::new();
    let _heard = metrics::set_default_local_recorder(&recorder);
    let simulator = simulator();
    simulator.set_faults(FaultPlan::none().next(1, Mishap::ResetBefore));
    let gateway = builder().over(simulator).unwrap();
    gateway.send(CreateSession::new(service()).unique_name("a")).await.unwrap();
    let emitted = series(&recorder);
    let told = |name: &str| -> Vec<String> {
        let mut told: Vec<String> = emitted[name]
            .iter()
            .map(|(key, value)| {
                let label = |name| {
                    key.labels().find(|label| label.key() == name).map_or("-", |it| it.value())
                };
                let (error, status) = (label("error.type"), label("http.response.status_code"));
                let times = match value {
                    DebugValue::Histogram(values) => values.len(),
                    DebugValue::Counter(count) => usize::try_from(*count).unwrap(),
                    DebugValue::Gauge(_) => 0,
                };
                format!("{error} {status} {times}")
            })
            .collect();
        told.sort();
        told
    };
    assert_eq!(told("gateway.call.duration"), ["- - 1"]);
    assert_eq!(told("http.client.request.duration"), ["- 201 1", "interrupted - 1"]);
    assert_eq!(told("gateway.retries"), ["- - 1"]);
    let reason = emitted["gateway.retries"][0].0.labels().find(|label| label.key() == "reason");
    assert_eq!(reason.map(|it| it.value()), Some("interrupted"));
}
