//! What the table of metrics says is what a run over the simulator emits, and few series come of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use metrics_util::debugging::DebuggingRecorder;
use twilio_proxy::gateway::{Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::observe::metrics::INSTRUMENTS;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

/// The rows of the chapter's table: name, kind, attributes.
fn printed() -> BTreeSet<String> {
    let chapter = include_str!("../../src/guide/metrics.md");
    chapter.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
}

#[test]
fn the_chapter_has_the_table() {
    let rows = INSTRUMENTS.iter().map(|instrument| {
        let attributes: Vec<_> =
            instrument.attributes.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "| `{}` | {} | {} | {} | {} |",
            instrument.name,
            instrument.kind.as_str(),
            instrument.unit.as_str(),
            attributes.join(", "),
            instrument.what
        )
    });
    assert_eq!(printed(), rows.collect::<BTreeSet<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_run_emits_what_is_in_the_table_and_few_series() {
    let recorder = DebuggingRecorder::new();
    let _heard = metrics::set_default_local_recorder(&recorder);
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let service = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let simulator = Simulator::with(Settings::new(account, "not-a-secret"));
    simulator.set_faults(FaultPlan::random(3).rate(0.3));
    let gateway =
        Gateway::builder(Credentials::auth_token(account, "not-a-secret")).over(simulator).unwrap();
    for order in 0..200 {
        let name = format!("order-{order}");
        let _ = gateway.send(CreateSession::new(service).unique_name(&name)).await;
        let _ = gateway.send(FetchSession::by_name(service, &name)).await;
    }
    drop(tokio::time::timeout(
        std::time::Duration::ZERO,
        gateway.send(FetchSession::by_name(service, "dropped")),
    ));
    gateway.health().record();

    let table: BTreeMap<_, _> = INSTRUMENTS.iter().map(|row| (row.name, row.attributes)).collect();
    let (mut seen, mut series) = (BTreeSet::new(), 0);
    for (key, _, _, _) in recorder.snapshotter().snapshot().into_vec() {
        let key = key.key();
        let attributes = table.get(key.name()).unwrap_or_else(|| panic!("{key} is in no row"));
        for label in key.labels() {
            assert!(attributes.contains(&label.key()), "{key} has {}", label.key());
            assert!(!label.value().contains("order-"), "{key} tells a name");
        }
        seen.insert(key.name().to_owned());
        series += 1;
    }
    for name in [
        "http.client.request.duration",
        "http.client.active_requests",
        "gateway.call.duration",
        "gateway.call.attempts",
        "gateway.retries",
        "gateway.calls.in_flight",
        "gateway.retry_budget.available",
        "gateway.breaker.state",
        "gateway.concurrency.limit",
    ] {
        assert!(seen.contains(name), "{name} was not emitted: {seen:?}");
    }
    assert!(series < 150, "{series} series of 400 calls");
}
