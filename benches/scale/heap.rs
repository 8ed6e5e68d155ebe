//! Bytes that are allocated and not freed.

use crate::ALLOCATOR;

pub(crate) fn live() -> i64 {
    let stats = ALLOCATOR.stats();
    let (taken, given_back) = (stats.bytes_allocated, stats.bytes_deallocated);
    // OK because no heap is larger than half of an address space.
    taken.wrapping_sub(given_back) as i64
}
