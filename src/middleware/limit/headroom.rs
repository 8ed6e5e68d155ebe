//! How long before its deadline a call that waits has to go.

use std::time::Duration;

use tokio::time::Instant;

/// So much, but never more than a quarter of the whole time that the call has: one with little
/// time may wait as well. Nothing without a deadline.
pub(super) fn within(wanted: Duration, began: Instant, deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::ZERO, |deadline| {
        wanted.min(deadline.saturating_duration_since(began) / 4)
    })
}

/// Whether a call that goes at `at` would have less than `headroom` before its deadline, or none.
pub(super) fn is_too_late(at: Instant, headroom: Duration, deadline: Option<Instant>) -> bool {
    deadline
        .is_some_and(|deadline| at >= deadline || deadline.saturating_duration_since(at) < headroom)
}
