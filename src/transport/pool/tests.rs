//! The books by themselves, for what shows through the pool only where two things happen at one moment.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;

use super::http1::Kept;
use super::link::Link;
use super::state::{Grant, Limits, Protocol, State};

const SECOND: Duration = Duration::from_secs(1);

fn books(protocol: Protocol) -> State {
    let limits = Limits { idle_timeout: Some(10 * SECOND), max_idle: 2, max_connections: 4 };
    State::new(limits, protocol)
}

/// A connection at rest, and its server's end.
async fn connection(expires: Option<Instant>) -> (Kept, DuplexStream) {
    let (client, server) = duplex(1024);
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap();
    (Kept::new(sender, Arc::new(Link::default()), Instant::now(), expires), server)
}

fn is_taken(books: &mut State, now: Instant) -> bool {
    matches!(books.take(now), Some(Grant::Http1(_)))
}

/// Nobody has come by to close it yet, and it could still be written to.
#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_not_taken_though_it_is_there_and_open() {
    let now = Instant::now();
    for (expires, old) in [(None, now + 10 * SECOND), (Some(now + 3 * SECOND), now + 3 * SECOND)] {
        let mut books = books(Protocol::Http1);
        for at in [old - Duration::from_nanos(1), old] {
            let (kept, _server) = connection(expires).await;
            books.give(kept, now);
            assert_eq!(is_taken(&mut books, at), at < old);
        }
    }
}

/// Its task has seen the end, and the books have not been told yet.
#[tokio::test(start_paused = true)]
async fn what_is_closed_is_not_taken_though_it_is_young() {
    let now = Instant::now();
    let mut books = books(Protocol::Http1);
    let (kept, server) = connection(None).await;
    let (open, _server) = connection(None).await;
    books.give(open, now);
    books.give(kept, now);
    drop(server);
    tokio::time::sleep(SECOND).await;
    assert!(is_taken(&mut books, now), "the one below it");
    assert!(!is_taken(&mut books, now));
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_or_too_old_is_not_kept() {
    let now = Instant::now();
    let mut books = books(Protocol::Http1);
    let (closed, server) = connection(None).await;
    let (old, _server) = connection(Some(now)).await;
    let (young, _server) = connection(Some(now + SECOND)).await;
    drop(server);
    tokio::time::sleep(SECOND / 2).await;
    for (kept, idle) in [(closed, 0), (old, 0), (young, 1)] {
        books.give(kept, now + SECOND / 2);
        assert_eq!(books.stats().idle, idle);
    }
}

/// Somebody sleeps until then, and is woken only where that is too late.
#[tokio::test(start_paused = true)]
async fn the_books_are_looked_at_when_the_first_grows_too_old_and_not_more_often() {
    let now = Instant::now();
    let mut books = State::new(
        Limits { idle_timeout: Some(10 * SECOND), max_idle: 9, max_connections: 9 },
        Protocol::Http1,
    );
    for (expires, look) in [
        (None, Some(10)),
        (Some(5), Some(5)),
        (Some(5), None),
        (Some(7), None),
        (Some(3), Some(3)),
        (None, None),
    ] {
        let after = |seconds: u32| now + seconds * SECOND;
        let (kept, _server) = connection(expires.map(after)).await;
        books.give(kept, now);
        assert_eq!(books.must_look(), look.map(after), "{expires:?}");
        assert_eq!(books.must_look(), None, "once is enough");
    }
}

#[test]
fn a_dial_that_fails_is_nobodys_trouble_while_there_is_one_for_each_who_waits() {
    let mut books = books(Protocol::Http1);
    let (_first, _second) = (books.wait(), books.wait());
    let (third, _gone) = books.wait();
    let dials = books.book_dials();
    assert_eq!(dials.len(), 3);
    books.leave(third);
    assert!(books.dial_ended(dials[0]));
    assert!(books.hears_of_failure().is_empty(), "two wait, and two are on their way");
    assert!(books.dial_ended(dials[1]));
    assert_eq!(books.hears_of_failure().len(), 1, "one more than are on their way");
    assert!(books.dial_ended(dials[2]));
    assert_eq!(books.hears_of_failure().len(), 1);
    assert!(books.hears_of_failure().is_empty(), "nobody is left");
}

/// One dial is made for everybody, and where it fails others would too. But where there is a connection, it has
/// streams to give again: then one of those who wait tells its caller, and the rest may yet be served.
#[test]
fn a_dial_for_all_that_fails_is_told_to_all_unless_there_is_a_connection() {
    for protocol in [Protocol::Unknown, Protocol::Http2] {
        let mut books = books(protocol);
        let _waiting = [books.wait(), books.wait(), books.wait()];
        assert_eq!(books.book_dials().len(), 1);
        assert_eq!(books.hears_of_failure().len(), 3);
    }
    let mut books = books(Protocol::Unknown);
    books.opened(Protocol::Http2);
    let _waiting = [books.wait(), books.wait(), books.wait()];
    assert_eq!(books.hears_of_failure().len(), 1);
}

#[cfg(feature = "http2")]
mod streams;
