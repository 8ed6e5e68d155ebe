//! Twilio's Proxy Sessions API as [`tower::Service`]s, behind a stack of resilience layers.

pub mod call;
pub mod gateway;
pub mod middleware;
pub mod sessions;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod transport;
pub mod wire;
