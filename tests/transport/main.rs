//! The transport against scripted servers, over real sockets and in real time: nothing sleeps, and
//! nothing is asserted of how long a thing takes.

// Helpers are no tests to clippy, and a server that fails to start ends its test all the same.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]
// The two pools go through the same files, once each.
#![allow(clippy::duplicate_mod)]

mod bare;
#[path = "../support/identity.rs"]
mod identity;
mod legacy;
mod own;
