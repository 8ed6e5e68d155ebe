//! Kept connections that died: what is sent again, and what must not be.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::{ServiceExt, service_fn};
use twilio_proxy::call::{CallFacts, Effect, FaultKind, Idempotency};
use twilio_proxy::transport::{Connect, ProxyTransport};

use crate::support::{builder, counts, settle, text};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A transport whose connections a test serves by hand, through this small a window.
fn by_hand(window: usize) -> (ProxyTransport<impl Connect>, mpsc::UnboundedReceiver<DuplexStream>) {
    let (ends, server) = mpsc::unbounded_channel();
    let connector = service_fn(move |_: Uri| {
        let (client, end) = duplex(window);
        let sent = ends.send(end);
        std::future::ready(sent.map(|()| client).map_err(|_| io::Error::other("gone")))
    });
    (builder().build_with(connector).expect("settings"), server)
}

async fn serve(end: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let read = timeout(Duration::from_secs(60), end.read_buf(&mut bytes)).await;
        assert_ne!(read.expect("a request").unwrap(), 0, "the client hung up");
    }
    end.write_all(ANSWER).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_request_that_met_a_dead_connection_goes_out_on_another() {
    let (transport, mut server) = by_hand(64 * 1024);
    let first = tokio::spawn(text(transport.clone(), "/first"));
    let mut end = server.recv().await.unwrap();
    serve(&mut end).await;
    first.await.unwrap().unwrap();
    settle().await;
    assert_eq!(transport.pool_stats().idle, 1);
    // Closed, and the connection's task has no chance to see it before the call is there.
    let mut second = Box::pin(text(transport.clone(), "/second"));
    drop(end);
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    assert_eq!(transport.pool_stats().reused, 1, "it was given to the dead one");
    let second = tokio::spawn(second);
    let another = timeout(Duration::from_secs(60), server.recv()).await;
    let mut end = another.expect("a second connection").unwrap();
    let seen = String::from_utf8(serve(&mut end).await).unwrap();
    assert_eq!(seen, "GET /second HTTP/1.1\r\nhost: localhost\r\n\r\n", "whole, and as it was");
    second.await.unwrap().unwrap();
    settle().await;
    let (open, idle, opened, _) = counts(transport.pool_stats());
    assert_eq!((open, idle, opened), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_begun_does_not() {
    let (transport, mut server) = by_hand(1024);
    let first = tokio::spawn(text(transport.clone(), "/first"));
    let mut end = server.recv().await.unwrap();
    serve(&mut end).await;
    first.await.unwrap().unwrap();
    settle().await;

    let facts = Arc::new(CallFacts::new("test", Idempotency::Unsafe));
    let body = Full::new(Bytes::from(vec![b'x'; 64 * 1024]));
    let mut request = Request::post("http://localhost/").body(body).unwrap();
    request.extensions_mut().insert(Arc::clone(&facts));
    let call = tokio::spawn(transport.clone().oneshot(request));
    let mut some = [0; 512];
    end.read_exact(&mut some).await.unwrap();
    drop(end);
    let fault = call.await.unwrap().expect_err("half of it was written");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Interrupted, Effect::Unknown));
    assert_eq!((facts.sent(), facts.effect()), (1, Effect::Unknown));
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 1));
    assert!(server.try_recv().is_err(), "nothing was opened for it");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_nobody_asked_for_close_a_connection_at_rest() {
    let (transport, mut server) = by_hand(64 * 1024);
    let first = tokio::spawn(text(transport.clone(), "/first"));
    let mut end = server.recv().await.unwrap();
    serve(&mut end).await;
    first.await.unwrap().unwrap();
    settle().await;
    end.write_all(ANSWER).await.unwrap();
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_kept_is_not() {
    for head in ["HTTP/1.1 200 OK\r\nconnection: close\r\n", "HTTP/1.0 200 OK\r\n"] {
        let (transport, mut server) = by_hand(64 * 1024);
        let first = tokio::spawn(text(transport.clone(), "/first"));
        let mut end = server.recv().await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            end.read_buf(&mut bytes).await.unwrap();
        }
        end.write_all(format!("{head}content-length: 2\r\n\r\nok").as_bytes()).await.unwrap();
        assert_eq!(first.await.unwrap().unwrap(), "ok");
        settle().await;
        assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_answer_is_skipped() {
    let (transport, mut server) = by_hand(64 * 1024);
    let first = tokio::spawn(text(transport.clone(), "/first"));
    let mut end = server.recv().await.unwrap();
    end.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await.unwrap();
    serve(&mut end).await;
    assert_eq!(first.await.unwrap().unwrap(), "ok");
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_overtakes_its_request_keeps_the_connection_until_both_are_done() {
    let (transport, mut server) = by_hand(1024);
    let body = Full::new(Bytes::from(vec![b'x'; 16 * 1024]));
    let request = Request::post("http://localhost/").body(body).unwrap();
    let call = tokio::spawn(transport.clone().oneshot(request));
    let mut end = server.recv().await.unwrap();
    let mut some = [0; 512];
    end.read_exact(&mut some).await.unwrap();
    end.write_all(ANSWER).await.unwrap();
    let response = call.await.unwrap().unwrap();
    http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    settle().await;
    let stats = transport.pool_stats();
    assert_eq!((stats.open, stats.idle), (1, 0), "the request is not out yet");
    // What is left of it: the head was part of what was read.
    let mut rest = Vec::new();
    while !rest.ends_with(&[b'x'; 15_000]) {
        assert_ne!(end.read_buf(&mut rest).await.unwrap(), 0, "it was closed");
    }
    while let Ok(Ok(1..)) = timeout(Duration::from_millis(1), end.read_buf(&mut rest)).await {}
    let next = tokio::spawn(text(transport.clone(), "/next"));
    settle().await;
    serve(&mut end).await;
    next.await.unwrap().unwrap();
    assert_eq!(transport.pool_stats().opened, 1);
}
