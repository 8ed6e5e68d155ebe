//! What `/metrics` says, in Prometheus' text format.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use twilio_proxy::gateway::Health;
use twilio_proxy::middleware::observe::metrics::{ATTEMPTS_BUCKETS, SECONDS_BUCKETS, describe};

/// What the process has recorded, for whoever scrapes it.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder, which is the process's: once.
    pub(crate) fn install() -> Result<Self, BuildError> {
        let attempts = Matcher::Full("gateway.call.attempts".to_owned());
        let handle = PrometheusBuilder::new()
            .set_buckets(SECONDS_BUCKETS)?
            .set_buckets_for_metric(attempts, ATTEMPTS_BUCKETS)?
            .install_recorder()?;
        describe();
        Ok(Self(handle))
    }

    /// The text, with the gauges as they are now.
    pub(crate) fn text(&self, health: &Health) -> String {
        health.record();
        // Histograms keep what came since the last time, and somebody has to look: nobody but scrapes does.
        self.0.run_upkeep();
        self.0.render()
    }
}
