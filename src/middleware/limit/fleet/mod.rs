//! A quota that a fleet of processes shares.
//!
//! # Why
//!
//! The server counts an account's calls, whichever process they come from. Where each process has a part of the
//! quota of its own, the busy ones wait while the idle ones waste theirs; where each has the whole, the server
//! refuses. A [`FleetLimiter`] asks one [`Store`] for all of them: with the feature `redis` that is `RedisLimiter`.
//! What it is for, what it needs and what it was measured to do stands in the guide (`fleet`).
//!
//! # How
//!
//! A call without a cell asks the store, once, for as many cells as will be used: the calls that wait behind it have
//! theirs as well. What it gets is a *lease*: cells one interval apart, each of which may be used for a short time,
//! from a burst's span before its moment until a little after.
//!
//! ```text
//! the store's book of one key            now                          + horizon
//! ──────────────────────────────────────────┼──────────────────────────────────┼──────▶ time
//!   used                                    │ A A A A B B B B B C C · · · · · ·│ not yet given
//!                                           │ └─────┘ └───────┘ └─┘ ▲          │
//!                                           │  leases of three      booked: the next to ask begins here
//!                                           │  processes
//!                                one cell:  ├──[─────────●──]
//!                                              from      │  until
//!                                                        its moment
//! ```
//!
//! All cells of the fleet are so one sequence with the quota's interval, and each is used within a span that is as long
//! as the quota's burst takes to save. So the fleet as a whole keeps to
//! [`Quota::most_in`](crate::middleware::limit::Quota::most_in), to the cell, though its processes never speak to each
//! other and hold cells of the future. A cell whose time is over is lost: nothing is saved up in a process to be sent in a burst
//! later.
//!
//! - *How much is asked for.* The calls that wait for it; and where calls come faster than a cell goes stale and
//!   nobody else waits, a few more. At most what comes in half a second ([`lease`](FleetSettings::lease)), and half of what
//!   is left before the [horizon](FleetSettings::horizon): the more processes ask, the smaller are their leases.
//! - *A crowd.* Where all is given out up to the horizon, a process is told when to come back, and each is told
//!   another moment, an interval apart. So a key costs the store about two questions a cell, however many ask.
//! - *Several calls* share one question, and whoever of them is dropped, the others go on with it.
//! - *The server's throttles* are heard as [`LocalLimiter`](super::rate::LocalLimiter) hears them: the process that was
//!   refused slows down by itself, for it alone knows what the server accepted of its calls. A `Retry-After` above a second is
//!   told to the store with the next question, and holds the fleet.
//!
//! # While the store is away
//!
//! A question that fails, or takes longer than the [patience](FleetSettings::patience), closes the road for all keys.
//! Each process then goes by its *share*, the quota divided by the number of [processes](FleetSettings::processes): GCRA
//! again, which begins without a cell, at a random moment, and not before the leases that others are known to have are over. One
//! call now and then, at most every half second, is sent to see whether the store is back.
//!
//! When it is, it may have forgotten everything. Who comes back from an outage says so, and if nothing is booked, the store
//! books nothing until all are back, 1.25 s at the default patience; until then the shares go on. A key that the store does
//! not know begins without a burst in any case. How many calls go at the most is
//! [`most_in_outage`](FleetSettings::most_in_outage).
//!
//! # Layer order
//!
//! It is a limiter, and stands where the [rate limit](super::rate::RateLimitLayer#layer-order) stands.
//!
//! # Cancellation
//!
//! A call that is dropped takes no cell. Cells that it asked for serve the next call of its key, if that comes in time.
//!
//! # When not
//!
//! For one process, or for few with an even load: divide the quota. Where each call's latency counts and the store is far away: a
//! rare call asks once, and waits for it. Where one cell too many is worse than a call too late: no limit on this side
//! knows what the network does to the calls' times on their way.

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
pub use redis::{RedisFailure, RedisLimiter, RedisLimiterBuilder, RedisStore, RedisUrlError};
pub use settings::FleetSettings;
pub use state::FleetState;
pub use status::FleetStatus;
pub use store::{Answer, Ask, Page, Store};

#[cfg(test)]
mod tests;
