//! Connections are counted, over a real socket; the pool's own tests count them in paused time.

use http_body_util::BodyExt;
use twilio_proxy::transport::PoolStats;

use super::support::{Server, get, ok, plain, send, text};

/// Waits until it is so: a connection comes to rest, and is found closed, by its own task.
async fn until(stats: impl Fn() -> PoolStats, expected: [u64; 4]) {
    let counted = |stats: PoolStats| [stats.open, stats.idle, stats.opened, stats.reused];
    let so = async {
        while counted(stats()) != expected {
            tokio::task::yield_now().await;
        }
    };
    super::support::soon(so).await;
}

#[tokio::test]
async fn connections_are_counted_while_they_are_used_and_when_they_are_gone() {
    let (server, transport) = (Server::bind().await, plain());
    let stats = || transport.pool_stats();
    until(stats, [0, 0, 0, 0]).await;
    let script = async {
        let mut peer = server.accept().await;
        peer.answer(&ok("one")).await;
        peer.answer(&ok("two")).await;
        peer
    };
    let calls = async {
        let response = send(&transport, get(&server.uri("/1"))).await.expect("an answer");
        // Its body has not been read: somebody has the connection.
        until(stats, [1, 0, 1, 0]).await;
        drop(response.into_body().collect().await.expect("a body"));
        until(stats, [1, 1, 1, 0]).await;
        text(&transport, get(&server.uri("/2"))).await;
        until(stats, [1, 1, 1, 1]).await;
    };
    let (peer, ()) = tokio::join!(script, calls);
    drop(peer);
    until(stats, [0, 0, 1, 1]).await;
}
