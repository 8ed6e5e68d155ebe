use std::time::Duration;

/// A concurrency limit at one moment, for a gauge or a health check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitStats {
    /// The limit.
    pub limit: usize,
    /// Calls under way, those included that have a slot and are about to go.
    pub in_flight: usize,
    /// Calls that wait.
    pub waiting: usize,
    /// How many calls were refused so far because the queue was full.
    pub refused: u64,
    /// How many calls were shed so far: their deadline was too near for the queue, or passed in it,
    /// or a call of higher priority took their place.
    pub shed: u64,
    /// How long a slot is held, as a moving average over all ends. With a policy that does not
    /// learn, over the calls that had to wait, or over all where none may.
    pub hold: Option<Duration>,
    /// How long answers take, as a moving average; unknown with a policy that does not learn.
    pub latency: Option<Duration>,
    /// How long the server takes with little to do, as far as the policy knows.
    pub min_latency: Option<Duration>,
    /// How many requests the server last said that the account has under way.
    pub account: Option<u32>,
}
