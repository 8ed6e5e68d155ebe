//! The transport against scripted servers, over real sockets and in real time: nothing sleeps, and
//! nothing is asserted of how long a thing takes.

// Helpers are no tests to clippy, and a server that fails to start ends its test all the same.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod bare;
mod breaks;
mod connect;
mod facts;
#[cfg(feature = "http2")]
mod http2;
mod pool;
mod support;
mod tls;
mod tunnel;
mod wire;
