//! What all services of one layer share: the switch, the count of writes, and what health asks for.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    on: AtomicBool,
    /// How many writes have ended, so that a read is known to be older than one of them.
    writes: AtomicU64,
    reads: AtomicUsize,
    waiting: AtomicUsize,
    joined: AtomicU64,
}

impl Ledger {
    pub(super) fn new(on: bool) -> Self {
        Self { on: AtomicBool::new(on), ..Self::default() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }

    pub(super) fn switch(&self, on: bool) {
        self.on.store(on, Relaxed);
    }

    /// How many writes have ended. Whoever has a write's answer sees it counted.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Acquire)
    }

    pub(super) fn write_ended(&self) {
        self.writes.fetch_add(1, Release);
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.load(Relaxed)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// A caller waits. It does until it [leaves](Self::leaves).
    pub(super) fn waits(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    pub(super) fn leaves(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    pub(super) fn joined(&self) -> u64 {
        self.joined.load(Relaxed)
    }

    pub(super) fn joins(&self) {
        self.joined.fetch_add(1, Relaxed);
    }
}

/// A write under way. However it ends, no read joins one from before.
#[derive(Debug)]
pub(super) struct Write(Arc<Ledger>);

impl Write {
    pub(super) fn begun(ledger: &Arc<Ledger>) -> Self {
        Self(Arc::clone(ledger))
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.0.write_ended();
    }
}

/// A shared read that is under way.
#[derive(Debug)]
pub(super) struct Reading(Arc<Ledger>);

impl Reading {
    pub(super) fn begun(ledger: &Arc<Ledger>) -> Self {
        ledger.reads.fetch_add(1, Relaxed);
        Self(Arc::clone(ledger))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.reads.fetch_sub(1, Relaxed);
    }
}
