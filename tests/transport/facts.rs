//! What the call's facts say while the attempt is under way, and after it was given up.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn};
use twilio_proxy::call::{CallFacts, Effect, FaultKind};
use twilio_proxy::transport::{Connect, ProxyTransport};

use super::support::{Peer, Server, get, ok, plain, post, send, soon, text, watched};
use super::{Make, Transport};

fn counts(facts: &CallFacts) -> (u32, u32, Effect) {
    (facts.reached(), facts.sent(), facts.effect())
}

#[tokio::test]
async fn an_attempt_is_reached_when_called_and_sent_when_a_connection_takes_it() {
    let (server, mut transport) = (Server::bind().await, plain());
    let (request, facts) = watched(post(&server.uri("/")));
    assert_eq!(counts(&facts), (0, 0, Effect::Unknown));
    let mut call = transport.call(request);
    assert_eq!(counts(&facts), (1, 0, Effect::None));
    let mut peer = tokio::select! {
        _ = &mut call => panic!("nobody answered"),
        peer = async { let mut peer = server.accept().await; peer.read().await; peer } => peer,
    };
    assert_eq!(counts(&facts), (1, 1, Effect::Unknown));
    peer.write(&ok("")).await;
    assert_eq!(soon(call).await.expect("an answer").status(), StatusCode::OK);
    assert_eq!(counts(&facts), (1, 1, Effect::Unknown));
}

#[tokio::test]
async fn a_refusal_by_the_server_did_nothing_and_other_answers_leave_it_open() {
    let (server, transport) = (Server::bind().await, plain());
    for (status, effect) in [
        (200, Effect::Unknown),
        (307, Effect::Unknown),
        (404, Effect::None),
        (429, Effect::None),
        (503, Effect::Unknown),
    ] {
        let (request, facts) = watched(post(&server.uri("/")));
        let script = async {
            let head = "content-length: 0\r\nconnection: close";
            server.accept().await.answer(&format!("HTTP/1.1 {status} S\r\n{head}\r\n\r\n")).await
        };
        let (answer, _) = tokio::join!(send(&transport, request), script);
        assert_eq!(answer.expect("an answer").status(), status);
        assert_eq!(counts(&facts), (1, 1, effect), "{status}");
    }
}

#[tokio::test]
async fn a_call_dropped_while_it_connects_sent_nothing() {
    // The server accepts and never answers the TLS handshake.
    let server = Server::bind().await;
    let transport = ProxyTransport::builder()
        .roots_pem(super::tls::Identity::of("localhost").pem())
        .connect_timeout(None)
        .made()
        .expect("settings");
    let (request, facts) = watched(post(&format!("https://localhost:{}/", server.port())));
    let call = transport.oneshot(request);
    let peer = tokio::select! {
        _ = call => panic!("nobody answered"),
        peer = server.accept() => peer,
    };
    assert_eq!(counts(&facts), (1, 0, Effect::None));
    drop(peer);
}

#[tokio::test]
async fn a_call_dropped_after_it_was_sent_may_have_acted() {
    let (server, transport) = (Server::bind().await, plain());
    let (request, facts) = watched(post(&server.uri("/")));
    let call = transport.oneshot(request);
    let mut peer = tokio::select! {
        _ = call => panic!("nobody answered"),
        peer = async { let mut peer = server.accept().await; peer.read().await; peer } => peer,
    };
    assert_eq!(counts(&facts), (1, 1, Effect::Unknown));
    // The connection went with the call: an answer that comes late can't be taken for another's.
    assert_eq!(peer.try_read().await, None);
}

#[tokio::test]
async fn the_connect_timeout_covers_the_tls_handshake() {
    let server = Server::bind().await;
    let transport = ProxyTransport::builder()
        .roots_pem(super::tls::Identity::of("127.0.0.1").pem())
        .connect_timeout(Duration::from_millis(20))
        .made()
        .expect("settings");
    let (request, facts) = watched(post(&format!("https://127.0.0.1:{}/", server.port())));
    let (answer, _silent) = tokio::join!(send(&transport, request), server.accept());
    let fault = answer.expect_err("silence");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    assert_eq!(fault.to_string(), "no connection could be made in time");
    assert_eq!(counts(&facts), (1, 0, Effect::None));
}

#[tokio::test]
async fn a_request_without_facts_is_sent_all_the_same() {
    let (server, transport) = (Server::bind().await, plain());
    let script = async { server.accept().await.answer(&ok("fine")).await };
    let (answer, _) = tokio::join!(text(&transport, get(&server.uri("/"))), script);
    assert_eq!(answer, "fine");
}

/// Connections in memory, so that it is certain which of two things a connection sees first. The
/// server's ends come out of the channel; from the connection numbered `most` on, none is made.
fn in_memory(most: u32) -> (Transport<impl Connect>, mpsc::UnboundedReceiver<Peer<DuplexStream>>) {
    let (ends, server) = mpsc::unbounded_channel();
    let made = Arc::new(AtomicU32::new(0));
    let connector = service_fn(move |_: Uri| {
        let (client, end) = duplex(64 * 1024);
        let refused = made.fetch_add(1, Relaxed) >= most || ends.send(Peer(end)).is_err();
        std::future::ready(if refused { Err(io::Error::other("no more")) } else { Ok(client) })
    });
    let builder = ProxyTransport::builder().without_tls();
    (builder.made_with(connector).expect("settings"), server)
}

fn local_post() -> (Request<Full<Bytes>>, Arc<CallFacts>) {
    watched(post("http://localhost/"))
}

/// One request over the first connection, which the server then closes unseen by the client.
async fn stale(
    transport: &Transport<impl Connect>,
    server: &mut mpsc::UnboundedReceiver<Peer<DuplexStream>>,
) {
    let script = async {
        let mut peer = server.recv().await.expect("a connection");
        peer.answer(&ok("first")).await;
        peer
    };
    let (answer, peer) = tokio::join!(text(transport, local_post().0), script);
    assert_eq!(answer, "first");
    // The connection goes back to the pool before the server closes it.
    tokio::task::yield_now().await;
    drop(peer);
}

#[tokio::test]
async fn a_kept_connection_that_closed_costs_no_attempt_and_sends_once() {
    let (transport, mut server) = in_memory(2);
    stale(&transport, &mut server).await;
    let (request, facts) = local_post();
    let script = async { server.recv().await.expect("a second one").answer(&ok("second")).await };
    let (answer, seen) = tokio::join!(text(&transport, request), script);
    assert_eq!(answer, "second");
    assert!(seen.ends_with("\r\n\r\nMode=voice-only"), "whole, on the second connection: {seen}");
    assert_eq!(counts(&facts), (1, 1, Effect::Unknown));
}

#[tokio::test]
async fn a_request_that_no_second_connection_took_did_nothing() {
    // The pool had handed it to the stale connection, so it counted as sent for a while.
    let (transport, mut server) = in_memory(1);
    stale(&transport, &mut server).await;
    let (request, facts) = local_post();
    let fault = send(&transport, request).await.expect_err("no connection");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    assert_eq!(facts.effect(), Effect::None);
}

#[tokio::test]
async fn a_new_connection_that_closed_before_the_request_did_nothing() {
    let connector = service_fn(|_: Uri| async { Ok::<_, Infallible>(duplex(1024).0) });
    let transport = ProxyTransport::builder().without_tls().made_with(connector).expect("settings");
    let (request, facts) = local_post();
    let fault = send(&transport, request).await.expect_err("closed");
    assert_eq!(fault.effect(), Effect::None, "{fault:?}");
    assert_eq!(facts.effect(), Effect::None);
}
