//! Connections that break, and what the fault says may have come of the request.

use std::error::Error;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use twilio_proxy::call::{BoxError, Effect, Fault, FaultKind};
use twilio_proxy::transport::{BodyError, classify_error};

use super::support::{Peer, Server, along, get, plain, post, send, soon, watched};

/// Sends one create to a server that reads it whole and then does as told; the call must fail.
async fn broken_by(script: impl AsyncFnOnce(Peer<TcpStream>)) -> Fault {
    let (server, transport) = (Server::bind().await, plain());
    let (request, facts) = watched(post(&server.uri("/")));
    let act = async {
        let mut peer = server.accept().await;
        peer.read().await;
        script(peer).await;
    };
    let (answer, ()) = tokio::join!(send(&transport, request), act);
    let fault = answer.expect_err("broken");
    assert_eq!((facts.reached(), facts.sent()), (1, 1));
    assert_eq!(facts.effect(), fault.effect(), "the facts and the fault agree");
    assert_eq!(classify_error(&fault), Some((fault.kind(), fault.effect())));
    fault
}

#[track_caller]
fn assert_unknown(fault: &Fault) {
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Interrupted, Effect::Unknown));
}

#[tokio::test]
async fn a_connection_closed_after_the_request_leaves_its_effect_unknown() {
    // hyper: "connection closed before message completed". Taken for "never sent" it makes a retry
    // create twice.
    let fault = broken_by(async |peer| drop(peer)).await;
    assert_unknown(&fault);
    let mut sources = along(&fault).into_iter();
    let source: &hyper::Error =
        sources.find_map(|source| source.downcast_ref()).expect("hyper's error");
    assert!(source.is_incomplete_message(), "{source:?}");
}

#[tokio::test]
async fn a_reset_after_the_request_leaves_its_effect_unknown() {
    assert_unknown(&broken_by(async |peer| peer.reset()).await);
}

#[tokio::test]
async fn half_a_head_leaves_the_effect_unknown() {
    assert_unknown(&broken_by(async |mut peer| peer.write("HTTP/1.1 201 Cre").await).await);
}

#[tokio::test]
async fn garbage_in_place_of_a_status_line_leaves_the_effect_unknown() {
    let fault = broken_by(async |mut peer| peer.write("SSH-2.0-OpenSSH_9.6\r\n\r\n").await).await;
    assert_unknown(&fault);
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let (server, transport) = (Server::bind().await, plain());
    let (request, facts) = watched(post(&server.uri("/")));
    drop(server);
    let fault = send(&transport, request).await.expect_err("refused");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    assert_eq!((facts.reached(), facts.sent(), facts.effect()), (1, 0, Effect::None));
    assert_eq!(fault.to_string(), "no connection could be made");
}

#[tokio::test]
async fn a_server_that_hangs_up_at_once_is_judged_by_what_was_written() {
    // Whether the request is under way when the close arrives is the network's choice. Whichever it
    // was, fault and facts must agree, and no server has read it.
    for _ in 0..50 {
        let (server, transport) = (Server::bind().await, plain());
        let (request, facts) = watched(post(&server.uri("/")));
        let hang_up = async { drop(server.accept().await) };
        let (answer, ()) = tokio::join!(send(&transport, request), hang_up);
        let fault = answer.expect_err("closed");
        let fits = match fault.kind() {
            FaultKind::Connect | FaultKind::Unprocessed => Effect::None,
            FaultKind::Interrupted => Effect::Unknown,
            kind => panic!("{kind:?}"),
        };
        assert_eq!((fault.effect(), facts.effect()), (fits, fits), "{fault:?}");
    }
}

#[tokio::test]
async fn a_body_cut_short_is_an_error_after_the_status() {
    for head in ["content-length: 10", "transfer-encoding: chunked"] {
        let (server, transport) = (Server::bind().await, plain());
        let script = async {
            let answer = format!("HTTP/1.1 201 Created\r\n{head}\r\n\r\n5\r\nab");
            server.accept().await.answer(&answer).await
        };
        let (answer, _) = tokio::join!(send(&transport, get(&server.uri("/"))), script);
        let answer = answer.expect("a head");
        assert_eq!(answer.status(), StatusCode::CREATED);
        let error: BodyError = soon(answer.into_body().collect()).await.expect_err("cut");
        assert!(error.source().is_some_and(|source| source.is::<hyper::Error>()), "{error:?}");
    }
}

#[tokio::test]
async fn errors_of_a_bare_hyper_util_client_are_judged_alike() {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let server = Server::bind().await;
    let (request, uri) = (post(&server.uri("/")), server.uri("/"));
    let hang_up = async {
        let mut peer = server.accept().await;
        peer.read().await;
    };
    let (answer, ()) = tokio::join!(client.request(request), hang_up);
    let interrupted = answer.expect_err("closed");
    drop(server);
    let refused = client.request(get(&uri)).await.expect_err("refused");
    let relative = client.request(get("/path")).await.expect_err("relative");
    for (error, expected) in [
        (interrupted, (FaultKind::Interrupted, Effect::Unknown)),
        (refused, (FaultKind::Connect, Effect::None)),
        (relative, (FaultKind::Config, Effect::None)),
    ] {
        assert_eq!(classify_error(&error), Some(expected), "{error:?}");
        // A layer that wraps it hides nothing.
        let wrapped = Wrapped(Box::new(error));
        assert_eq!(classify_error(&wrapped), Some(expected));
    }
}

#[derive(Debug)]
struct Wrapped(BoxError);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("some layer failed")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[tokio::test]
async fn a_request_that_hyper_never_began_to_write_was_not_processed() {
    let io = TokioIo::new(tokio::io::duplex(1024).0);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("ready");
    drop(connection);
    let closed = sender.ready().await.expect_err("closed");
    let canceled = sender.send_request(post("/")).await.expect_err("canceled");
    assert!(closed.is_closed() && canceled.is_canceled());
    for error in [closed, canceled] {
        assert_eq!(
            classify_error(&error),
            Some((FaultKind::Unprocessed, Effect::None)),
            "{error:?}"
        );
    }
}
