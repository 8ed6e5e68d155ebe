//! What the process holds: memory, descriptors, tasks.

use std::alloc::System;
use std::fs;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::Handle;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A look at it, where the system shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    /// Bytes that were allocated and not freed.
    pub(crate) heap: u64,
    /// Bytes of memory in use, as the system counts them.
    pub(crate) resident: Option<u64>,
    pub(crate) descriptors: Option<usize>,
    pub(crate) tasks: usize,
}

impl Resources {
    pub(crate) fn now() -> Self {
        let heap = ALLOCATOR.stats();
        let heap = heap.bytes_allocated.saturating_sub(heap.bytes_deallocated);
        Self {
            heap: u64::try_from(heap).unwrap_or(u64::MAX),
            resident: resident(),
            // The look itself has one open.
            descriptors: fs::read_dir("/proc/self/fd").ok().map(|all| all.count()),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// How this is more than it was, by what no cache and no luck with the allocator explain.
    pub(crate) fn growth_since(&self, before: &Self) -> Vec<String> {
        let mut growth = Vec::new();
        let mut hold = |what: &str, now: u64, then: u64, most: u64| {
            if now > most {
                growth.push(format!("{what} grew from {then} to {now}"));
            }
        };
        hold("the heap", self.heap, before.heap, before.heap + before.heap / 10 + (1 << 20));
        if let (Some(now), Some(then)) = (self.resident, before.resident) {
            hold("resident memory", now, then, then + then / 5 + (16 << 20));
        }
        growth
    }
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
