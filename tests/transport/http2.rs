//! HTTP/2, with servers that work frame by frame where it matters.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::{Connection, SendResponse};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use twilio_proxy::call::{CallFacts, Effect, Fault, FaultKind};

use super::support::{Peer, Server, get, post, send, soon, text, watched};
use super::tls::{Identity, accept, builder};
use super::{Make, Transport};

fn prior_knowledge() -> Transport {
    builder().without_tls().http2_only().made().expect("settings")
}

async fn handshake(server: &Server) -> Connection<TcpStream, Bytes> {
    h2::server::handshake(server.accept().await.0).await.expect("a preface")
}

type Stream = (Request<h2::RecvStream>, SendResponse<Bytes>);

async fn next<T: AsyncRead + AsyncWrite + Unpin>(connection: &mut Connection<T, Bytes>) -> Stream {
    soon(connection.accept()).await.expect("a stream").expect("a request")
}

fn answer(respond: &mut SendResponse<Bytes>, body: &'static str) {
    let mut stream = respond.send_response(Response::new(()), false).expect("a head");
    stream.send_data(Bytes::from_static(body.as_bytes()), true).expect("a body");
}

/// Lets the connection work until the client has closed it.
async fn drain<T: AsyncRead + AsyncWrite + Unpin>(mut connection: Connection<T, Bytes>) {
    while soon(connection.accept()).await.is_some_and(|stream| stream.is_ok()) {}
}

#[tokio::test]
async fn alpn_chooses_http_2_over_tls() {
    let (identity, server) = (Identity::of("localhost"), Server::bind().await);
    let transport = builder().roots_pem(identity.pem()).made().expect("settings");
    let uri = format!("https://localhost:{}/v1", server.port());
    let script = async {
        let peer = accept(&identity.acceptor(&["h2", "http/1.1"]), &server).await.expect("TLS");
        let mut connection = h2::server::handshake(peer.0).await.expect("a preface");
        let (request, mut respond) = next(&mut connection).await;
        assert_eq!(request.uri(), uri.as_str());
        assert!(!request.headers().contains_key("host"), "{:?}", request.headers());
        answer(&mut respond, "two");
        drain(connection).await;
    };
    let call = async {
        let answer = text(&transport, get(&uri)).await;
        drop(transport);
        answer
    };
    let (answer, ()) = tokio::join!(call, script);
    assert_eq!(answer, "two");
}

#[tokio::test]
async fn a_transport_of_http_1_only_does_not_offer_http_2() {
    let (identity, server) = (Identity::of("localhost"), Server::bind().await);
    let transport = builder().roots_pem(identity.pem()).http1_only().made().expect("settings");
    let uri = format!("https://localhost:{}/", server.port());
    let script = async {
        let mut peer = accept(&identity.acceptor(&["h2", "http/1.1"]), &server).await.expect("TLS");
        peer.answer(&super::support::ok("one")).await
    };
    let (answer, _) = tokio::join!(text(&transport, get(&uri)), script);
    assert_eq!(answer, "one");
}

#[tokio::test]
async fn calls_side_by_side_share_one_connection() {
    let (server, transport) = (Server::bind().await, prior_knowledge());
    let script = async {
        let mut connection = handshake(&server).await;
        // All are in flight before the first is answered.
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(next(&mut connection).await.1);
        }
        streams.iter_mut().for_each(|respond| answer(respond, "shared"));
        drain(connection).await;
    };
    let calls = async {
        let uri = server.uri("/");
        let one = || text(&transport, get(&uri));
        let answers: [String; 3] = tokio::join!(one(), one(), one()).into();
        drop(transport);
        answers
    };
    let (answers, ()) = tokio::join!(calls, script);
    assert_eq!(answers, ["shared"; 3]);
}

/// The fault of a create whose stream the server resets for this reason.
async fn reset(reason: Reason) -> (Fault, std::sync::Arc<CallFacts>) {
    let (server, transport) = (Server::bind().await, prior_knowledge());
    let (request, facts) = watched(post(&server.uri("/")));
    let script = async {
        let mut connection = handshake(&server).await;
        next(&mut connection).await.1.send_reset(reason);
        drain(connection).await;
    };
    let call = async {
        let fault = send(&transport, request).await.expect_err("reset");
        drop(transport);
        fault
    };
    let (fault, ()) = tokio::join!(call, script);
    assert_eq!((facts.sent(), facts.effect()), (1, fault.effect()));
    (fault, facts)
}

#[tokio::test]
async fn a_refused_stream_was_not_processed() {
    let (fault, _) = reset(Reason::REFUSED_STREAM).await;
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Unprocessed, Effect::None));
}

#[tokio::test]
async fn a_stream_reset_for_another_reason_may_have_acted() {
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::ENHANCE_YOUR_CALM] {
        let (fault, _) = reset(reason).await;
        assert_eq!((fault.kind(), fault.effect()), (FaultKind::Interrupted, Effect::Unknown));
    }
}

/// One frame, as RFC 9113 section 4.1 lays it out.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
}

/// A server that answers the first request with GOAWAY and closes.
async fn go_away(last_stream: u32, reason: Reason) -> Fault {
    const PREFACE: usize = 24;
    let (server, transport) = (Server::bind().await, prior_knowledge());
    let (request, facts) = watched(post(&server.uri("/")));
    let script = async {
        let mut socket: TcpStream = server.accept().await.0;
        socket.read_exact(&mut [0; PREFACE]).await.expect("a preface");
        socket.write_all(&frame(4, &[])).await.expect("SETTINGS");
        loop {
            let mut head = [0; 9];
            soon(socket.read_exact(&mut head)).await.expect("a frame");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            soon(socket.read_exact(&mut vec![0; length as usize])).await.expect("a payload");
            // DATA that ends the stream: the request is whole.
            if head[3] == 0 && head[4] & 1 == 1 {
                break;
            }
        }
        let payload = [last_stream.to_be_bytes(), u32::from(reason).to_be_bytes()].concat();
        socket.write_all(&frame(7, &payload)).await.expect("GOAWAY");
    };
    let (outcome, ()) = tokio::join!(send(&transport, request), script);
    let fault = outcome.expect_err("gone");
    assert_eq!((facts.sent(), facts.effect()), (1, fault.effect()), "{fault:?}");
    fault
}

#[tokio::test]
async fn a_stream_beyond_the_last_that_goaway_names_was_not_processed() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let fault = go_away(0, reason).await;
        assert_eq!((fault.kind(), fault.effect()), (FaultKind::Unprocessed, Effect::None));
    }
}

#[tokio::test]
async fn a_stream_that_goaway_covers_may_have_acted() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM, Reason::INTERNAL_ERROR] {
        let fault = go_away(1, reason).await;
        assert_eq!((fault.kind(), fault.effect()), (FaultKind::Interrupted, Effect::Unknown));
    }
}

#[tokio::test]
async fn a_body_reset_half_way_is_an_error_of_the_body() {
    let (server, transport) = (Server::bind().await, prior_knowledge());
    let (arrived, head) = tokio::sync::oneshot::channel();
    let script = async {
        let mut connection = handshake(&server).await;
        let mut respond = next(&mut connection).await.1;
        let mut stream = respond.send_response(Response::new(()), false).expect("a head");
        stream.send_data(Bytes::from_static(b"half"), false).expect("data");
        // A reset overtakes what was not written yet.
        tokio::select! {
            _ = connection.accept() => panic!("the client is still there"),
            head = head => head.expect("the head arrived"),
        }
        stream.send_reset(Reason::INTERNAL_ERROR);
        drain(connection).await;
    };
    let call = async {
        let response = send(&transport, get(&server.uri("/"))).await.expect("a head");
        arrived.send(()).expect("the server waits");
        drop(transport);
        soon(response.into_body().collect()).await.map(drop)
    };
    let (outcome, ()) = tokio::join!(call, script);
    outcome.expect_err("reset");
}

#[tokio::test]
async fn a_dropped_call_resets_its_stream_and_leaves_the_connection() {
    let (server, transport) = (Server::bind().await, prior_knowledge());
    let (request, facts) = watched(post(&server.uri("/")));
    let (dropped, seen) = tokio::sync::oneshot::channel();
    let script = async {
        let mut connection = handshake(&server).await;
        let (_request, mut respond) = next(&mut connection).await;
        dropped.send(()).expect("the call waits");
        // The connection moves only while it is polled, which waiting for the next stream does.
        let (_, mut other) = next(&mut connection).await;
        let reason = std::future::poll_fn(|cx| respond.poll_reset(cx));
        assert_eq!(soon(reason).await.expect("a reset"), Reason::CANCEL);
        answer(&mut other, "still here");
        drain(connection).await;
    };
    let calls = async {
        tokio::select! {
            _ = send(&transport, request) => panic!("nobody answered"),
            seen = seen => seen.expect("the server saw it"),
        }
        assert_eq!((facts.sent(), facts.effect()), (1, Effect::Unknown));
        let answer = text(&transport, get(&server.uri("/"))).await;
        drop(transport);
        answer
    };
    let (answer, ()) = tokio::join!(calls, script);
    assert_eq!(answer, "still here");
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_given_up() {
    let server = Server::bind().await;
    let pings = (Duration::from_millis(20), Duration::from_millis(20));
    let builder = builder().without_tls().http2_only().http2_keep_alive(pings);
    let transport = builder.made().expect("settings");
    // Accepted, and then nobody reads: the call would wait for ever.
    let (outcome, _silent) =
        tokio::join!(send(&transport, post(&server.uri("/"))), server.accept());
    let fault = outcome.expect_err("no pong");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Interrupted, Effect::Unknown));
}

#[tokio::test]
async fn a_server_without_http_2_is_judged_by_what_was_written() {
    // The request follows the preface without waiting for an answer, so either may have come first.
    let (server, transport) = (Server::bind().await, prior_knowledge());
    let (request, facts) = watched(post(&server.uri("/")));
    let script = async {
        let mut peer: Peer<TcpStream> = server.accept().await;
        soon(peer.0.read_exact(&mut [0; 24])).await.expect("a preface");
        peer.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        peer
    };
    let (outcome, _peer) = tokio::join!(send(&transport, request), script);
    let fault = outcome.expect_err("no HTTP/2");
    let interrupted = fault.kind() == FaultKind::Interrupted;
    assert_eq!(
        fault.effect(),
        if interrupted { Effect::Unknown } else { Effect::None },
        "{fault:?}"
    );
    assert_eq!(facts.effect(), fault.effect());
}
