//! Gateways from configurations, over the simulator.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod connections;
mod decay;
#[path = "../end_to_end/ledger.rs"]
mod ledger;
mod orders;
mod reload;
mod samples;
mod signatures;
#[expect(dead_code, reason = "shared with tests of gateways that code has built")]
#[path = "../support/signing_key.rs"]
mod signing_key;
#[expect(dead_code, reason = "shared with tests of gateways that code has built")]
#[path = "../end_to_end/traffic.rs"]
mod traffic;
#[expect(dead_code, reason = "shared with tests of gateways that code has built")]
#[path = "../end_to_end/world.rs"]
mod world;

use twilio_proxy::gateway::config::{Deployment, GatewayConfig};
use twilio_proxy::simulator::Simulator;

/// The credentials that the simulator knows, as a table.
fn credentials() -> String {
    format!(
        "[credentials]\nfrom = \"auth_token\"\naccount_sid = \"{}\"\nauth_token = \"{}\"\n",
        Simulator::ACCOUNT_SID,
        Simulator::AUTH_TOKEN
    )
}

/// A text in TOML and the simulator's credentials.
fn config(text: &str) -> GatewayConfig {
    let text = format!("{text}\n{}", credentials());
    GatewayConfig::from_toml(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn deploy(text: &str, simulator: &Simulator) -> Deployment {
    config(text).over(simulator.clone()).unwrap_or_else(|error| panic!("{error}"))
}
