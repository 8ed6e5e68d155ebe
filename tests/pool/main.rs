//! The pool of connections, over streams in memory and in paused time: no socket, and every order
//! of events is the one that a test asks for.

// Helpers are no tests to clippy, and a server that fails to start ends its test all the same.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod cancel;
mod drain;
#[cfg(feature = "http2")]
mod http2;
mod model;
mod queue;
mod rest;
mod stale;
mod support;
