//! What other programs meet that send their requests through the gateway: the service without
//! sockets, and the `sidecar` example as a process with them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The example is a process of its own: it lives in real time.
#![allow(clippy::disallowed_methods)]

mod answers;
mod connections;
mod creates;
mod credentials;
mod deployments;
mod doors;
mod forms;
mod headers;
mod http2;
#[path = "../support/leaks.rs"]
mod leaks;
mod routes;
mod secrets;
mod shutdown;
#[path = "../support/sidecar.rs"]
mod sidecar;
mod socket;
mod spawned;
mod wishes;
mod world;
