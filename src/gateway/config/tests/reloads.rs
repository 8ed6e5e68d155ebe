//! What a running gateway takes over, by key. That it does is tested from outside.

use super::NOBODY;
use crate::gateway::config::GatewayConfig;

fn config(text: &str) -> GatewayConfig {
    GatewayConfig::from_toml(&format!("{text}\n{NOBODY}")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn differences_are_sorted_into_live_and_not() {
    let old = config("[retry]\nmax_attempts = 2\nbase = \"1ms\"\n[deadline]\nwithin = \"9s\"");
    let new = config(
        "[retry]\nmax_attempts = 3\nbase = \"2ms\"\n[rate_limit]\nquota = \"5/s\"\nmax_waiting = 3\n\
         [endpoint]\nregion = \"ie1\"",
    );
    let found = old.differences(&new);
    assert_eq!(found.changed, ["deadline.within", "rate_limit.quota", "retry.max_attempts"]);
    assert_eq!(found.needs_restart, ["endpoint.region", "rate_limit.max_waiting", "retry.base"]);
    assert_eq!(old.differences(&old), Default::default());
}

/// What is called live is what is taken over, and the reverse.
#[test]
fn what_was_taken_over_is_no_difference_any_more() {
    let mut running = config("[deadline]\nwithin = \"9s\"");
    let new = config(
        "[deadline]\nwithin = \"8s\"\n[attempt_timeout]\nwithin = \"7s\"\n[coalesce]\nenabled = true\n\
         [hedge]\nenabled = true\n[breaker]\nwindow = \"5s\"\n[retry]\nmax_attempts = 3\n\
         max_retry_after = \"3s\"\nstatuses = [409]\n[rate_limit]\nquota = \"5/s\"\nburst = 2\n\
         [concurrency]\nmax = 9\nmin = 2\n[failover]\neject_after = 2\neject_for = \"3s\"\n\
         max_eject_for = \"9s\"\npanic_below = 50",
    );
    let before = running.differences(&new);
    assert_eq!(before.changed.len(), 16, "{before:?}");
    assert!(before.needs_restart.is_empty(), "{before:?}");
    running.take_over(&new);
    assert_eq!(running.differences(&new), Default::default());
}
