//! Chapters to read, in this order.

#[doc = include_str!("life_of_a_request.md")]
pub mod life_of_a_request {}

#[doc = include_str!("stack.md")]
pub mod stack {}

#[doc = include_str!("faults.md")]
#[doc = include_str!("fault_tables.md")]
pub mod faults {}

#[doc = include_str!("tuning.md")]
pub mod tuning {}

#[cfg(feature = "config")]
#[doc = include_str!("deployments.md")]
pub mod deployments {}

#[doc = include_str!("credentials.md")]
pub mod credentials {}

#[cfg(feature = "redis")]
#[doc = include_str!("fleet.md")]
pub mod fleet {}

#[cfg(feature = "metrics")]
#[doc = include_str!("metrics.md")]
pub mod metrics {}

#[cfg(feature = "webhook")]
#[doc = include_str!("webhooks.md")]
pub mod webhooks {}

#[doc = include_str!("sidecar.md")]
pub mod sidecar {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("promises.md")]
pub mod promises {}

#[doc = include_str!("decisions.md")]
pub mod decisions {}
