//! One origin's connections: the books with what they set off.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::dial::{Dial, Made};
use super::http1::Kept;
#[cfg(feature = "http2")]
use super::http2::Ended;
use super::link::Link;
use super::state::{Grant, Limits, Protocol, Reply, State};
use super::stats::PoolStats;
use crate::call::sync::{AbortHandle, Handle, Mutex, MutexGuard, oneshot};
use crate::call::{Fault, FaultKind, Rejection};

pub(in crate::transport) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// What HTTP/1.1 says it is called.
    pub(super) host: HeaderValue,
    dial: Box<dyn Dial>,
    /// Whether a dial ends by itself: one that doesn't is given up with the call it was made for.
    bounded: bool,
    state: Mutex<State>,
    /// Where tasks go when a connection is given back from outside of any runtime.
    runtime: Handle,
    quiet: Notify,
}

impl Origin {
    pub(super) fn new(
        (scheme, authority, host): (Scheme, Authority, HeaderValue),
        dial: Box<dyn Dial>,
        protocol: Protocol,
        limits: Limits,
        bounded: bool,
    ) -> Self {
        let state = Mutex::new(State::new(limits, protocol));
        let runtime = Handle::current();
        let quiet = Notify::new();
        Self { scheme, authority, host, dial, bounded, state, runtime, quiet }
    }

    pub(super) fn serves(&self, uri: &Uri) -> bool {
        uri.authority() == Some(&self.authority) && uri.scheme() == Some(&self.scheme)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that can be used at once, or a place in the queue for one.
    pub(super) fn check_out(self: &Arc<Self>) -> Result<Grant, CheckOut> {
        let mut state = self.state();
        if state.draining {
            let closed = Fault::new(FaultKind::Rejected(Rejection::Closed), "the pool is closed");
            return Err(CheckOut::Refused(closed));
        }
        if let Some(grant) = state.take(Instant::now()) {
            return Ok(grant);
        }
        let (id, answer) = state.wait();
        // Before anything is spawned, so that it is left whatever happens.
        let wait = Wait { id, answer, answered: false, origin: Arc::clone(self) };
        let booked = state.book_dials();
        drop(state);
        self.begin(booked);
        Err(CheckOut::Wait(wait))
    }

    fn handle(&self) -> Handle {
        Handle::try_current().unwrap_or_else(|_| self.runtime.clone())
    }

    fn begin(self: &Arc<Self>, booked: Vec<u64>) {
        for id in booked {
            let task = self.dial.begin(DialGuard { id, origin: Arc::downgrade(self) });
            let task = self.handle().spawn(task).abort_handle();
            self.state().dial_began(id, task);
        }
    }

    /// Takes a connection back that is ready for the next request.
    pub(super) fn give(self: &Arc<Self>, kept: Kept) {
        self.settle(|state, now| state.give(kept, now));
    }

    /// Takes a new connection, which takes a first request before it has begun to work.
    pub(super) fn give_new(self: &Arc<Self>, kept: Kept) {
        let mut back = None;
        self.settle(|state, _| back = state.hand_over(kept));
        if let Some(kept) = back {
            kept.settle(self);
        }
    }

    /// A change of the books after which somebody may have to be served or something closed.
    fn settle(self: &Arc<Self>, change: impl FnOnce(&mut State, Instant)) {
        let mut state = self.state();
        change(&mut state, Instant::now());
        let booked = state.book_dials();
        let abandoned = if self.bounded { Vec::new() } else { state.abandon_dials() };
        let looks = state.must_look();
        let quiet = state.draining && state.is_quiet();
        drop(state);
        self.begin(booked);
        abandoned.iter().for_each(AbortHandle::abort);
        if let Some(at) = looks {
            self.watch(at);
        }
        if quiet {
            self.quiet.notify_waiters();
        }
    }

    /// Sees to it that somebody looks at the idle connections then.
    fn watch(self: &Arc<Self>, at: Instant) {
        let task = self.handle().spawn(reap(Arc::downgrade(self), at)).abort_handle();
        if let Some(before) = self.state().reaper.replace(task) {
            before.abort();
        }
    }

    pub(super) fn ended_http1(self: &Arc<Self>, link: &Arc<Link>) {
        self.settle(|state, _| state.ended_http1(link));
    }

    #[cfg(feature = "http2")]
    pub(super) fn ended_http2(self: &Arc<Self>, id: u64) {
        self.settle(|state, _| state.ended_http2(id));
    }

    #[cfg(feature = "http2")]
    pub(super) fn release(self: &Arc<Self>, id: u64, how: Ended) {
        self.settle(|state, now| state.release(id, how, now));
    }

    /// Takes back what was granted and never used.
    pub(super) fn take_back(self: &Arc<Self>, grant: Grant) {
        match grant {
            Grant::Http1(kept) => kept.settle(self),
            #[cfg(feature = "http2")]
            Grant::Http2(stream) => self.release(stream.id, Ended::Unused),
        }
    }

    pub(super) fn is_unused(&self) -> bool {
        self.state().is_quiet()
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.state().stats()
    }

    /// Takes no more calls and closes what idles.
    pub(super) fn close(self: &Arc<Self>) {
        self.settle(|state, now| {
            state.draining = true;
            state.reap(now, true);
        });
    }

    /// Waits until everything is closed.
    pub(super) async fn closed(&self) {
        loop {
            let mut quiet = std::pin::pin!(self.quiet.notified());
            quiet.as_mut().enable();
            if self.state().is_quiet() {
                return;
            }
            quiet.await;
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let dials = self.state().all_dials();
        dials.iter().for_each(AbortHandle::abort);
        if let Some(reaper) = self.state().reaper.take() {
            reaper.abort();
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

async fn reap(origin: Weak<Origin>, mut at: Instant) {
    loop {
        tokio::time::sleep_until(at).await;
        let Some(origin) = origin.upgrade() else { return };
        let Some(next) = origin.state().reap(Instant::now(), false) else { return };
        at = next;
    }
}

/// Why a call has no connection yet.
#[derive(Debug)]
pub(in crate::transport) enum CheckOut {
    Wait(Wait),
    Refused(Fault),
}

/// A place in the queue for a connection. Dropping it leaves the queue, and gives back what it was
/// just being given.
#[derive(Debug)]
pub(in crate::transport) struct Wait {
    id: u64,
    answer: oneshot::Receiver<Reply>,
    answered: bool,
    origin: Arc<Origin>,
}

impl Future for Wait {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        let reply = ready!(Pin::new(&mut self.answer).poll(cx));
        self.answered = true;
        Poll::Ready(reply.unwrap_or_else(|_| Err(given_up())))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        // From here on nothing can be granted; what was before is given back below.
        self.answer.close();
        let granted = self.answer.try_recv();
        let id = self.id;
        self.origin.settle(|state, _| state.leave(id));
        if let Ok(Ok(grant)) = granted {
            self.origin.take_back(grant);
        }
    }
}

fn given_up() -> Fault {
    Fault::new(FaultKind::Connect, "the connection was given up while it was made")
}

/// Ends a dial in the books, whatever becomes of its task.
pub(super) struct DialGuard {
    id: u64,
    origin: Weak<Origin>,
}

impl DialGuard {
    /// The new connection is entered, its task is started, and who waits is served.
    pub(super) fn end(self, made: Result<Box<dyn Made>, Fault>) {
        let Some(origin) = self.origin.upgrade() else { return };
        match made {
            Ok(made) => {
                let entered = {
                    let mut state = origin.state();
                    let booked = state.dial_ended(self.id);
                    if booked {
                        state.opened(made.protocol());
                    }
                    booked
                };
                if entered {
                    made.enter(&origin);
                }
            }
            Err(fault) => origin.dial_failed(self.id, fault),
        }
    }
}

impl Drop for DialGuard {
    fn drop(&mut self) {
        if let Some(origin) = self.origin.upgrade() {
            // Already ended, unless the task was dropped on its way.
            origin.dial_failed(self.id, given_up());
        }
    }
}

impl Origin {
    fn dial_failed(self: &Arc<Self>, id: u64, fault: Fault) {
        let mut hear = Vec::new();
        self.settle(|state, _| {
            if state.dial_ended(id) {
                hear = state.hears_of_failure();
            }
        });
        let mut hear = hear.into_iter();
        if let Some(first) = hear.next() {
            for other in hear {
                // Who has left does not hear.
                let _ = other.send(Err(fault_for_another(&fault)));
            }
            let _ = first.send(Err(fault));
        }
    }

    #[cfg(feature = "http2")]
    pub(super) fn new_id(&self) -> u64 {
        self.state().new_id()
    }

    #[cfg(feature = "http2")]
    pub(super) fn share(self: &Arc<Self>, shared: super::http2::Shared) {
        self.settle(|state, _| state.share(shared));
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle().spawn(task);
    }
}

/// The same fault for another who waited for the same connection.
fn fault_for_another(fault: &Fault) -> Fault {
    let detail = match fault.kind() {
        FaultKind::Config => "the transport is not set up for this call",
        _ => "the connection that this call waited for could not be made",
    };
    Fault::new(fault.kind(), detail)
}
