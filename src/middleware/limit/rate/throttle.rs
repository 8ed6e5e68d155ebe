//! placeholder

use std::time::Duration;

use tokio::time::Instant;

use super::Key;

/// A call that had its cell, and was refused by the server for coming too often.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Throttle {
    /// When the call was given its cell: what has changed since, the server could not know of.
    pub granted: Instant,
    /// When the refusal was heard.
    pub now: Instant,
    /// For how long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Throttle {
    /// A refusal of the call that had its cell at `granted`, heard at `now`.
    #[must_use]
    pub fn new(granted: Instant, now: Instant) -> Self {
        Self { granted, now, retry_after: None }
    }

    /// Adds for how long the server asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }
}

/// At what rate the calls of one key go. Rates are calls a second.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct KeyRate {
    /// What the quota grants.
    pub quota: f64,
    /// What is granted now: less than the quota while the key is cut.
    pub granted: f64,
    /// What the server has lately accepted, as far as its answers are in.
    pub accepted: f64,
    /// For how long nothing goes at all, because the server said so.
    pub held_for: Duration,
    /// Whether the key is cut, and on its way back to its quota.
    pub is_cut: bool,
}

/// A key was cut, as whoever was told of the throttle says.
pub(super) fn trace_cut((key, was_cut, rate): (Key, bool, Option<KeyRate>)) {
    let Some(KeyRate { granted, accepted, held_for, is_cut: true, .. }) = rate else { return };
    let held_ms = u64::try_from(held_for.as_millis()).unwrap_or(u64::MAX);
    let operation = operation(&key);
    if was_cut {
        // While the server goes on throttling: one warning is enough.
        tracing::debug!(operation, granted, accepted, held_ms, "the server still throttles");
    } else {
        tracing::warn!(
            operation,
            granted,
            accepted,
            held_ms,
            "the server throttles: the rate limit slows down"
        );
    }
}

/// A key has its quota back.
pub(super) fn trace_recovery(key: &Key) {
    tracing::info!(operation = operation(key), "the rate limit is back at its quota");
}

/// What of a key may be logged: other kinds are of the caller's making, and may hold anything.
fn operation(key: &Key) -> Option<&'static str> {
    match key {
        Key::Call(key) => Some(key.operation),
        Key::Route(..) | Key::Named(_) => None,
    }
}
