//! Reads that are the same, made once.
mod flight;
mod future;
mod key;
mod layer;
mod ledger;
mod seats;
mod service;
mod shared_error;
mod table;

pub use future::ResponseFuture;
pub use layer::CoalesceLayer;
pub use service::Coalesce;

#[cfg(test)]
mod tests;
