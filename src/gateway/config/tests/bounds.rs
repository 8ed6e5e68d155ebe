//! A layer puts what is beyond its bounds within them, which is right for code and wrong for a file: whoever
//! wrote `min_calls = 60000` was never told that 50,000 it was.

use super::{NOBODY, problem};
use crate::gateway::config::GatewayConfig;

#[test]
fn what_a_layer_would_put_within_its_bounds_is_a_mistake() {
    for (text, key, bound, fix) in [
        ("breaker.min_calls = 50001", "breaker.min_calls", "more than 50000", "50000 or less"),
        ("breaker.window = \"99ms\"", "breaker.window", "shorter than 100ms", "100ms or more"),
        ("breaker.window = \"0s\"", "breaker.window", "shorter than 100ms", "100ms or more"),
        ("failover.decay = \"999us\"", "failover.decay", "shorter than 1ms", "1ms or more"),
        ("hedge.percentile = 100", "hedge.percentile", "more than 99", "99 or less"),
        (
            "failover.eject_for = \"6m\"",
            "failover.eject_for",
            "longer than `failover.max_eject_for`, which is 5m",
            "5m or less, or raise `failover.max_eject_for`",
        ),
        (
            "failover.max_eject_for = \"29s\"",
            "failover.max_eject_for",
            "shorter than `failover.eject_for`, which is 30s",
            "30s or more, or lower `failover.eject_for`",
        ),
        (
            "failover.eject_for = \"20s\"\nfailover.max_eject_for = \"10s\"",
            "failover.eject_for",
            "longer than `failover.max_eject_for`, which is 10s",
            "10s or less, or raise `failover.max_eject_for`",
        ),
        (
            "breaker.open_for = \"61s\"",
            "breaker.open_for",
            "longer than `breaker.max_open_for`, which is 1m",
            "1m or less, or raise `breaker.max_open_for`",
        ),
        (
            "breaker.max_open_for = \"4s\"",
            "breaker.max_open_for",
            "shorter than `breaker.open_for`, which is 5s",
            "5s or more, or lower `breaker.open_for`",
        ),
        (
            "transport.max_idle_per_host = 9\ntransport.max_connections = 8",
            "transport.max_idle_per_host",
            "more than `transport.max_connections`, which is 8",
            "8 or less, or raise `transport.max_connections`",
        ),
        ("transport.max_connections = 0", "transport.max_connections", "0", "from 1 on"),
    ] {
        let said = problem(&format!("{text}\n{NOBODY}"));
        assert!(said.trim_start().starts_with(&format!("{key} = ")), "{said}");
        assert!(said.contains(bound) && said.contains(fix), "{said}");
    }
}

#[test]
fn what_is_just_within_its_bounds_is_none() {
    for text in [
        "breaker.min_calls = 50000",
        "breaker.window = \"100ms\"",
        "failover.decay = \"1ms\"",
        "hedge.percentile = 99",
        "failover.eject_for = \"5m\"",
        "failover.max_eject_for = \"30s\"",
        "failover.eject_for = \"6m\"\nfailover.max_eject_for = \"6m\"",
        "breaker.open_for = \"60s\"",
        "breaker.max_open_for = \"5s\"",
        "transport.max_idle_per_host = 8\ntransport.max_connections = 8",
        // More are kept than may be open, by a default that nobody has asked for.
        "transport.max_connections = 8",
    ] {
        let read = GatewayConfig::from_toml(&format!("{text}\n{NOBODY}"));
        read.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[cfg(feature = "redis")]
#[test]
fn a_fleet_has_an_hour_of_patience_at_most() {
    let fleet = |patience: &str| {
        format!("{NOBODY}[fleet]\nredis = \"redis://127.0.0.1\"\npatience = \"{patience}\"")
    };
    let said = problem(&fleet("61m"));
    assert!(said.contains("longer than 1h") && said.contains("give 1h or less"), "{said}");
    assert!(GatewayConfig::from_toml(&fleet("1h")).is_ok());
}

/// What a connection is asked, where there is none that would be.
#[cfg(feature = "http2")]
#[test]
fn questions_that_are_never_asked_are_a_mistake() {
    let said = problem(&format!(
        "transport.protocol = \"http1\"\ntransport.http2_keep_alive = \"30s\"\n{NOBODY}"
    ));
    assert!(
        said.contains("it counts for nothing where `transport.protocol` is \"http1\""),
        "{said}"
    );
    let said = problem(&format!(
        "transport.http2_keep_alive = \"never\"\ntransport.http2_keep_alive_timeout = \"5s\"\n{NOBODY}"
    ));
    assert!(said.trim_start().starts_with("transport.http2_keep_alive_timeout = "), "{said}");
}

#[cfg(not(feature = "http2"))]
#[test]
fn questions_over_http2_without_the_feature_are_a_mistake() {
    let said = problem(&format!("{NOBODY}[transport]\nhttp2_keep_alive = \"30s\""));
    assert!(said.contains("the feature `http2`"), "{said}");
}
