//! One HTTP/2 connection, which many calls share.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioExecutor;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::origin::Origin;

type Sender = http2::SendRequest<Full<Bytes>>;

/// A connection in the pool's books, until it is closed and its last stream has ended.
pub(super) struct Shared {
    pub(super) id: u64,
    /// Gone once it takes no more streams: it is too old, or the server goes away.
    sender: Option<Sender>,
    /// How many streams the server allows at once.
    most: Arc<AtomicUsize>,
    pub(super) streams: usize,
    ended: bool,
    pub(super) since: Instant,
    pub(super) expires: Option<Instant>,
    /// When an answer last ended on it.
    heard: Instant,
    /// Since when calls wait on it in vain, as far as is known: none has been answered since, and one
    /// was given up.
    doubted: Option<Instant>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport) enum Ended {
    /// Its server had the last word.
    Heard,
    /// It was given up, having waited since then.
    Unheard(Instant),
    /// Nothing was asked on it.
    Unused,
}

/// How long a connection may leave a call without an answer, and all others too, before the call that
/// is given up speaks against it. Less is a caller's own haste; and an attempt's timeout of a second, which
/// is a likely one, must not fall short of it by the time that it took to be sent.
const PATIENCE: Duration = Duration::from_millis(500);

impl Shared {
    pub(super) fn new(
        id: u64,
        sender: Sender,
        most: Arc<AtomicUsize>,
        now: Instant,
        expires: Option<Instant>,
    ) -> Self {
        Self {
            id,
            sender: Some(sender),
            most,
            streams: 0,
            ended: false,
            since: now,
            expires,
            heard: now,
            doubted: None,
        }
    }

    /// One of its streams, if it has one to give.
    pub(super) fn grant(&mut self, used: bool) -> Option<Stream> {
        let sender = self.sender.as_ref().filter(|sender| !sender.is_closed())?;
        if self.streams >= self.most.load(Relaxed).max(1) {
            return None;
        }
        self.streams += 1;
        Some(Stream { sender: sender.clone(), id: self.id, used })
    }

    /// One of its streams is over.
    ///
    /// Where one was given up and no other was answered meanwhile, the connection takes no more: its
    /// server may be gone without a word, and the next attempt must not wait for the same silence.
    pub(super) fn release(&mut self, how: Ended, now: Instant) {
        self.streams -= 1;
        self.since = now;
        match how {
            Ended::Heard => (self.heard, self.doubted) = (now, None),
            Ended::Unheard(asked) => {
                let doubted = *self.doubted.get_or_insert(asked.max(self.heard));
                if now.saturating_duration_since(doubted) >= PATIENCE {
                    self.retire();
                }
            }
            Ended::Unused => {}
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.streams == 0 && self.is_taking()
    }

    /// Whether it may take a stream, now or when another has ended.
    pub(super) fn is_taking(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// Takes no more streams; those it has go on to their end.
    pub(super) fn retire(&mut self) {
        self.sender = None;
    }

    pub(super) fn end(&mut self) {
        self.retire();
        self.ended = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended && self.streams == 0
    }
}

/// A stream that was granted, before its request is sent.
pub(in crate::transport) struct Stream {
    pub(super) sender: Sender,
    pub(super) id: u64,
    /// Whether the connection was there before this call.
    pub(super) used: bool,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A stream in use: it counts until this is dropped.
pub(in crate::transport) struct StreamHold {
    id: u64,
    origin: Arc<Origin>,
    ended: Ended,
}

impl StreamHold {
    pub(super) fn new(stream: &Stream, origin: &Arc<Origin>) -> Self {
        let ended = Ended::Unheard(Instant::now());
        Self { id: stream.id, origin: Arc::clone(origin), ended }
    }

    /// The server has said its last on it, be it that the stream is broken.
    pub(super) fn heard(&mut self) {
        self.ended = Ended::Heard;
    }
}

impl Drop for StreamHold {
    fn drop(&mut self) {
        self.origin.release(self.id, self.ended);
    }
}

pin_project! {
    /// The task of a connection.
    pub(super) struct Driver<T>
    where
        T: Read,
        T: Write,
        T: Unpin,
        T: Send,
        T: 'static,
    {
        #[pin]
        connection: http2::Connection<T, Full<Bytes>, TokioExecutor>,
        most: Arc<AtomicUsize>,
        end: End,
    }
}

impl<T: Read + Write + Unpin + Send + 'static> Driver<T> {
    pub(super) fn new(
        connection: http2::Connection<T, Full<Bytes>, TokioExecutor>,
        most: Arc<AtomicUsize>,
        id: u64,
        origin: Weak<Origin>,
    ) -> Self {
        Self { connection, most, end: End { id, origin } }
    }
}

impl<T: Read + Write + Unpin + Send + 'static> Future for Driver<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // Why it ended, its requests were told.
        if this.connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        this.most.store(this.connection.current_max_send_streams(), Relaxed);
        Poll::Pending
    }
}

struct End {
    id: u64,
    origin: Weak<Origin>,
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(origin) = self.origin.upgrade() {
            origin.ended_http2(self.id);
        }
    }
}
