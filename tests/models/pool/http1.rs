//! A connection without a wire: its sending end, and the task that sees to it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use loom::sync::Mutex;
use tokio::time::Instant;

use super::link::Link;
use super::origin::Origin;

/// What the two ends know of each other, as hyper's do.
#[derive(Debug, Default)]
pub(super) struct Wire(Mutex<Ends>);

#[derive(Debug, Default)]
struct Ends {
    /// The sender is gone.
    dropped: bool,
    /// The other end is.
    closed: bool,
    /// A request is on it; done with as soon as the driver has had its turn.
    busy: bool,
    driver: Option<Waker>,
}

/// The sending end.
pub(in crate::transport) struct Kept {
    wire: Arc<Wire>,
    pub(super) link: Arc<Link>,
    pub(super) used: bool,
    pub(super) since: Instant,
    pub(super) expires: Option<Instant>,
}

impl Kept {
    pub(super) fn new(wire: Arc<Wire>, link: Arc<Link>, now: Instant) -> Self {
        Self { wire, link, used: false, since: now, expires: None }
    }

    pub(super) fn is_ready(&self) -> bool {
        let ends = self.wire.0.lock().unwrap();
        !ends.closed && !ends.busy
    }

    pub(super) fn is_closed(&self) -> bool {
        self.wire.0.lock().unwrap().closed
    }

    pub(super) fn is_of(&self, link: &Arc<Link>) -> bool {
        Arc::ptr_eq(&self.link, link)
    }

    /// Sends a request and reads its answer. The connection comes to rest when its driver has had its turn.
    pub(super) fn exchange(&mut self) {
        let mut ends = self.wire.0.lock().unwrap();
        assert!(!ends.busy, "a request on a connection that has another");
        ends.busy = true;
        let driver = ends.driver.take();
        drop(ends);
        driver.into_iter().for_each(Waker::wake);
    }

    /// The other end.
    pub(super) fn server(&self) -> Arc<Wire> {
        Arc::clone(&self.wire)
    }
}

impl Wire {
    /// The server closes it.
    pub(super) fn break_off(&self) {
        let mut ends = self.0.lock().unwrap();
        ends.closed = true;
        let driver = ends.driver.take();
        drop(ends);
        driver.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut ends = self.wire.0.lock().unwrap();
        ends.dropped = true;
        let driver = ends.driver.take();
        drop(ends);
        driver.into_iter().for_each(Waker::wake);
    }
}

/// The task of a connection, in the order of the true one: first the bytes, then a look for a sender that waits.
pub(super) struct Driver {
    wire: Arc<Wire>,
    link: Arc<Link>,
    origin: Weak<Origin>,
}

impl Driver {
    pub(super) fn new(wire: Arc<Wire>, link: Arc<Link>, origin: Weak<Origin>) -> Self {
        Self { wire, link, origin }
    }

    fn poll_bytes(&self, cx: &Context<'_>) -> Poll<()> {
        let mut ends = self.wire.0.lock().unwrap();
        ends.busy = false;
        if ends.dropped {
            ends.closed = true;
        }
        if ends.closed {
            return Poll::Ready(());
        }
        ends.driver = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_bytes(cx).is_ready() {
            return Poll::Ready(());
        }
        if let Some(kept) = self.link.resume()
            && let Some(origin) = self.origin.upgrade()
        {
            origin.give(kept);
        }
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.link.end();
        if let Some(origin) = self.origin.upgrade() {
            origin.ended_http1(&self.link);
        }
    }
}
