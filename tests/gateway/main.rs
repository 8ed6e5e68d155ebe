//! The front door over stacks that are scripted in the test: no sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod errors;
mod paging;
mod script;
