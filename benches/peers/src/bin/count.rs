//! What one fetch of a client allocates: `peers-count CLIENT ADDRESS` prints allocations and bytes.

use std::alloc::System;

use peers::clients::{self, Peer};
use peers::layers::{self, Layers};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::BoxError;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Calls that are made before any is counted: the connection, the pool, the limiter's key.
const WARM_UP: u64 = 100;
/// Calls that are counted.
const COUNTED: usize = 1000;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [key, address] = &arguments[..] else { return Err("CLIENT ADDRESS".into()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let batch = match (Peer::of(key), Layers::of(key)) {
        (Some(peer), _) => clients::batch(peer, &runtime, address.parse()?)?,
        (None, Some(layers)) => layers::batch(layers, &runtime)?,
        (None, None) => return Err("no such client".into()),
    };
    let mut went_well = batch(1, WARM_UP);
    let region = Region::new(ALLOCATOR);
    went_well &= batch(1, COUNTED as u64);
    let change = region.change();
    if !went_well {
        return Err("a call failed".into());
    }
    let of_one = |total: usize| (total + COUNTED / 2) / COUNTED;
    let allocations = change.allocations + change.reallocations;
    println!("{} {}", of_one(allocations), of_one(change.bytes_allocated));
    Ok(())
}
