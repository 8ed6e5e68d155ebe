//! Sessions created, fetched, listed, updated and deleted through the whole stack.
//!
//! ```text
//! cargo run --example quickstart --features simulator
//! ```
//!
//! With no credentials in the environment it talks to the simulator, over real sockets, which
//! breaks one request in four in every way that the network knows. With credentials
//! (`TWILIO_ACCOUNT_SID` and `TWILIO_AUTH_TOKEN`, or an API key) and `TWILIO_PROXY_SERVICE_SID` set it
//! talks to Twilio, and deletes what it has created.

mod listener;
mod story;
mod tally;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use twilio_proxy::call::{Rng, ServiceSid};
use twilio_proxy::gateway::{Gateway, GatewayBuilder};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

use story::Plan;
use tally::Tally;

type Failure = Box<dyn std::error::Error>;

/// The seed of faults and jitter: the same run, as far as sockets allow.
const SEED: u64 = 7;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match GatewayBuilder::from_env() {
        Ok(builder) => real(builder).await,
        Err(_) if !has_credentials() => simulated().await,
        // Half of the credentials, or something that is none: better said than simulated.
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the quickstart failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether anybody has tried to set credentials.
fn has_credentials() -> bool {
    let names = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET"];
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Against the simulator, on a loopback port.
async fn simulated() -> Result<(), Failure> {
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let service: ServiceSid = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let simulator = Simulator::with(Settings::new(account, "not-a-secret"));
    simulator.set_faults(FaultPlan::random(SEED).rate(0.25));
    let server = simulator.serve().await?;
    println!("No credentials are set: talking to the simulator at {}.", server.base_url());
    println!("It breaks one request in four. Every line below is a layer at work.\n");

    let tally = Arc::new(Tally::default());
    let builder = Gateway::builder(Credentials::auth_token(account, "not-a-secret"))
        .base_url(server.base_url())
        .attempt_timeout(Duration::from_millis(500))
        // One in four is much more than life has in store: four attempts would not always do.
        .max_attempts(10)
        .rng(Rng::seeded(SEED));
    let gateway = narrated(builder, &tally).build()?;

    let plan = Plan { orders: 40, side_by_side: 8 };
    let unkept = story::tell(&gateway, service, plan, &tally).await;
    let drained = gateway.shutdown(Duration::from_secs(5)).await;
    tally.print();
    let doubled = tally.check_commits(&simulator);
    server.shutdown().await;
    if unkept + doubled + drained.cut_off > 0 {
        return Err("a promise was not kept".into());
    }
    Ok(())
}

/// Against Twilio itself.
async fn real(builder: GatewayBuilder) -> Result<(), Failure> {
    let service = std::env::var("TWILIO_PROXY_SERVICE_SID")
        .map_err(|_| "credentials are set; set TWILIO_PROXY_SERVICE_SID to a Service as well")?
        .parse()?;
    let tally = Arc::new(Tally::default());
    let gateway = narrated(builder, &tally).build()?;
    println!("Talking to {}.\n", gateway.endpoint().origin());
    let unkept = story::tell(&gateway, service, Plan { orders: 1, side_by_side: 1 }, &tally).await;
    gateway.shutdown(Duration::from_secs(5)).await;
    tally.print();
    if unkept > 0 {
        return Err("not every call succeeded".into());
    }
    Ok(())
}

/// The default stack, telling what its layers do.
fn narrated(builder: GatewayBuilder, tally: &Arc<Tally>) -> GatewayBuilder {
    listener::listen(tally);
    let tally = Arc::clone(tally);
    builder.user_agent("quickstart/1").on_retry(move |event| tally.saw_retry(event))
}
