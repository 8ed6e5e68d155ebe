//! The dashboard in `examples/grafana` names what is emitted, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;
use twilio_proxy::middleware::observe::metrics::{INSTRUMENTS, Kind};

/// The names that an exporter to Prometheus makes of the table's.
fn exported() -> BTreeSet<String> {
    INSTRUMENTS
        .iter()
        .flat_map(|instrument| {
            let name = instrument.name.replace('.', "_");
            match instrument.kind {
                Kind::Histogram => {
                    ["_bucket", "_sum", "_count"].map(|it| format!("{name}{it}")).to_vec()
                }
                Kind::Counter | Kind::Gauge => vec![name],
            }
        })
        .collect()
}

/// What a query names of ours.
fn named(query: &str) -> impl Iterator<Item = &str> {
    query
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("gateway_") || word.starts_with("http_client_"))
}

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../../examples/grafana/dashboard.json")).unwrap()
}

#[test]
fn every_panel_asks_for_what_is_emitted() {
    let (exported, dashboard) = (exported(), dashboard());
    assert!(dashboard["schemaVersion"].as_u64() >= Some(38));
    let mut seen = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            assert!(named(query).next().is_some(), "{title}: {query}");
            for name in named(query) {
                assert!(exported.contains(name), "{title}: {name} is not emitted");
                seen.insert(name.to_owned());
            }
        }
        // Whose data source it is, whoever imports it says.
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    }
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    // Nothing that an operator asks of is missing.
    for name in [
        "http_client_request_duration_bucket",
        "gateway_call_duration_bucket",
        "gateway_retries",
        "gateway_retry_budget_available",
        "gateway_limit_wait_bucket",
        "gateway_breaker_state",
        "gateway_calls_in_flight",
        "gateway_pool_connections",
        "gateway_pool_opened",
        "gateway_pool_reused",
    ] {
        assert!(seen.contains(name), "no panel shows {name}");
    }
}
