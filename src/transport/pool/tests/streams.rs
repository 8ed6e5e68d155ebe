//! The books of connections that many calls share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;

use super::*;
use crate::transport::pool::http2::{Ended, Shared};

/// A connection that takes so many streams, and its server's end.
async fn shared(id: u64, most: usize) -> (Shared, DuplexStream) {
    let (client, server) = duplex(1024);
    let (sender, connection) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(client))
            .await
            .unwrap();
    tokio::spawn(connection);
    (Shared::new(id, sender, Arc::new(AtomicUsize::new(most)), Instant::now(), None), server)
}

/// Books with so many connections, numbered from 1, on each of which one call is under way.
async fn all_busy(connections: u64, most: usize) -> (State, Vec<DuplexStream>) {
    let mut books = books(Protocol::Http2);
    let mut servers = Vec::new();
    for id in 1..=connections {
        let (_, mut granted) = books.wait();
        books.opened(Protocol::Http2);
        let (shared, server) = shared(id, most).await;
        books.share(shared);
        assert!(matches!(granted.try_recv(), Ok(Ok(Grant::Http2(_)))));
        servers.push(server);
    }
    (books, servers)
}

fn stream(books: &mut State, now: Instant) -> Option<u64> {
    match books.take(now)? {
        Grant::Http2(stream) => Some(stream.id),
        Grant::Http1(_) => None,
    }
}

fn counts(books: &State) -> (u64, u64) {
    let stats = books.stats();
    (stats.open, stats.idle)
}

/// Somebody leaves in the very moment in which a stream is sent to them: the stream is the next one's.
#[tokio::test(start_paused = true)]
async fn a_stream_for_one_who_left_just_now_is_the_next_ones() {
    let mut books = books(Protocol::Http2);
    books.opened(Protocol::Http2);
    let (_, gone) = books.wait();
    let (_, mut stays) = books.wait();
    let (_, waits) = books.wait();
    drop(gone);
    let (shared, _server) = shared(1, 1).await;
    books.share(shared);
    assert!(matches!(stays.try_recv(), Ok(Ok(Grant::Http2(_)))));
    assert!(waits.is_empty(), "there is one stream");
}

#[tokio::test(start_paused = true)]
async fn of_connections_at_rest_no_more_are_kept_than_are_to_be() {
    let now = Instant::now();
    let (mut books, _servers) = all_busy(3, 1).await;
    for (id, idle) in [(1, 1), (2, 2), (3, 2)] {
        books.release(id, Ended::Heard, now);
        assert_eq!(counts(&books), (3, idle));
    }
    books.ended_http2(3);
    assert_eq!(counts(&books), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn while_the_pool_is_drained_nothing_comes_to_rest() {
    let (mut books, _servers) = all_busy(1, 1).await;
    books.draining = true;
    books.release(1, Ended::Heard, Instant::now());
    assert_eq!(counts(&books), (1, 0));
}

/// It is open as long as somebody reads from it.
#[tokio::test(start_paused = true)]
async fn a_connection_that_ended_is_open_until_its_last_stream_ends() {
    let now = Instant::now();
    let (mut books, _servers) = all_busy(2, 1).await;
    books.ended_http2(2);
    for (id, counted) in [(1, (2, 1)), (2, (1, 1))] {
        books.release(id, Ended::Heard, now);
        assert_eq!(counts(&books), counted);
    }
    assert_eq!(stream(&mut books, now), Some(1), "the one that is left");
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_is_looked_at_when_it_grows_too_old_and_taken_no_more() {
    let now = Instant::now();
    let (mut books, _servers) = all_busy(1, 2).await;
    let late = now + 11 * SECOND;
    assert_eq!(stream(&mut books, late), Some(1), "it is busy, and so not at rest for too long");
    books.release(1, Ended::Heard, late);
    books.release(1, Ended::Heard, late);
    assert_eq!(books.must_look(), Some(late + 10 * SECOND));
    assert_eq!(books.reap(late + 9 * SECOND, false), Some(late + 10 * SECOND));
    assert_eq!(stream(&mut books, late + 9 * SECOND), Some(1));
    books.release(1, Ended::Heard, late);
    assert_eq!(stream(&mut books, late + 10 * SECOND), None);
}
