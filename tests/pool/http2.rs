//! HTTP/2: how many connections the calls share, and when another is opened.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, Uri};
use http_body_util::BodyExt;
use tokio::io::duplex;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;
use tower::{ServiceExt, service_fn};
use twilio_proxy::call::{Fault, FaultKind};
use twilio_proxy::transport::{Builder, Connect, ProxyTransport};

use crate::support::{builder, counts, get, settle};

/// Answers each stream with the number of its connection, as far as it has permits.
#[derive(Clone)]
struct Server {
    streams: u32,
    opened: Arc<AtomicU32>,
    permits: Arc<Semaphore>,
    /// Connections up to this number go away.
    leaves: watch::Sender<u32>,
    refuses: Arc<Mutex<u32>>,
}

impl Server {
    fn new(streams: u32) -> Self {
        let permits = Arc::new(Semaphore::new(0));
        let (leaves, _) = watch::channel(0);
        Self { streams, opened: Arc::default(), permits, leaves, refuses: Arc::default() }
    }

    fn transport(&self, builder: Builder) -> ProxyTransport<impl Connect> {
        let server = self.clone();
        let connector = service_fn(move |_: Uri| {
            let server = server.clone();
            async move {
                sleep(Duration::from_millis(10)).await;
                let number = server.opened.fetch_add(1, Relaxed) + 1;
                if number <= *server.refuses.lock().unwrap() {
                    return Err(io::Error::other("refused"));
                }
                let (client, end) = duplex(64 * 1024);
                tokio::spawn(server.talk(number, end));
                Ok(client)
            }
        });
        builder.http2_only().build_with(connector).expect("settings")
    }

    async fn talk(self, number: u32, end: tokio::io::DuplexStream) {
        let mut builder = h2::server::Builder::new();
        builder.max_concurrent_streams(self.streams);
        let mut connection = builder.handshake::<_, Bytes>(end).await.expect("a preface");
        let mut leaves = self.leaves.subscribe();
        let mut left = false;
        loop {
            let stream = tokio::select! {
                stream = connection.accept() => Some(stream),
                _ = leaves.wait_for(|most| number <= *most), if !left => None,
            };
            let Some(stream) = stream else {
                connection.graceful_shutdown();
                left = true;
                continue;
            };
            let Some(Ok((_, mut respond))) = stream else { return };
            let permits = Arc::clone(&self.permits);
            tokio::spawn(async move {
                permits.acquire().await.expect("open").forget();
                let mut body = respond.send_response(Response::new(()), false).expect("a head");
                body.send_data(number.to_string().into(), true).expect("a body");
            });
        }
    }
}

async fn text<C: Connect>(transport: ProxyTransport<C>) -> Result<String, Fault> {
    let response = transport.oneshot(get("/")).await?;
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    Ok(String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test(start_paused = true)]
async fn one_connection_is_made_for_all_who_wait() {
    let server = Server::new(100);
    let transport = server.transport(builder());
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(text(transport.clone()))).collect();
    server.permits.add_permits(50);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "1");
    }
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn when_the_streams_run_out_another_connection_is_opened() {
    let server = Server::new(2);
    let transport = server.transport(builder());
    // The first calls tell how many streams there may be.
    server.permits.add_permits(2);
    text(transport.clone()).await.unwrap();
    text(transport.clone()).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(tokio::spawn(text(transport.clone())));
        settle().await;
    }
    assert_eq!(transport.pool_stats().open, 1);
    calls.push(tokio::spawn(text(transport.clone())));
    sleep(Duration::from_millis(20)).await;
    assert_eq!(transport.pool_stats().open, 2);
    server.permits.add_permits(3);
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap().unwrap());
    }
    assert_eq!(answers, ["1", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn with_a_cap_the_calls_wait_for_a_stream() {
    let server = Server::new(2);
    let transport = server.transport(builder().max_connections(1));
    server.permits.add_permits(2);
    text(transport.clone()).await.unwrap();
    text(transport.clone()).await.unwrap();
    let calls: Vec<_> = (0..10).map(|_| tokio::spawn(text(transport.clone()))).collect();
    for _ in 0..10 {
        settle().await;
        server.permits.add_permits(1);
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "1");
    }
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 11));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_finishes_its_streams_and_takes_no_more() {
    let server = Server::new(100);
    let transport = server.transport(builder());
    let first = tokio::spawn(text(transport.clone()));
    sleep(Duration::from_millis(20)).await;
    server.leaves.send_replace(1);
    sleep(Duration::from_millis(20)).await;
    let second = tokio::spawn(text(transport.clone()));
    sleep(Duration::from_millis(20)).await;
    assert_eq!(transport.pool_stats().open, 2);
    server.permits.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), "1");
    assert_eq!(second.await.unwrap().unwrap(), "2");
    settle().await;
    // hyper hears of it when the second call comes, and hands that back unsent.
    assert_eq!(counts(transport.pool_stats()), (1, 1, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_connection_hear_that_it_failed_and_the_next_call_has_another() {
    let server = Server::new(100);
    *server.refuses.lock().unwrap() = 1;
    let transport = server.transport(builder());
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(text(transport.clone()))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().expect_err("refused").kind(), FaultKind::Connect);
    }
    assert_eq!(server.opened.load(Relaxed), 1, "nobody tried again by himself");
    server.permits.add_permits(1);
    assert_eq!(text(transport.clone()).await.unwrap(), "2");
}

#[tokio::test(start_paused = true)]
async fn idle_and_old_connections_are_closed() {
    let server = Server::new(100);
    let settings = builder().idle_timeout(Duration::from_secs(50));
    let transport = server.transport(settings.max_age(Duration::from_secs(300)));
    server.permits.add_permits(100);
    text(transport.clone()).await.unwrap();
    sleep(Duration::from_secs(51)).await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0), "nobody had to ask");
    for _ in 0..20 {
        text(transport.clone()).await.unwrap();
        sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(counts(transport.pool_stats()), (1, 1, 3, 18), "400 seconds, and 300 at most");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_gives_its_stream_back() {
    let server = Server::new(100);
    let transport = server.transport(builder());
    for wait in [5, 20] {
        let call = tokio::spawn(text(transport.clone()));
        sleep(Duration::from_millis(wait)).await;
        call.abort();
        sleep(Duration::from_millis(20)).await;
        assert_eq!(counts(transport.pool_stats()).0, 1);
        assert_eq!(transport.pool_stats().idle, 1, "after {wait} ms");
    }
    assert!(transport.drain(Duration::from_secs(1)).await);
}

/// A connection whose server had vanished once kept all calls to itself, and each attempt of each
/// of them ran into its timeout there, until a ping was missed after half a minute: with the default
/// stack's ten seconds an attempt, no call was left to try another.
#[tokio::test(start_paused = true)]
async fn a_connection_that_leaves_a_call_without_an_answer_takes_no_more() {
    let server = Server::new(100);
    let transport = server.transport(builder());
    server.permits.add_permits(1);
    assert_eq!(text(transport.clone()).await.unwrap(), "1");
    let patient = tokio::spawn(text(transport.clone()));
    let call = tokio::spawn(text(transport.clone()));
    sleep(Duration::from_secs(10)).await;
    call.abort();
    settle().await;
    assert_eq!(transport.pool_stats().open, 1);
    let next = tokio::spawn(text(transport.clone()));
    sleep(Duration::from_millis(20)).await;
    assert_eq!(transport.pool_stats().open, 2);
    // Who waits there still may have an answer yet.
    server.permits.add_permits(3);
    assert_eq!(patient.await.unwrap().unwrap(), "1");
    assert_eq!(next.await.unwrap().unwrap(), "2");
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 2, 2));
}

/// Calls that are given up sooner than that are as many reasons for doubt.
#[tokio::test(start_paused = true)]
async fn hasty_calls_that_all_go_without_an_answer_speak_against_their_connection() {
    let server = Server::new(100);
    let transport = server.transport(builder());
    for _ in 0..3 {
        let call = tokio::spawn(text(transport.clone()));
        sleep(Duration::from_millis(300)).await;
        call.abort();
        settle().await;
    }
    assert_eq!(server.opened.load(Relaxed), 2);
}

/// One answer is never read to its end, and the others are: the connection is well.
#[tokio::test(start_paused = true)]
async fn a_connection_that_answers_others_meanwhile_is_kept() {
    let server = Server::new(100);
    let transport = server.transport(builder());
    server.permits.add_permits(100);
    let unread = transport.clone().oneshot(get("/")).await.unwrap();
    for _ in 0..20 {
        sleep(Duration::from_millis(900)).await;
        text(transport.clone()).await.unwrap();
    }
    drop(unread);
    settle().await;
    text(transport.clone()).await.unwrap();
    assert_eq!(counts(transport.pool_stats()).2, 1);
}
