//! A limit on how many calls are under way at once.
//!
//! # Why
//!
//! A server that slows down under load gets slower still when its callers pile up, and an account's
//! concurrency may be limited. So many calls at once and no more, the rest in order behind them,
//! keeps the work in flight bounded, and so the connections and memory it takes.
//!
//! tower's `ConcurrencyLimitLayer` makes a semaphore for each service it wraps: a stack that is
//! built twice has twice the limit. Here everything that one layer and its clones make shares one
//! limit. tower's also takes its permit in `poll_ready`, so a readied clone that is never called
//! holds one for good; here a slot is taken in `call`.
//!
//! # When not
//!
//! Where a rate is what the server limits: a limit on concurrency admits any rate if answers are
//! quick. The two fit together, see [`limit`](super).
//!
//! # How a call goes
//!
//! With a slot free and nobody waiting, `call` takes it and goes on; nothing is allocated and the
//! inner service is not cloned. Otherwise the call joins the line, boxed with the readied service
//! that it will go to, or is refused with [`Rejection::QueueFull`](crate::call::Rejection) where
//! the line is as long as its [priority](crate::call::Priority) may see it. Slots go to those who
//! wait in order of arrival. How long they wait is for the deadline layer to say, which drops them.
//!
//! A service that reserves something in its own `poll_ready` keeps it reserved while the call
//! waits: the readied instance is the one that is called. Layers of this crate reserve nothing.

mod aimd;
mod bounds;
mod future;
mod gradient;
mod layer;
mod permit;
mod policy;
mod service;
mod shared;
mod stats;
mod window;

pub use aimd::Aimd;
pub use future::ResponseFuture;
pub use gradient::Gradient;
pub use layer::ConcurrencyLimitLayer;
pub use policy::{Attempt, End, Fixed, LimitPolicy};
pub use service::ConcurrencyLimit;
pub use stats::LimitStats;

#[cfg(test)]
mod tests;
