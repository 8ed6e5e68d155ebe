//! A short load under faults, and what Prometheus would scrape of it.
//!
//! ```text
//! cargo run --example prometheus --features metrics,simulator
//! ```

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tower::BoxError;
use twilio_proxy::gateway::{Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::observe::metrics::{ATTEMPTS_BUCKETS, SECONDS_BUCKETS, describe};
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let prometheus = PrometheusBuilder::new()
        .set_buckets(SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full("gateway.call.attempts".into()), ATTEMPTS_BUCKETS)?
        .install_recorder()?;
    describe();

    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let service = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let simulator = Simulator::with(Settings::new(account, "not-a-secret"));
    simulator.set_faults(FaultPlan::random(3).rate(0.2));
    let credentials = Credentials::auth_token(account, "not-a-secret");
    let gateway = Gateway::builder(credentials)
        .attempt_timeout(std::time::Duration::from_millis(200))
        .over(simulator)?;
    for order in 0..20 {
        let name = format!("order-{order}");
        let created = gateway.send(CreateSession::new(service).unique_name(&name)).await;
        if created.is_ok() {
            drop(gateway.send(FetchSession::by_name(service, &name)).await);
        }
    }

    // Right before each scrape.
    gateway.health().record();
    println!("{}", prometheus.render());
    Ok(())
}
