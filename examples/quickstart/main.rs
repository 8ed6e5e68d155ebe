//! Sessions created, fetched, listed, updated and deleted through the whole stack.
//!
//! ```text
//! cargo run --example quickstart --features simulator
//! ```
//!
//! With no credentials in the environment it talks to the simulator, over real sockets, which
//! breaks one request in four in every way that the network knows. With `TWILIO_ACCOUNT_SID`,
//! `TWILIO_AUTH_TOKEN` and `TWILIO_PROXY_SERVICE_SID` set it talks to Twilio, and deletes what it
//! has created.

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
    let done = match std::env::var("TWILIO_PROXY_SERVICE_SID") {
        Ok(service) => real(&service).await,
        Err(_) => simulated().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the quickstart failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Against the simulator, on a loopback port.
async fn simulated() -> Result<(), Failure> {
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let service: ServiceSid = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let simulator = Simulator::with(Settings::new(account, "not-a-secret"));
    simulator.set_faults(FaultPlan::random(SEED).rate(0.25));
    let server = simulator.serve().await?;
    println!("No TWILIO_PROXY_SERVICE_SID set: talking to the simulator at {}.", server.base_url());
    println!("It breaks one request in four. Every line below is a layer at work.\n");

    let tally = Arc::new(Tally::default());
    let builder = Gateway::builder(Credentials::auth_token(account, "not-a-secret"))
        .base_url(server.base_url())
        .attempt_timeout(Duration::from_millis(500))
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
async fn real(service: &str) -> Result<(), Failure> {
    let service = service.parse()?;
    let tally = Arc::new(Tally::default());
    let gateway = narrated(GatewayBuilder::from_env()?, &tally).build()?;
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
    let tally = Arc::clone(tally);
    builder.user_agent("quickstart/1").on_retry(move |event| tally.saw_retry(event))
}
