//! A quota that a fleet of processes shares.

mod cells;
mod exchange;
mod lease;
mod limiter;
mod link;
mod memory;
mod name;
mod pace;
mod question;
#[cfg(feature = "redis")]
mod redis;
mod settings;
mod state;
mod status;
mod store;

pub use limiter::FleetLimiter;
pub use memory::{Away, MemoryStore};
pub use question::Asking;
#[cfg(feature = "redis")]
pub use redis::{RedisLimiter, RedisLimiterBuilder, RedisStore, RedisUrlError};
pub use settings::FleetSettings;
pub use state::FleetState;
pub use status::FleetStatus;
pub use store::{Answer, Ask, Page, Store};

#[cfg(test)]
mod tests;
