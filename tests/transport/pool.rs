//! Connections that are kept, and when they are not.

use std::time::Duration;

use http_body_util::BodyExt;
use twilio_proxy::call::{Effect, FaultKind};
use twilio_proxy::transport::{Builder, ProxyTransport};

use super::Make;
use super::support::{Server, get, ok, plain, post, send, soon, text, watched};

#[tokio::test]
async fn a_kept_connection_serves_the_next_request() {
    let (server, transport) = (Server::bind().await, plain());
    let script = async {
        let mut peer = server.accept().await;
        peer.answer(&ok("one")).await;
        // A request on another connection would never be read.
        peer.answer(&ok("two")).await;
    };
    let calls = async {
        assert_eq!(text(&transport, get(&server.uri("/1"))).await, "one");
        assert_eq!(text(&transport.clone(), get(&server.uri("/2"))).await, "two");
    };
    tokio::join!(script, calls);
}

#[tokio::test]
async fn a_connection_that_idles_too_long_is_closed() {
    // Without a timer for the pool this waits for ever: nobody wants the connection again.
    closes_after_an_answer(ProxyTransport::builder().idle_timeout(Duration::from_millis(1))).await;
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    closes_after_an_answer(ProxyTransport::builder().max_idle_per_host(0)).await;
}

/// The connection of a call that was answered is closed, while the transport lives on.
async fn closes_after_an_answer(builder: Builder) {
    let server = Server::bind().await;
    let transport = builder.without_tls().made().expect("settings");
    let script = async {
        let mut peer = server.accept().await;
        peer.answer(&ok("")).await;
        peer
    };
    let (_, peer) = tokio::join!(text(&transport, get(&server.uri("/"))), script);
    peer.closed().await;
    drop(transport);
}

#[tokio::test]
async fn the_last_clone_takes_the_idle_connections_with_it() {
    let (server, transport) = (Server::bind().await, plain());
    let clone = transport.clone();
    let script = async {
        let mut peer = server.accept().await;
        peer.answer(&ok("one")).await;
        peer.answer(&ok("two")).await;
        peer
    };
    let calls = async {
        text(&transport, get(&server.uri("/"))).await;
        drop(transport);
        // One clone is enough to keep them.
        text(&clone, get(&server.uri("/"))).await;
        drop(clone);
    };
    let (peer, ()) = tokio::join!(script, calls);
    peer.closed().await;
}

/// A server that closes every connection after one answer, on its own thread, so that its close and
/// the next request race. It returns how many requests it has read.
fn closing_server(listener: std::net::TcpListener, most: u32) -> std::thread::JoinHandle<u32> {
    use std::io::{Read, Write};
    std::thread::spawn(move || {
        let mut read = 0;
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
            let whole = |request: &[u8]| {
                request.ends_with(b"Mode=voice-only") || request.starts_with(b"GET /end")
            };
            while !whole(&request) {
                match stream.read(&mut bytes) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => request.extend_from_slice(&bytes[..length]),
                }
            }
            if request.starts_with(b"GET /end") {
                break;
            }
            if whole(&request) {
                read += 1;
                stream.write_all(ok("").as_bytes()).expect("the client reads");
            }
        }
        assert!(read <= most, "{read} requests for {most} calls: one was sent twice");
        read
    })
}

#[tokio::test]
async fn a_create_that_races_with_the_servers_close_is_sent_once_or_says_so() {
    const CALLS: u32 = 200;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = |path: &str| format!("http://{}{path}", listener.local_addr().expect("bound"));
    let (create, end) = (uri("/"), uri("/end"));
    let server = closing_server(listener, CALLS);
    let transport = plain();
    let mut answered = 0;
    for _ in 0..CALLS {
        let (request, facts) = watched(post(&create));
        match send(&transport, request).await {
            Ok(response) => {
                answered += 1;
                soon(response.into_body().collect()).await.expect("a body");
            }
            // Written into a connection that was closing.
            Err(fault) => {
                assert_eq!(
                    (fault.kind(), fault.effect()),
                    (FaultKind::Interrupted, Effect::Unknown)
                );
                assert_eq!(facts.effect(), Effect::Unknown);
            }
        }
    }
    drop(transport);
    assert!(send(&plain(), get(&end)).await.is_err(), "the end is not answered");
    let read = tokio::task::spawn_blocking(|| server.join()).await.expect("joined").expect("held");
    assert_eq!(read, answered, "what was read was answered");
}
