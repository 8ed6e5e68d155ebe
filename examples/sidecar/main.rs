//! A sidecar: Twilio's API on loopback, for programs in any language, with the gateway in between.
//!
//! ```text
//! export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
//! cargo run --example sidecar --features config,metrics,simulator -- serve --listen 127.0.0.1:4080 --admin 127.0.0.1:4081
//! curl -d UniqueName=order-1 http://127.0.0.1:4080/v1/Services/KS…/Sessions
//! ```
//!
//! Without arguments it shows itself: a sidecar over a simulator that breaks a third of all requests.
//!
//! Exit codes: 0 after an orderly shutdown; 1 if it could not start, or had to cut off; 2 for a command
//! line or a configuration that can't be.

mod admin;
mod args;
mod connection;
mod demo;
mod guard;
mod metrics;
mod run;
mod server;
mod stack;
mod underway;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command, Upstream};
use run::Failure;
use twilio_proxy::gateway::config::{ConfigError, GatewayConfig};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        None | Some(Command::Demo) => demo::run().await,
        Some(Command::Serve(serve)) => run::until_told(&serve).await,
        Some(Command::Check(upstream)) => check(&upstream),
        Some(Command::Schema) => {
            println!("{:#}", GatewayConfig::json_schema());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sidecar: {error}");
            let is_wrong = error.is::<ConfigError>() || error.is::<run::OpenDoor>();
            ExitCode::from(if is_wrong { 2 } else { 1 })
        }
    }
}

/// Everything that would be wrong at the start, files that it names included.
fn check(upstream: &Upstream) -> Result<(), Failure> {
    let deployment = stack::deployment(upstream)?;
    let layers: Vec<&str> = deployment.config().layers().iter().map(|it| it.as_str()).collect();
    println!("the configuration is right\nstack: {}", layers.join(", "));
    Ok(())
}
