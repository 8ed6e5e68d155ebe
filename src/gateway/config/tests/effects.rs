//! Every key does something: what is built is not what would be built without it.

use super::NOBODY;
use crate::call::{Clock, Rng};
use crate::gateway::config::GatewayConfig;
use crate::gateway::config::live::Layered;

/// Everything that a configuration sets, as it stands there in the end.
fn picture(text: &str, clock: Clock) -> String {
    let text =
        if text.contains("[credentials]") { text.to_owned() } else { format!("{text}\n{NOBODY}") };
    let config = GatewayConfig::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    let handles = config.handles().expect("no file is named");
    let transport = config.moving().expect("no file is named");
    let builder =
        config.builder(&handles).expect("no file is named").clock(clock).rng(Rng::seeded(1));
    let prepared = builder.prepare_over().expect("it is right");
    let layered = Layered::of(&prepared.layers);
    layered.set(&config);
    let (layers, reconcile, endpoint) = (&prepared.layers, &prepared.reconcile, &prepared.endpoint);
    // What the layers don't show of themselves.
    let hidden = (config.spacing(), config.concurrency_policy());
    format!(
        "{hidden:#?} {handles:#?} {layered:#?} {layers:#?} {reconcile:#?} {endpoint:#?} {transport:#?}"
    )
}

#[test]
fn every_key_has_an_effect() {
    let clock = Clock::system();
    let nothing = picture("", clock);
    assert_eq!(nothing, picture("", clock), "chance is no effect");
    let dead: Vec<&&str> = KEYS.iter().filter(|text| picture(text, clock) == nothing).collect();
    assert!(dead.is_empty(), "without effect: {dead:#?}");
}

const KEYS: &[&str] = &[
    "endpoint.base_url = \"https://proxy.example\"",
    "endpoint.region = \"ie1\"",
    "endpoint.edge = \"dublin\"",
    "endpoint.failover_edges = [\"dublin\"]",
    "endpoint.failover_urls = [\"https://proxy.example\"]",
    "endpoint.allow_plain_http = true",
    "endpoint.user_agent = \"shop/3.1\"",
    "deadline.within = \"20s\"",
    "coalesce.enabled = true",
    "hedge.enabled = true",
    "hedge.percentile = 90",
    "hedge.floor = \"10ms\"",
    "hedge.cap = \"1s\"",
    "hedge.after = \"200ms\"",
    "hedge.percent = 2",
    "hedge.burst = 3",
    "hedge.suspend_for = \"30s\"",
    "retry.max_attempts = 3",
    "retry.max_retry_after = \"20s\"",
    "retry.statuses = [409]",
    "retry.base = \"100ms\"",
    "retry.throttled_base = \"2s\"",
    "retry.cap = \"10s\"",
    "retry.budget = 100",
    "failover.eject_after = 3",
    "failover.eject_for = \"10s\"",
    "failover.max_eject_for = \"60s\"",
    "failover.panic_below = 50",
    "failover.decay = \"5s\"",
    "breaker.window = \"20s\"",
    "breaker.min_calls = 10",
    "breaker.failure_percent = 40",
    "breaker.slow_call = \"never\"",
    "breaker.slow_percent = 90",
    "breaker.open_for = \"2s\"",
    "breaker.max_open_for = \"30s\"",
    "breaker.probes = 2",
    "breaker.passes = 4",
    "rate_limit.quota = \"20/s\"",
    "rate_limit.burst = 4",
    "rate_limit.when_limited = \"refuse\"",
    "rate_limit.max_waiting = 100",
    "rate_limit.headroom = \"300ms\"",
    "concurrency.max = 100",
    "concurrency.min = 5",
    "concurrency.max_waiting = 50",
    "headers.extra = { X-Team = \"payments\" }",
    "headers.request_id = false",
    "attempt_timeout.within = \"5s\"",
    "collect.limit = \"1MiB\"",
    "reconcile.compare_participants = true",
    "reconcile.name_unnamed = \"shop-\"",
    "transport.connect_timeout = \"2s\"",
    "transport.happy_eyeballs = \"never\"",
    "transport.tcp_nodelay = false",
    "transport.tcp_keepalive = \"30s\"",
    "transport.idle_timeout = \"20s\"",
    "transport.max_idle_per_host = 10",
    "transport.max_connections = 64",
    "transport.max_age = \"10m\"",
    // Without the other there is nothing to choose.
    #[cfg(feature = "http2")]
    "transport.protocol = \"http1\"",
    #[cfg(feature = "http2")]
    "transport.http2_keep_alive = \"never\"",
    #[cfg(feature = "http2")]
    "transport.http2_keep_alive_timeout = \"5s\"",
    "transport.tunnel = \"http://proxy.example:3128\"",
    "transport.tunnel_except = \"localhost\"",
    "transport.tunnel_from_env = false",
];

/// In [`KEYS`] is what can be seen without a file or an account, which these need.
#[test]
fn every_key_is_in_the_list_or_has_a_test_of_its_own() {
    const ELSEWHERE: [&str; 6] = [
        "stack",
        "credentials.",
        "signing.",
        "fleet.",
        "transport.roots_file",
        "transport.add_roots_file",
    ];
    let schema = crate::gateway::config::read::schema::<GatewayConfig>(true);
    let mut missing = Vec::new();
    for (table, schema) in schema["properties"].as_object().expect("it has tables") {
        for key in schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys()) {
            let key = format!("{table}.{key}");
            let is_listed = KEYS.iter().any(|text| text.starts_with(&format!("{key} = ")));
            let is_left_out = cfg!(not(feature = "http2"))
                && (key.contains("http2") || key == "transport.protocol");
            if !is_listed && !is_left_out && !ELSEWHERE.iter().any(|it| key.starts_with(it)) {
                missing.push(key);
            }
        }
    }
    assert!(missing.is_empty(), "whose effect is shown nowhere: {missing:?}");
}
