//! A [`Health`] as gauges.

use super::Health;
use crate::middleware::observe::metrics as m;

const CIRCUITS: &[&str] = &["closed", "open", "half_open"];
const ENDPOINTS: &[&str] = &["serving", "trial", "ejected", "held"];

impl Health {
    /// Sets the gauges of the [`metrics`](crate::middleware::observe::metrics) recorder that is
    /// installed, and the counters that the layers keep themselves: ask right before each scrape.
    ///
    /// The gauges of two gateways are the same: where a process has several, give each a recorder or a
    /// label of its own.
    pub fn record(&self) {
        m::gauge(&m::CALLS_IN_FLIGHT, &[], float(self.in_flight));
        if let Some(budget) = self.retry_budget {
            m::gauge(&m::BUDGET_AVAILABLE, &[], budget.available.into());
            m::gauge(&m::BUDGET_CAPACITY, &[], budget.capacity.into());
        }
        for circuit in &self.circuits {
            let origin = m::origin(&circuit.origin);
            m::set_state(&m::BREAKER_STATE, &origin, CIRCUITS, circuit.state);
            m::gauge(&m::BREAKER_FAILURE_RATE, &[("origin", origin)], circuit.failure_rate);
        }
        for endpoint in &self.endpoints {
            let origin = m::origin(&endpoint.base);
            m::set_state(&m::ENDPOINT_STATE, &origin, ENDPOINTS, endpoint.state);
            m::gauge(&m::ENDPOINT_PENDING, &[("origin", origin)], endpoint.pending.into());
        }
        if let Some(limit) = self.rate_limit {
            m::gauge(&m::LIMIT_WAITING, &[("limit", "rate".into())], float(limit.waiting));
            m::gauge(&m::RATE_KEYS, &[("state", "all".into())], float(limit.keys));
            let throttled = float(limit.throttled_keys);
            m::gauge(&m::RATE_KEYS, &[("state", "throttled".into())], throttled);
        }
        if let Some(limit) = self.concurrency {
            m::gauge(&m::LIMIT_WAITING, &[("limit", "concurrency".into())], float(limit.waiting));
            m::gauge(&m::CONCURRENCY_LIMIT, &[], float(limit.limit));
            m::gauge(&m::CONCURRENCY_IN_FLIGHT, &[], float(limit.in_flight));
            for (reason, count) in [("refused", limit.refused), ("shed", limit.shed)] {
                m::absolute(&m::CONCURRENCY_TURNED_AWAY, &[("reason", reason.into())], count);
            }
        }
        if let Some(hedges) = self.hedging {
            for (outcome, count) in [
                ("fired", hedges.fired),
                ("won", hedges.won),
                ("denied", hedges.denied),
                ("held_back", hedges.held_back),
            ] {
                m::absolute(&m::HEDGES, &[("outcome", outcome.into())], count);
            }
        }
        if let Some(coalescing) = self.coalescing {
            m::absolute(&m::COALESCED, &[], coalescing.joined);
        }
        let age = self.credentials.as_ref().and_then(|credentials| credentials.age_ms);
        if let Some(age) = age {
            m::gauge(&m::CREDENTIALS_AGE, &[], std::time::Duration::from_millis(age).as_secs_f64());
        }
    }
}

/// Counts of things in this process are far below the 2^53 that are exact.
#[allow(clippy::cast_precision_loss)]
fn float(count: usize) -> f64 {
    count as f64
}
