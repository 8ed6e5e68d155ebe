//! Circuit breakers, one an origin: a server that is down is left alone.

mod attempt;
mod circuit;
mod circuits;
mod future;
mod layer;
mod machine;
mod service;
mod settings;
mod status;
mod window;

pub use circuits::{Circuits, Watch};
pub use future::ResponseFuture;
pub use layer::BreakerLayer;
pub use service::Breaker;
pub use settings::Settings;
pub use status::{CircuitState, CircuitStatus, StateChange};

#[cfg(test)]
mod tests;
