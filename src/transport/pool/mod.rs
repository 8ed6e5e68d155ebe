//! The pool: one origin or a few, and a warm path that waits for nothing.
//!
//! ```text
//!  call ── first poll ──▶ check out ──▶ is one at rest? ── yes ──▶ the newest: send
//!                             ▲              │ no
//!                             │              ▼
//!                             │       queue, first come first served ◀── dial (a task of its own)
//!                             │              │                            no more than the cap
//!    never written: again ────┤              ▼
//!    (another connection)     └────────── granted ──▶ send ──▶ answer's head ──▶ its body
//!                                                                                  │ read to the end
//!        at rest ◀── ready at once, or as soon as the connection's task says so ◀──┘
//!           │                                     (dropped before: closed)
//!           └─▶ too long, too old, more than are to be kept: closed
//! ```
//!
//! # The warm path
//!
//! A kept connection is taken off a stack under a short lock and put back under another when the
//! answer's body has been read. Nothing is spawned, boxed or raced: the task that moves a
//! connection's bytes was spawned when it was opened, and the box for hyper's future, which has no
//! name, travels with the connection. The sending end lies in the future of the call and then in the
//! answer's body, so that whoever drops either closes the connection: there is no other way to
//! take a request of HTTP/1.1 back.
//!
//! When a body has ended, hyper may not have come to rest yet: on another thread it may be busy still,
//! or the request's own body may be unfinished. Then the sender is parked beside the
//! connection, and the task that moves the bytes, which is the first to know, hands it on.
//!
//! # The cold path
//!
//! A call that finds nothing joins a queue, and for everybody in it a connection is begun, as far as
//! the cap allows. Whichever comes first serves the first in the queue: one given back or a new
//! one. A dial is a task of its own, bounded by the connect timeout, so what a call began and then
//! no longer needs is there for the next; without a timeout a dial ends with the wish for it. While
//! it is not known whether an origin speaks HTTP/2, one dial is made for all.
//!
//! # HTTP/2
//!
//! A connection is in the books with the number of its streams. When they run out a second one is
//! opened. One that is too old, or whose server goes away, takes no more streams and ends with its last.
//!
//! So does one on which a call was given up after half a second or more in which nobody was answered. All calls
//! share a connection, and a server that vanished, or a path that swallows packets, says nothing: without
//! this each attempt of each call waited for the same silence, until a ping was missed half a minute later.
//! A server that is merely slow is asked on a new connection next time, which costs it a handshake.
//!
//! # What is sent again
//!
//! A request that hyper hands back whole was never begun: where its connection had been left to
//! itself before, it goes out on another, ten times at most. All else is a fault for the layers above.

mod dial;
mod future;
mod http1;
#[cfg(feature = "http2")]
mod http2;
mod link;
mod origin;
mod state;
mod stats;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Uri};

use super::connect::{Connect, Connector};
use crate::call::{Fault, FaultKind, Rejection, Rng};
use dial::Dialer;
pub(super) use dial::Speech;
pub use future::ResponseFuture;
pub(super) use future::{Hold, Sending};
use origin::{CheckOut, Origin};
pub(super) use state::Limits;
use state::Protocol;
pub use stats::PoolStats;

/// The connections of a transport; clones share them.
pub(super) struct Pool<C> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    connector: Connector<C>,
    speech: Speech,
    limits: Limits,
    bounded: bool,
    rng: Arc<Rng>,
    /// Nearly always there is one origin: it is found without a lock.
    first: OnceLock<Arc<Origin>>,
    others: Mutex<Vec<Arc<Origin>>>,
    closed: AtomicBool,
}

impl<C: Connect> Pool<C> {
    pub(super) fn new(
        connector: Connector<C>,
        speech: Speech,
        limits: Limits,
        bounded: bool,
    ) -> Self {
        let (first, others) = (OnceLock::new(), Mutex::default());
        let (rng, closed) = (Arc::new(Rng::random()), AtomicBool::new(false));
        let shared = Shared { connector, speech, limits, bounded, rng, first, others, closed };
        Self { shared: Arc::new(shared) }
    }

    /// The origin that a URI leads to.
    pub(super) fn origin(&self, uri: &Uri) -> Result<Arc<Origin>, Fault> {
        if let Some(first) = self.shared.first.get()
            && first.serves(uri)
        {
            return Ok(Arc::clone(first));
        }
        let mut others = self.shared.others();
        // Under the lock by which a drain looks for origins: it sees this one, or this sees it.
        if self.shared.closed.load(Relaxed) {
            let closed = FaultKind::Rejected(Rejection::Closed);
            return Err(Fault::new(closed, "the transport was closed"));
        }
        if let Some(known) = others.iter().find(|origin| origin.serves(uri)) {
            return Ok(Arc::clone(known));
        }
        let origin = Arc::new(self.shared.open_book(uri)?);
        // Under the lock of the others, so that an origin is never in two places.
        match self.shared.first.set(Arc::clone(&origin)) {
            Ok(()) => {}
            Err(_) if self.shared.first.get().is_some_and(|first| first.serves(uri)) => {
                return self.origin(uri);
            }
            Err(_) => {
                others.retain(|other| Arc::strong_count(other) > 1 || !other.is_unused());
                others.push(Arc::clone(&origin));
            }
        }
        Ok(origin)
    }

    /// Opens as many connections, or one that has as many streams, and leaves them idle.
    pub(super) async fn warm_up(&self, uri: &Uri, connections: usize) -> Result<(), Fault> {
        let origin = self.origin(uri)?;
        let mut granted = Vec::new();
        let mut waiting = Vec::new();
        for _ in 0..connections {
            match origin.check_out() {
                Ok(grant) => granted.push(future::Unused::new(grant, &origin)),
                Err(CheckOut::Wait(wait)) => waiting.push(wait),
                Err(CheckOut::Refused(fault)) => return Err(fault),
            }
        }
        for wait in waiting {
            granted.push(future::Unused::new(wait.await?, &origin));
        }
        // A new connection is not at rest before its task has begun: the calls that come in this very
        // moment would not find it, and open another.
        for unused in &mut granted {
            poll_fn(|cx| unused.poll_rest(cx)).await;
        }
        Ok(())
    }
}

impl<C> Pool<C> {
    pub(super) fn stats(&self) -> PoolStats {
        self.shared.stats()
    }

    /// The same for somebody who may watch for longer than the pool lives: nothing then.
    pub(super) fn watch(&self) -> impl Fn() -> PoolStats + use<C> {
        let shared = Arc::downgrade(&self.shared);
        move || shared.upgrade().map_or_else(PoolStats::default, |shared| shared.stats())
    }

    /// Takes no more calls and waits until those there are have ended, or not longer than this.
    pub(super) async fn drain(&self, within: Duration) -> bool {
        self.shared.closed.store(true, Relaxed);
        let origins = self.shared.origins();
        origins.iter().for_each(Origin::close);
        let ended = async {
            for origin in &origins {
                origin.closed().await;
            }
        };
        tokio::time::timeout(within, ended).await.is_ok()
    }
}

impl<C> Shared<C> {
    fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        self.origins().iter().for_each(|origin| stats.add(origin.stats()));
        stats
    }

    fn others(&self) -> MutexGuard<'_, Vec<Arc<Origin>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn origins(&self) -> Vec<Arc<Origin>> {
        let others = self.others();
        self.first.get().into_iter().chain(others.iter()).map(Arc::clone).collect()
    }
}

impl<C: Connect> Shared<C> {
    fn open_book(&self, uri: &Uri) -> Result<Origin, Fault> {
        let unusable = || Fault::new(FaultKind::Config, "the request's URI can't be sent to");
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(unusable());
        };
        let secure = *scheme == Scheme::HTTPS;
        let host = match authority.port() {
            Some(port) if port.as_u16() != if secure { 443 } else { 80 } => {
                HeaderValue::try_from(format!("{}:{port}", authority.host()))
            }
            _ => HeaderValue::from_str(authority.host()),
        };
        let host = host.map_err(|error| unusable().with_source(error))?;
        let to = Uri::builder().scheme(scheme.clone()).authority(authority.clone());
        let to = to.path_and_query("/").build().map_err(|error| unusable().with_source(error))?;
        let protocol = if self.speech.http2_only {
            Protocol::Http2
        } else if self.speech.offers_http2 && secure {
            Protocol::Unknown
        } else {
            Protocol::Http1
        };
        let dial = Dialer {
            connector: self.connector.clone(),
            to,
            speech: self.speech,
            rng: Arc::clone(&self.rng),
        };
        let name = (scheme.clone(), authority.clone(), host);
        Ok(Origin::new(name, Box::new(dial), protocol, self.limits, self.bounded))
    }
}

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}
