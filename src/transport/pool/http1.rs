//! One HTTP/1.1 connection: the end that sends, and the task that moves its bytes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper::rt::{Read, Write};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tokio_util::sync::ReusableBoxFuture;

use super::link::Link;
use super::origin::Origin;

pub(super) type Sent = Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>>;

/// The sending end, which whoever uses the connection holds: first the call, then its answer's
/// body, then the pool.
pub(in crate::transport) struct Kept {
    sender: http1::SendRequest<Full<Bytes>>,
    /// The answer to come. hyper's future has no name, so it needs a box; the box stays with the
    /// connection, and a request on a kept one allocates none.
    answer: Option<ReusableBoxFuture<'static, Sent>>,
    pub(super) link: Arc<Link>,
    /// Whether it was ever left to itself: then its server may have closed it meanwhile.
    pub(super) used: bool,
    /// Since when nobody uses it.
    pub(super) since: Instant,
    pub(super) expires: Option<Instant>,
}

impl Kept {
    pub(super) fn new(
        sender: http1::SendRequest<Full<Bytes>>,
        link: Arc<Link>,
        now: Instant,
        expires: Option<Instant>,
    ) -> Self {
        Self { sender, answer: None, link, used: false, since: now, expires }
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.sender.is_closed() && self.sender.is_ready()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Ready once it can take a request, or never will.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sender.poll_ready(cx).map(drop)
    }

    pub(super) fn is_of(&self, link: &Arc<Link>) -> bool {
        Arc::ptr_eq(&self.link, link)
    }

    pub(super) fn send(&mut self, request: Request<Full<Bytes>>) {
        let answer = self.sender.try_send_request(request);
        match &mut self.answer {
            Some(kept) => kept.set(answer),
            None => self.answer = Some(ReusableBoxFuture::new(answer)),
        }
    }

    /// The answer to what was sent. Never asked where nothing was.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Sent> {
        match &mut self.answer {
            Some(answer) => answer.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("used", &self.used).finish_non_exhaustive()
    }
}

pin_project! {
    /// The task of a connection.
    pub(super) struct Driver<T>
    where
        T: Read,
        T: Write,
    {
        #[pin]
        connection: http1::Connection<T, Full<Bytes>>,
        end: End,
    }
}

impl<T: Read + Write + Unpin> Driver<T> {
    pub(super) fn new(
        connection: http1::Connection<T, Full<Bytes>>,
        link: Arc<Link>,
        origin: Weak<Origin>,
    ) -> Self {
        Self { connection, end: End { link, origin } }
    }
}

impl<T: Read + Write + Unpin> Future for Driver<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // Why it ended, its request was told.
        if this.connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut kept = this.end.link.resume();
        if kept.is_none() && this.end.link.is_parked() {
            // Where an answer overtook its request, hyper comes to rest by the last flush, and
            // says so only when it is polled again, for which it leaves no reason.
            if this.connection.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            kept = this.end.link.resume();
        }
        if let Some(kept) = kept
            && let Some(origin) = this.end.origin.upgrade()
        {
            origin.give(kept);
        }
        Poll::Pending
    }
}

/// Tells the pool that a connection is no more, however its task ends.
struct End {
    link: Arc<Link>,
    origin: Weak<Origin>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.link.end();
        if let Some(origin) = self.origin.upgrade() {
            origin.ended_http1(&self.link);
        }
    }
}
