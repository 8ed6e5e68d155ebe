//! A configuration in which every key is given: what the schema knows and what is tested are the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::gateway::config::{GatewayConfig, LayerName};

/// Every key but for those that others exclude, which come in the texts below.
const EVERYTHING: &str = r#"
stack = ["call_span", "deadline", "coalesce", "hedge", "retry", "failover", "breaker", "rate_limit",
         "concurrency", "attempt_span", "headers", "auth", "signing", "attempt_timeout", "collect"]
[endpoint]
base_url = "https://proxy.twilio.com"
region = "ie1"
edge = "dublin"
failover_edges = ["frankfurt"]
failover_urls = ["https://other.example"]
allow_plain_http = false
user_agent = "shop/3.1"
[credentials]
from = "api_key"
account_sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
api_key_sid = "SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
api_key_secret = "hush"
[deadline]
within = "20s"
[coalesce]
enabled = true
[hedge]
enabled = true
percentile = 90
floor = "10ms"
cap = "1s"
percent = 2
burst = 3
suspend_for = "30s"
[retry]
max_attempts = 3
max_retry_after = "20s"
statuses = [409]
base = "100ms"
throttled_base = "2s"
cap = "10s"
budget = 100
[failover]
eject_after = 3
eject_for = "10s"
max_eject_for = "60s"
panic_below = 50
decay = "5s"
[breaker]
window = "20s"
min_calls = 10
failure_percent = 40
slow_call = "never"
slow_percent = 90
open_for = "2s"
max_open_for = "30s"
probes = 2
passes = 4
[rate_limit]
quota = "20/s"
burst = 4
when_limited = "refuse"
max_waiting = 100
headroom = "300ms"
[concurrency]
max = 100
min = 5
max_waiting = 50
[headers]
extra = { X-Team = "payments" }
request_id = false
[signing]
key_file = "key.pem"
credential_sid = "CRaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
api_key_sid = "SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
account_sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
algorithm = "ps256"
[attempt_timeout]
within = "5s"
[collect]
limit = "1MiB"
[reconcile]
compare_participants = true
name_unnamed = "shop-"
[transport]
connect_timeout = "2s"
happy_eyeballs = "never"
tcp_nodelay = true
tcp_keepalive = "30s"
idle_timeout = "20s"
max_idle_per_host = 10
max_connections = 64
max_age = "10m"
protocol = "http1"
tunnel = "http://proxy.example:3128"
tunnel_except = "localhost"
tunnel_from_env = false
roots_file = "roots.pem"
add_roots_file = "more.pem"
"#;

const OTHERS: &[&str] = &[
    "[credentials]\nfrom = \"auth_token\"\naccount_sid = \"ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\nauth_token = \"hush\"",
    "[credentials]\nfrom = \"file\"\nfile = \"secrets.env\"\ncheck_every = \"5s\"",
    "[credentials]\nfrom = \"oauth\"\nclient_id = \"OQ1\"\nclient_secret = \"hush\"\n\
     token_url = \"https://id.example/token\"\nscope = \"proxy\"",
    #[cfg(feature = "redis")]
    "[credentials]\nfrom = \"none\"\n[fleet]\nredis = \"redis://127.0.0.1\"\nprocesses = 8\nprefix = \"shop\"\n\
     patience = \"50ms\"",
    #[cfg(feature = "http2")]
    "[credentials]\nfrom = \"none\"\n[transport]\nhttp2_keep_alive = \"30s\"\nhttp2_keep_alive_timeout = \"5s\"",
    "[credentials]\nfrom = \"none\"\n[hedge]\nafter = \"200ms\"",
];

#[test]
fn every_key_of_the_schema_can_be_given() {
    let mut given = BTreeSet::new();
    for text in OTHERS.iter().chain([&EVERYTHING]) {
        let config = GatewayConfig::from_toml(text).unwrap_or_else(|error| panic!("{error}"));
        given.extend(keys(&serde_json::to_value(&config).expect("plain data")));
    }
    let schema = crate::gateway::config::read::schema::<GatewayConfig>(true);
    let mut known = BTreeSet::new();
    for (table, schema) in schema["properties"].as_object().expect("it has tables") {
        match schema["properties"].as_object() {
            Some(properties) => known.extend(properties.keys().map(|key| format!("{table}.{key}"))),
            None => _ = known.insert(table.clone()),
        }
    }
    // The table of a feature that is off is known, so that it can be said what is missing.
    known.retain(|key| cfg!(feature = "redis") || !key.starts_with("fleet."));
    known.retain(|key| cfg!(feature = "http2") || !key.starts_with("transport.http2_"));
    assert_eq!(given, known);
}

fn keys(tree: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in tree.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(table) => keys.extend(table.keys().map(|key| format!("{name}.{key}"))),
            None => keys.push(name.clone()),
        }
    }
    keys
}

/// What a configuration serialises to is the configuration, but for its secrets.
#[test]
fn a_configuration_reads_back() {
    let config = GatewayConfig::from_toml(EVERYTHING).expect("it is right");
    let json = serde_json::to_string(&config).expect("plain data");
    let again: GatewayConfig = serde_json::from_str(&json).expect("its own JSON");
    assert_eq!(again.retry, config.retry);
    assert_eq!(again.breaker, config.breaker);
    assert_eq!(again.stack, config.stack);
    assert_eq!(again.credentials.api_key_secret, Some("***".into()));
}

/// Editors show what stands in the schema.
#[test]
fn every_key_of_the_schema_says_what_it_is() {
    let schema = crate::gateway::config::read::schema::<GatewayConfig>(true);
    for (table, schema) in schema["properties"].as_object().expect("it has tables") {
        assert!(schema["description"].is_string(), "{table}");
        for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{table}.{key}");
        }
    }
    let schema = GatewayConfig::json_schema();
    assert!(schema["$schema"].as_str().is_some_and(|it| it.contains("2020-12")));
    assert_eq!(schema["additionalProperties"], false, "an editor marks a key that is unknown");
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = GatewayConfig::from_toml("").expect("the defaults");
    assert_eq!(config, GatewayConfig::default());
    assert_eq!(config.layers(), LayerName::DEFAULT_ORDER);
}
