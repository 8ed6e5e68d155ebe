//! The one table of all metrics.

use metrics::Unit;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

impl Kind {
    /// The lower-case name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric of this crate.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Instrument {
    /// Its name, with dots, as OpenTelemetry spells names; exporters to Prometheus write underscores.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its values count.
    pub unit: Unit,
    /// The attributes it may have. One that has nothing to say is left out.
    pub attributes: &'static [&'static str],
    /// What it says.
    pub what: &'static str,
}

/// The attributes of a request on the wire.
const WIRE: &[&str] = &[
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "server.address",
    "server.port",
    "url.template",
];

macro_rules! instruments {
    ($($id:ident: $name:literal, $kind:ident, $unit:ident, $attributes:expr, $what:literal;)*) => {
        $(pub(crate) const $id: Instrument = Instrument {
            name: $name,
            kind: Kind::$kind,
            unit: Unit::$unit,
            attributes: $attributes,
            what: $what,
        };)*

        /// Every metric that this crate emits: a test compares it with what is emitted.
        pub const INSTRUMENTS: &[Instrument] = &[$($id),*];
    };
}

instruments! {
    REQUEST_DURATION: "http.client.request.duration", Histogram, Seconds, WIRE,
        "how long an attempt took, queues excluded";
    ACTIVE_REQUESTS: "http.client.active_requests", Gauge, Count,
        &["http.request.method", "server.address", "server.port"],
        "attempts on the wire";
    CALL_DURATION: "gateway.call.duration", Histogram, Seconds,
        &["call.effect", "call.operation", "error.type"],
        "how long a call took, queues, attempts and back-off included";
    CALL_ATTEMPTS: "gateway.call.attempts", Histogram, Count, &["call.operation"],
        "how many attempts a call had";
    RETRIES: "gateway.retries", Counter, Count, &["call.operation", "reason"],
        "attempts made again, by how the one before failed";
    RETRIES_DENIED: "gateway.retries.denied", Counter, Count, &["call.operation", "reason"],
        "failed attempts that could have been made again and were not, by what forbade it";
    LIMIT_WAIT: "gateway.limit.wait", Histogram, Seconds, &["limit", "outcome"],
        "how long an attempt stood in line before a limit; one that did not wait is not in it";
    BREAKER_TRANSITIONS: "gateway.breaker.transitions", Counter, Count, &["origin", "state"],
        "changes of a circuit, by the state it came to";
    CALLS_IN_FLIGHT: "gateway.calls.in_flight", Gauge, Count, &[],
        "calls under way";
    BUDGET_AVAILABLE: "gateway.retry_budget.available", Gauge, Count, &[],
        "tokens left for retries";
    BUDGET_CAPACITY: "gateway.retry_budget.capacity", Gauge, Count, &[],
        "tokens in a full budget";
    BREAKER_STATE: "gateway.breaker.state", Gauge, Count, &["origin", "state"],
        "1 for the state that a circuit is in, 0 for the others";
    BREAKER_FAILURE_RATIO: "gateway.breaker.failure_ratio", Gauge, Count, &["origin"],
        "the share of the attempts in a circuit's window that failed, from 0 to 1";
    ENDPOINT_STATE: "gateway.endpoint.state", Gauge, Count, &["origin", "state"],
        "1 for the state that an endpoint is in, 0 for the others";
    ENDPOINT_PENDING: "gateway.endpoint.pending", Gauge, Count, &["origin"],
        "attempts under way at an endpoint";
    LIMIT_WAITING: "gateway.limit.waiting", Gauge, Count, &["limit"],
        "attempts in line before a limit";
    RATE_KEYS: "gateway.rate_limit.keys", Gauge, Count, &["state"],
        "keys of the rate limit: all, and those that the server has slowed down";
    FLEET_CONNECTED: "gateway.fleet.connected", Gauge, Count, &[],
        "1 while the store of the fleet's quota answers, 0 while this process keeps to its share";
    FLEET_ROUND_TRIPS: "gateway.fleet.round_trips", Counter, Count, &["outcome"],
        "questions to that store, answered or failed";
    CONCURRENCY_LIMIT: "gateway.concurrency.limit", Gauge, Count, &[],
        "how many attempts may be under way";
    CONCURRENCY_IN_FLIGHT: "gateway.concurrency.in_flight", Gauge, Count, &[],
        "how many are";
    CONCURRENCY_TURNED_AWAY: "gateway.concurrency.turned_away", Counter, Count, &["reason"],
        "attempts that the concurrency limit refused (a full queue) or shed";
    HEDGES: "gateway.hedges", Counter, Count, &["outcome"],
        "second tries of slow reads: fired, won, denied by the budget, held back for a throttle";
    COALESCED: "gateway.coalesced", Counter, Count, &[],
        "reads that joined another's request";
    POOL_CONNECTIONS: "gateway.pool.connections", Gauge, Count, &["state"],
        "connections: all that are open, and those of them that are idle";
    POOL_OPENED: "gateway.pool.opened", Counter, Count, &[],
        "connections that were opened";
    POOL_REUSED: "gateway.pool.reused", Counter, Count, &[],
        "answers over a connection that had been used before";
    CREDENTIALS_AGE: "gateway.credentials.age", Gauge, Seconds, &[],
        "how old the credentials are";
}
