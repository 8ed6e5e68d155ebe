//! What `src/call/sync.rs` names, of loom.

pub(crate) use loom::sync::{Mutex, MutexGuard};

pub(crate) use tasks::{AbortHandle, Handle};

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

pub(crate) mod oneshot;
pub(crate) mod tasks;
