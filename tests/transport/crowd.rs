//! Many calls on several threads, where a connection's two ends run side by side.

use std::time::Duration;

use super::support::{Peer, Server, get, ok, post, soon, text};
use super::{Make, Transport};
use twilio_proxy::transport::ProxyTransport;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_is_served_over_few_connections() {
    const CALLS: usize = 100;
    let server = Server::bind().await;
    let uri = server.uri("/");
    let builder = ProxyTransport::builder().idle_timeout(Duration::from_secs(5));
    let transport: Transport = builder.max_connections(4).without_tls().made().expect("settings");
    let accepting = tokio::spawn(async move {
        loop {
            let mut peer: Peer<_> = server.accept().await;
            tokio::spawn(async move {
                while peer.try_read().await.is_some() {
                    peer.write(&ok("served")).await;
                }
            });
        }
    });
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (transport, uri) = (transport.clone(), uri.clone());
            tokio::spawn(async move {
                for number in 0..CALLS {
                    let request = if number % 2 == 0 { get(&uri) } else { post(&uri) };
                    assert_eq!(text(&transport, request).await, "served");
                }
            })
        })
        .collect();
    for caller in callers {
        soon(caller).await.expect("served");
    }
    accepting.abort();
}
