//! A second try beside a slow first one.

mod budget;
mod course;
mod future;
mod latency;
mod layer;
mod operations;
mod second;
mod service;
mod settings;
mod shared;
mod start;
#[cfg(test)]
mod tests;

pub use future::ResponseFuture;
pub use layer::HedgeLayer;
pub use service::Hedge;
pub use settings::{Delay, HedgeSettings};
pub use shared::{HedgeCounts, HedgeHandle};
