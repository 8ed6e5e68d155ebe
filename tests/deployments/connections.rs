//! The pool's settings, over real connections.

use std::time::Duration;

use futures_util::future::join_all;
use twilio_proxy::gateway::{GatewayExt, PoolHealth};
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::simulator::{Settings, Simulator};

use crate::config;
use crate::world::service;

/// How long each answer takes.
const LATENCY: Duration = Duration::from_millis(30);

/// What the pool has done after rounds of so many calls at once.
async fn pool(text: &str, rounds: usize, at_once: usize) -> PoolHealth {
    let simulator = Simulator::with(Settings::default().latency(LATENCY).without_rate_limit());
    let server = simulator.serve().await.unwrap();
    let text = format!(
        "endpoint.base_url = \"{}\"\nrate_limit.quota = \"1000/s\"\nrate_limit.burst = 100\n{text}",
        server.base_url()
    );
    let deployment = config(&text).build().unwrap_or_else(|error| panic!("{error}"));
    let gateway = deployment.gateway();
    for _ in 0..rounds {
        let fetch = || gateway.send(FetchSession::by_name(service(1), "order-1"));
        for fetched in join_all((0..at_once).map(|_| fetch())).await {
            assert!(fetched.unwrap_err().is_not_found(), "the server's answer");
        }
    }
    gateway.health().pool.expect("a transport of its own")
}

#[tokio::test]
async fn no_more_connections_are_open_than_the_file_allows_and_nobody_is_turned_away() {
    assert_eq!(pool("", 1, 8).await.opened, 8, "without a cap: one a call");
    assert_eq!(pool("transport.max_connections = 2", 1, 8).await.opened, 2);
}

#[tokio::test]
async fn a_connection_that_is_too_old_is_replaced() {
    assert_eq!(pool("", 3, 1).await.opened, 1, "as long as it is good");
    assert_eq!(pool("transport.max_age = \"never\"", 3, 1).await.opened, 1);
    // Older than that when its first answer has come.
    assert_eq!(pool("transport.max_age = \"10ms\"", 3, 1).await.opened, 3);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_kept_where_the_file_says_so() {
    assert_eq!(pool("transport.max_idle_per_host = 0", 3, 1).await.opened, 3);
    assert_eq!(pool("transport.max_idle_per_host = 1", 3, 1).await.opened, 1);
}
