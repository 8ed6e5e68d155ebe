//! What the parts that threads share are made of, under one name.
//!
//! `tests/models` builds the very files of those parts over loom's locks and atomics, which try every order in
//! which threads can come: it has a module of this name in place of this one. So what is modelled takes its locks,
//! atomics, channels and tasks from here. What counts references stays the standard library's.

pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) use tokio::runtime::Handle;
pub(crate) use tokio::sync::oneshot;
pub(crate) use tokio::task::AbortHandle;

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}
