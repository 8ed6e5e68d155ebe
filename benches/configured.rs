//! What it costs that the stack comes from a configuration, over a service that answers at once.
//!
//! Read differences, not times. `static` is what the builder makes, `default_order` the same behind a
//! pointer. In `another_order` every layer is behind a pointer of its own, and so the difference to
//! `static`, divided by the fifteen layers, is what a layer costs that was chosen at run time.
//! `a_third_of_the_layers` shows what leaving some out gives back.

#[path = "support/instantly.rs"]
mod instantly;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tower::{BoxError, Service};
use twilio_proxy::call::{ServiceSid, SessionSid};
use twilio_proxy::gateway::config::{GatewayConfig, LayerName};
use twilio_proxy::gateway::{Error, Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{FetchSession, Session};

use instantly::Instantly;

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Credentials, and a quota that never makes anybody wait.
const SETTINGS: &str = r#"
[credentials]
from = "auth_token"
account_sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
auth_token = "not-a-secret"
"#;
const QUOTA: &str = "[rate_limit]\nquota = \"1000000000/s\"\nburst = 1000000000\n";
const WIDE_OPEN: u32 = 1_000_000_000;

fn configured(criterion: &mut Criterion) {
    // A bench that can't be set up has nothing to measure; there is nobody to hand the error to.
    rows(criterion).unwrap_or_else(|error| eprintln!("nothing measured: {error}"));
}

fn rows(criterion: &mut Criterion) -> Result<(), BoxError> {
    let account = ACCOUNT.parse()?;
    let built = Gateway::builder(Credentials::auth_token(account, "not-a-secret"))
        .quota(Quota::per_second(WIDE_OPEN).burst(WIDE_OPEN))
        .over(Instantly::default())?;
    row(criterion, "static", &built)?;
    row(criterion, "default_order", &from(QUOTA, None)?)?;

    // Two neighbours changed places, which changes nothing but the order.
    let mut order = LayerName::DEFAULT_ORDER.to_vec();
    let breaker = order.iter().position(|layer| *layer == LayerName::Breaker).unwrap_or_default();
    order.swap(breaker, breaker + 1);
    row(criterion, "another_order", &from(QUOTA, Some(order))?)?;

    let few = [
        LayerName::Deadline,
        LayerName::Retry,
        LayerName::Auth,
        LayerName::AttemptTimeout,
        LayerName::Collect,
    ];
    row(criterion, "a_third_of_the_layers", &from("", Some(few.to_vec()))?)
}

fn from(
    settings: &str,
    order: Option<Vec<LayerName>>,
) -> Result<twilio_proxy::gateway::config::ConfiguredGateway, BoxError> {
    let mut config = GatewayConfig::from_toml(&format!("{SETTINGS}{settings}"))?;
    config.stack = order;
    Ok(config.over(Instantly::default())?.gateway().clone())
}

fn row<G>(criterion: &mut Criterion, name: &str, gateway: &G) -> Result<(), BoxError>
where
    G: GatewayExt + Service<FetchSession, Response = Session, Error = Error>,
{
    let service: ServiceSid = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let session: SessionSid = "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    criterion.bench_function(&format!("configured/{name}"), |bencher| {
        bencher.iter(|| {
            runtime.block_on(async { gateway.send(FetchSession::new(service, session)).await })
        });
    });
    Ok(())
}

criterion_group!(benches, configured);
criterion_main!(benches);
