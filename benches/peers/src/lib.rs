//! The crate beside its peers: the same fetch from the same server, in turns. See `src/bin/peers.rs`.

// What the crate's own benches compare with, and the server.
#[path = "../../support/callgrind.rs"]
pub(crate) mod callgrind;
#[path = "../../support/instantly.rs"]
pub(crate) mod instantly;
#[path = "../../support/process.rs"]
pub(crate) mod process;
#[allow(dead_code)]
#[path = "../../support/mod.rs"]
pub(crate) mod support;

mod by_hand;
pub mod clients;
pub mod compare;
pub mod count;
pub mod layers;
pub mod machine;
pub mod render;
mod resilience;
pub mod rounds;
pub mod stats;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A quota that never makes anybody wait.
pub(crate) const WIDE_OPEN: u32 = 1_000_000_000;
/// More than are ever in flight.
pub(crate) const IN_FLIGHT_LIMIT: usize = 100;
/// Of an attempt; none comes near it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// Where figures are left until they are rendered: `target/figures`, or where `FIGURES` says.
#[must_use]
pub fn figures() -> PathBuf {
    let elsewhere = std::env::var_os("FIGURES").map(PathBuf::from);
    elsewhere.unwrap_or_else(|| root().join("target").join("figures"))
}
