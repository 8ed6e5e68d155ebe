//! How fast a file says that an endpoint's slowness is forgotten.

use std::time::Duration;

use tokio::time::sleep;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::simulator::{Settings, Simulator};

use crate::deploy;
use crate::world::service;

/// The key was read and shown, and nothing said whether anybody heeded it.
#[tokio::test(start_paused = true)]
async fn a_peak_of_latency_fades_as_fast_as_the_file_says() {
    // After two seconds of rest e^(-2/decay) of a second is left.
    for (decay, left) in [("1s", 135..=136), ("2s", 367..=368), ("10s", 818..=819)] {
        let simulator = Simulator::with(Settings::default().latency(Duration::from_secs(1)));
        let text = format!("endpoint.failover_edges = [\"dublin\"]\nfailover.decay = \"{decay}\"");
        let deployment = deploy(&text, &simulator);
        let gateway = deployment.gateway();
        let fetched = gateway.send(FetchSession::by_name(service(1), "order-1")).await;
        assert!(fetched.unwrap_err().is_not_found(), "an answer is one, whatever it says");
        sleep(Duration::from_secs(2)).await;
        let endpoints = gateway.health().endpoints;
        let known: Vec<u64> = endpoints.iter().filter_map(|endpoint| endpoint.latency_ms).collect();
        let [latency] = known[..] else { panic!("{endpoints:?}") };
        assert!(left.contains(&latency), "{latency} ms are left after a decay of {decay}");
    }
}
