//! How many connections there are, and how often they are used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a transport's connections are doing: see
/// [`ProxyTransport::pool_stats`](super::ProxyTransport::pool_stats).
///
/// Read without a lock, one number after the other, so they may be a request or two apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Connections that are open now, those included whose TLS handshake is not done yet.
    pub open: u64,
    /// Those of them that nobody uses: open ones, less the requests under way. HTTP/2 has many requests on
    /// one connection, so there it is idle only when there are none.
    pub idle: u64,
    /// Connections opened so far.
    pub opened: u64,
    /// Answers that came over a connection which had been used before: all of them, less one for each
    /// connection that was opened. One that was opened and never used is counted as used.
    pub reused: u64,
}

/// The counters behind [`PoolStats`]: relaxed, for nothing is decided by them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    opened: AtomicU64,
    closed: AtomicU64,
    begun: AtomicU64,
    ended: AtomicU64,
    answered: AtomicU64,
}

impl Counts {
    pub(super) fn read(&self) -> PoolStats {
        let read = |count: &AtomicU64| count.load(Relaxed);
        // What ends is read before what begins, or there could be less than none.
        let (closed, ended) = (read(&self.closed), read(&self.ended));
        let opened = read(&self.opened);
        let open = opened.saturating_sub(closed);
        PoolStats {
            open,
            idle: open.saturating_sub(read(&self.begun).saturating_sub(ended)),
            opened,
            reused: read(&self.answered).saturating_sub(opened),
        }
    }
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub(super) struct Open(Arc<Counts>);

impl Open {
    pub(super) fn new(counts: &Arc<Counts>) -> Self {
        counts.opened.fetch_add(1, Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Relaxed);
    }
}

/// A request that is under way until this is dropped: with its answer's body, if it gets so far.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Counts>);

impl UnderWay {
    pub(super) fn new(counts: &Arc<Counts>) -> Self {
        counts.begun.fetch_add(1, Relaxed);
        Self(Arc::clone(counts))
    }

    pub(super) fn answered(&self) {
        self.0.answered.fetch_add(1, Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}
