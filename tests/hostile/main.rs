//! The default gateway against servers that do what no server should, over real sockets and TLS.
//!
//! A row of a table says what a server does with a request; the engine puts every operation through
//! it, with the server misbehaving once, always, and on a connection that was good before. What a row
//! promises (kind of error, effect, whether it is tried again) decides how many attempts there must
//! be and how many sessions the server must have made. Whatever a row says, no create may be committed
//! twice, no error may say less than what happened, and no call may hang.
//!
//! `matrix.md` is the same table for readers; `UPDATE=1 cargo test --all-features --test hostile` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod bombs;
mod breaks;
mod deed;
mod engine;
#[cfg(feature = "http2")]
mod http2;
#[path = "../support/identity.rs"]
mod identity;
mod json;
#[allow(dead_code)]
#[path = "../support/leaks.rs"]
mod leaks;
// The table has everything, so it is made where everything is.
#[cfg(feature = "http2")]
mod matrix;
mod operations;
mod pages;
mod prints;
mod reuse;
mod row;
mod server;
mod statuses;
mod wire;
