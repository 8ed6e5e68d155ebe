//! The books of one origin, kept behind one short lock. Nothing here waits, spawns or connects: what
//! is to be done outside the lock is returned.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::http1::Kept;
#[cfg(feature = "http2")]
use super::http2::{Ended, Shared, Stream};
use super::link::Link;
use super::stats::PoolStats;
use crate::call::Fault;
use crate::call::sync::{AbortHandle, oneshot};

/// The settings of a pool that its books go by.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport) struct Limits {
    pub(in crate::transport) idle_timeout: Option<Duration>,
    pub(in crate::transport) max_idle: usize,
    pub(in crate::transport) max_connections: usize,
}

/// What a call may send its request on.
#[derive(Debug)]
pub(in crate::transport) enum Grant {
    Http1(Kept),
    #[cfg(feature = "http2")]
    Http2(Stream),
}

pub(super) type Reply = Result<Grant, Fault>;

/// What the origin's connections speak, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The first connection will tell: until then one is made, whoever many wait.
    #[cfg_attr(not(feature = "http2"), allow(dead_code))]
    Unknown,
    /// One call a connection.
    Http1,
    /// Many calls a connection.
    #[cfg_attr(not(feature = "http2"), allow(dead_code))]
    Http2,
}

#[derive(Debug)]
pub(super) struct Waiter {
    id: u64,
    reply: oneshot::Sender<Reply>,
}

#[derive(Debug)]
struct Dial {
    id: u64,
    task: Option<AbortHandle>,
}

pub(super) struct State {
    limits: Limits,
    protocol: Protocol,
    /// In the order in which they came to rest: the newest is taken first, so that what a quiet
    /// hour doesn't need is at the bottom and grows old there.
    idle: Vec<Kept>,
    #[cfg(feature = "http2")]
    shared: Vec<Shared>,
    /// First come, first served. While anyone waits, nothing idles.
    waiters: VecDeque<Waiter>,
    /// Connections on their way.
    dials: Vec<Dial>,
    open: usize,
    opened: u64,
    reused: u64,
    next_id: u64,
    pub(super) draining: bool,
    /// When the reaper looks next.
    looks: Option<Instant>,
    looks_earlier: bool,
    pub(super) reaper: Option<AbortHandle>,
}

impl State {
    pub(super) fn new(limits: Limits, protocol: Protocol) -> Self {
        Self {
            limits,
            protocol,
            idle: Vec::new(),
            #[cfg(feature = "http2")]
            shared: Vec::new(),
            waiters: VecDeque::new(),
            dials: Vec::new(),
            open: 0,
            opened: 0,
            reused: 0,
            next_id: 0,
            draining: false,
            looks: None,
            looks_earlier: false,
            reaper: None,
        }
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The newest connection that can be used at once.
    pub(super) fn take(&mut self, now: Instant) -> Option<Grant> {
        let grant = self.take_any(now)?;
        self.reused += 1;
        Some(grant)
    }

    fn take_any(&mut self, now: Instant) -> Option<Grant> {
        #[cfg(feature = "http2")]
        if !self.shared.is_empty() {
            self.retire_old(now);
            if let Some(stream) = self.shared.iter_mut().rev().find_map(|one| one.grant(true)) {
                return Some(Grant::Http2(stream));
            }
        }
        while let Some(mut kept) = self.idle.pop() {
            if kept.is_ready() && !self.is_old(kept.since, kept.expires, now) {
                kept.used = true;
                return Some(Grant::Http1(kept));
            }
        }
        None
    }

    fn is_old(&self, since: Instant, expires: Option<Instant>, now: Instant) -> bool {
        let idle = self.limits.idle_timeout;
        idle.is_some_and(|most| now.saturating_duration_since(since) >= most)
            || expires.is_some_and(|at| now >= at)
    }

    pub(super) fn wait(&mut self) -> (u64, oneshot::Receiver<Reply>) {
        let (reply, answer) = oneshot::channel();
        let id = self.new_id();
        self.waiters.push_back(Waiter { id, reply });
        (id, answer)
    }

    pub(super) fn leave(&mut self, id: u64) {
        // They are in the order of their numbers.
        if let Ok(at) = self.waiters.binary_search_by_key(&id, |waiter| waiter.id) {
            self.waiters.remove(at);
        }
    }

    /// How many connections must be begun for those who wait; each is booked, and to be begun now.
    pub(super) fn book_dials(&mut self) -> Vec<u64> {
        let most = match self.protocol {
            Protocol::Http1 => self.waiters.len(),
            Protocol::Unknown | Protocol::Http2 => self.waiters.len().min(1),
        };
        let room = self.limits.max_connections.saturating_sub(self.open + self.dials.len());
        let wanted = most.saturating_sub(self.dials.len()).min(room);
        let mut booked = Vec::new();
        for _ in 0..wanted {
            let id = self.new_id();
            self.dials.push(Dial { id, task: None });
            booked.push(id);
        }
        booked
    }

    pub(super) fn dial_began(&mut self, id: u64, task: AbortHandle) {
        if let Some(dial) = self.dials.iter_mut().find(|dial| dial.id == id) {
            dial.task = Some(task);
        }
    }

    /// The dial is over. Whether it was still booked: one that was given up counts no more.
    pub(super) fn dial_ended(&mut self, id: u64) -> bool {
        let at = self.dials.iter().position(|dial| dial.id == id);
        at.map(|at| self.dials.swap_remove(at)).is_some()
    }

    /// The tasks of dials that nobody waits for any more, taken off the books.
    pub(super) fn abandon_dials(&mut self) -> Vec<AbortHandle> {
        if self.dials.is_empty() {
            return Vec::new();
        }
        let kept = self.dials.len().min(self.waiters.len());
        self.dials.split_off(kept).into_iter().filter_map(|dial| dial.task).collect()
    }

    pub(super) fn all_dials(&mut self) -> Vec<AbortHandle> {
        std::mem::take(&mut self.dials).into_iter().filter_map(|dial| dial.task).collect()
    }

    /// Who is to hear that a dial failed. Where one connection is made for all, that is all; else
    /// the first in the queue, unless there are other dials for everybody.
    pub(super) fn hears_of_failure(&mut self) -> Vec<oneshot::Sender<Reply>> {
        let number = match self.protocol {
            Protocol::Http1 => usize::from(self.waiters.len() > self.dials.len()),
            Protocol::Unknown | Protocol::Http2 if self.open == 0 => self.waiters.len(),
            Protocol::Unknown | Protocol::Http2 => self.waiters.len().min(1),
        };
        self.waiters.drain(..number).map(|waiter| waiter.reply).collect()
    }

    pub(super) fn opened(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.open += 1;
        self.opened += 1;
    }

    /// Gives a connection to the first who waits. It comes back where nobody does.
    pub(super) fn hand_over(&mut self, kept: Kept) -> Option<Kept> {
        let reused = kept.used;
        let mut grant = Grant::Http1(kept);
        while let Some(waiter) = self.waiters.pop_front() {
            grant = match waiter.reply.send(Ok(grant)) {
                Ok(()) => {
                    self.reused += u64::from(reused);
                    return None;
                }
                // Left just now.
                Err(Ok(grant)) => grant,
                Err(Err(_)) => return None,
            };
        }
        match grant {
            Grant::Http1(kept) => Some(kept),
            #[cfg(feature = "http2")]
            Grant::Http2(_) => None,
        }
    }

    /// Takes a connection that has come to rest: for the first who waits, or to be kept.
    pub(super) fn give(&mut self, mut kept: Kept, now: Instant) {
        if kept.is_closed() || kept.expires.is_some_and(|at| now >= at) {
            return;
        }
        kept.used = true;
        kept.since = now;
        if let Some(kept) = self.hand_over(kept)
            && !self.draining
            && self.idle.len() < self.limits.max_idle
        {
            self.look_by(self.end_of(kept.since, kept.expires));
            self.idle.push(kept);
        }
    }

    /// When a connection that nobody uses is too old.
    fn end_of(&self, since: Instant, expires: Option<Instant>) -> Option<Instant> {
        let idle = self.limits.idle_timeout.and_then(|most| since.checked_add(most));
        [idle, expires].into_iter().flatten().min()
    }

    fn look_by(&mut self, at: Option<Instant>) {
        if let Some(at) = at
            && self.looks.is_none_or(|looks| at < looks)
        {
            self.looks = Some(at);
            self.looks_earlier = true;
        }
    }

    /// When the idle connections must be looked at, where that is earlier than was said before.
    pub(super) fn must_look(&mut self) -> Option<Instant> {
        std::mem::take(&mut self.looks_earlier).then_some(self.looks).flatten()
    }

    pub(super) fn ended_http1(&mut self, link: &Arc<Link>) {
        self.open -= 1;
        self.idle.retain(|kept| !kept.is_of(link));
    }

    /// Closes what nobody uses and is too old, or all of it. When to look again.
    pub(super) fn reap(&mut self, now: Instant, all: bool) -> Option<Instant> {
        let mut idle = std::mem::take(&mut self.idle);
        idle.retain(|kept| !all && !self.is_old(kept.since, kept.expires, now));
        self.idle = idle;
        #[cfg(feature = "http2")]
        {
            self.retire_old(now);
            if all {
                self.shared.iter_mut().for_each(Shared::retire);
            }
        }
        self.looks = self.next_end();
        self.looks_earlier = false;
        self.looks
    }

    fn next_end(&self) -> Option<Instant> {
        let idle = self.idle.iter().map(|kept| (kept.since, kept.expires));
        #[cfg(feature = "http2")]
        let idle = {
            let shared = self.shared.iter().filter(|one| one.is_idle());
            idle.chain(shared.map(|one| (one.since, one.expires)))
        };
        idle.filter_map(|(since, expires)| self.end_of(since, expires)).min()
    }

    /// Nothing open, nothing begun and nobody waiting.
    pub(super) fn is_quiet(&self) -> bool {
        self.open == 0 && self.dials.is_empty() && self.waiters.is_empty()
    }

    pub(super) fn stats(&self) -> PoolStats {
        let idle = self.idle.len();
        #[cfg(feature = "http2")]
        let idle = idle + self.shared.iter().filter(|one| one.is_idle()).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        PoolStats {
            open: count(self.open),
            idle: count(idle),
            opened: self.opened,
            reused: self.reused,
        }
    }
}

#[cfg(feature = "http2")]
impl State {
    /// Enters a new connection and serves those who wait from it.
    pub(super) fn share(&mut self, shared: Shared) {
        self.shared.push(shared);
        self.serve_streams(false);
    }

    /// Gives the streams there are to those who wait.
    fn serve_streams(&mut self, used: bool) {
        'next: while !self.waiters.is_empty() {
            for one in &mut self.shared {
                if let Some(stream) = one.grant(used) {
                    let Some(waiter) = self.waiters.pop_front() else { return };
                    match waiter.reply.send(Ok(Grant::Http2(stream))) {
                        Ok(()) => self.reused += u64::from(used),
                        // Left just now: the next may have it.
                        Err(_) => one.streams -= 1,
                    }
                    continue 'next;
                }
            }
            return;
        }
    }

    pub(super) fn release(&mut self, id: u64, how: Ended, now: Instant) {
        let idle = self.idle.len() + self.shared.iter().filter(|one| one.is_idle()).count();
        let full = idle >= self.limits.max_idle;
        if let Some(one) = self.shared.iter_mut().find(|one| one.id == id) {
            one.release(how, now);
        }
        self.retire_old(now);
        self.serve_streams(true);
        if let Some(one) = self.shared.iter_mut().find(|one| one.id == id)
            && one.is_idle()
        {
            if full || self.draining {
                one.retire();
            } else {
                let expires = one.expires;
                self.look_by(self.end_of(now, expires));
            }
        }
        self.forget_over();
    }

    pub(super) fn ended_http2(&mut self, id: u64) {
        if let Some(one) = self.shared.iter_mut().find(|one| one.id == id) {
            one.end();
        }
        self.forget_over();
    }

    fn forget_over(&mut self) {
        let before = self.shared.len();
        self.shared.retain(|one| !one.is_over());
        self.open -= before - self.shared.len();
    }

    /// An old connection takes no more streams; one that idles too long neither.
    fn retire_old(&mut self, now: Instant) {
        let idle = self.limits.idle_timeout;
        for one in &mut self.shared {
            let idles = one.streams == 0
                && idle.is_some_and(|most| now.saturating_duration_since(one.since) >= most);
            if idles || one.expires.is_some_and(|at| now >= at) {
                one.retire();
            }
        }
    }
}
