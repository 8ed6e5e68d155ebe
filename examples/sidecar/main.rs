//! A sidecar: Twilio's API on loopback, for programs in any language, with the gateway in between.
//!
//! ```text
//! export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
//! cargo run --example sidecar --features simulator -- serve --listen 127.0.0.1:4080 --admin 127.0.0.1:4081
//! curl -d UniqueName=order-1 http://127.0.0.1:4080/v1/Services/KS…/Sessions
//! ```
//!
//! Without arguments it shows itself: a sidecar over a simulator that breaks a third of all requests.
//!
//! Exit codes: 0 after an orderly shutdown; 1 if it could not start; 2 for a command line that can't
//! be read.

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

use args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        None | Some(Command::Demo) => demo::run().await,
        Some(Command::Serve(serve)) => run::until_told(&serve).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sidecar: {error}");
            ExitCode::FAILURE
        }
    }
}
