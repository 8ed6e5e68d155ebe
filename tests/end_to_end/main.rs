//! The whole stack against the simulator: what the crate promises, held where a caller stands.
//!
//! Everything here goes through `Gateway::builder`, and is judged by what the simulator has
//! committed. Paused time without sockets, but for `sockets` and `doors`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cancellation;
mod compared;
mod crowd;
mod deadlines;
mod doors;
mod edges;
mod everything_on;
mod fleet;
mod health;
#[path = "../support/leaks.rs"]
mod leaks;
mod ledger;
mod looks;
mod lost_changes;
mod lost_creates;
mod named;
mod never_twice;
mod origins;
mod rates;
mod reads;
mod replayed;
mod rotation;
mod secret_kinds;
mod secrets;
mod signing;
#[path = "../support/signing_key.rs"]
mod signing_key;
mod sockets;
mod tokens;
mod traces;
mod traffic;
mod wishes;
mod world;
