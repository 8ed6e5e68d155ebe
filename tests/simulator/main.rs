//! The simulator against what Twilio documents: rules in paused time without sockets, connection
//! faults over real ones.

#![cfg(feature = "simulator")]
// clippy.toml lifts these in test functions; here whole modules are helpers of tests.
#![allow(clippy::expect_used, clippy::panic)]

mod auth;
mod chance;
mod facts;
mod faults;
mod life;
mod limits;
mod operations;
mod pages;
mod participant_lists;
mod participants;
mod server;
mod support;
mod tokens;
mod validation;
