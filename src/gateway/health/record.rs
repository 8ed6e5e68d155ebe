//! A [`Health`] as gauges.

use super::Health;
use crate::middleware::breaker::CircuitState;
use crate::middleware::failover::EndpointState;
use crate::middleware::observe::metrics as m;

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
            m::set_state(
                &m::BREAKER_STATE,
                &origin,
                &CircuitState::ALL.map(CircuitState::as_str),
                circuit.state,
            );
            m::gauge(&m::BREAKER_FAILURE_RATIO, &[("origin", origin)], circuit.failure_rate);
        }
        for endpoint in &self.endpoints {
            let origin = m::origin(&endpoint.base);
            m::set_state(
                &m::ENDPOINT_STATE,
                &origin,
                &EndpointState::ALL.map(EndpointState::as_str),
                endpoint.state,
            );
            m::gauge(&m::ENDPOINT_PENDING, &[("origin", origin)], endpoint.pending.into());
        }
        if let Some(limit) = self.rate_limit {
            m::gauge(&m::LIMIT_WAITING, &[("limit", "rate".into())], float(limit.waiting));
            m::gauge(&m::RATE_KEYS, &[("state", "all".into())], float(limit.keys));
            let throttled = float(limit.throttled_keys);
            m::gauge(&m::RATE_KEYS, &[("state", "throttled".into())], throttled);
        }
        if let Some(fleet) = self.rate_limit.and_then(|limit| limit.fleet) {
            m::gauge(&m::FLEET_CONNECTED, &[], if fleet.connected { 1.0 } else { 0.0 });
            let answered = fleet.round_trips.saturating_sub(fleet.failures);
            for (outcome, count) in [("answered", answered), ("failed", fleet.failures)] {
                m::absolute(&m::FLEET_ROUND_TRIPS, &[("outcome", outcome.into())], count);
            }
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
        if let Some(pool) = self.pool {
            for (state, count) in [("open", pool.open), ("idle", pool.idle)] {
                m::gauge(&m::POOL_CONNECTIONS, &[("state", state.into())], whole(count));
            }
            m::absolute(&m::POOL_OPENED, &[], pool.opened);
            m::absolute(&m::POOL_REUSED, &[], pool.reused);
        }
        let age = self.credentials.as_ref().and_then(|credentials| credentials.age_ms);
        if let Some(age) = age {
            m::gauge(&m::CREDENTIALS_AGE, &[], std::time::Duration::from_millis(age).as_secs_f64());
        }
    }
}

/// As below.
#[allow(clippy::cast_precision_loss)]
fn whole(count: u64) -> f64 {
    count as f64
}

/// Counts of things in this process are far below the 2^53 that are exact.
#[allow(clippy::cast_precision_loss)]
fn float(count: usize) -> f64 {
    count as f64
}
