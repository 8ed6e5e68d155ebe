//! Several endpoints for one API, and the best of them for each attempt.

mod base;
mod course;
mod ejection;
mod endpoints;
mod future;
mod group;
mod latency;
mod layer;
mod outlier;
mod service;

pub use base::Base;
pub use ejection::Ejection;
pub use endpoints::{EndpointHealth, EndpointState, Endpoints};
pub use future::ResponseFuture;
pub use layer::FailoverLayer;
pub use service::Failover;

#[cfg(test)]
mod tests;
