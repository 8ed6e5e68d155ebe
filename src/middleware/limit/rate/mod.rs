//! A quota for each key, waited for in order.
//!
//! # Why
//!
//! A server that limits its callers answers the call too many with a 429, and the retry that
//! follows is one more call. A limit on this side sends what the server will take, spreads the rest
//! over time, and says at once when waiting is no use.
//!
//! tower has a `RateLimit`. It is not `Clone`, it counts in fixed windows (up to twice the rate
//! across their border), and it waits in `poll_ready`, where nobody knows whose call it is.
//!
//! Where the server takes less than the quota says, its 429s slow the key down, and time brings it
//! back: see [`throttle`].
//!
//! # When not
//!
//! Where calls are few. Where several processes share the quota, each keeps to the whole of it until the
//! server throttles: divide it among them, or plug in a [`Limiter`] that they
//! [share](crate::middleware::limit::fleet).
//!
//! # How a call goes
//!
//! ```text
//! call ── key ── anybody waiting? ── no ── check ── go ──────────────────────────► inner
//!                       │                    └── not before t ─┐
//!                       yes                                    ▼
//!                       └───────────────► refuse? ──────► join the line
//!                                      (does not wait,         │ head of the line:
//!                                       deadline, full)        │ sleep until t, check again
//!                                                              └── go ───────────► inner
//! ```
//!
//! The usual call takes the upper road: one look-up and one check under a lock that is held for
//! just that, all in `call`; nothing is allocated for a key that is known, and the inner service is
//! not cloned. A call that must wait is boxed, joins its key's line, and waits in its own future.
//! Only the head of a line looks for a cell, so a call costs two checks however many wait (and one
//! more for each second that it is the head), and the order of calls is the order of going. A new
//! call never goes before one that waits.
//!
//! A call is refused up front with [`Rejection::RateLimited`](crate::call::Rejection) where it
//! [does not want to wait](crate::call::WhenLimited), or where its cell, reckoned from the length
//! of the line, would come at its deadline or later, or less than the
//! [headroom](RateLimitLayer::headroom) before it; with `QueueFull` where the line is as long as
//! the call's [priority](crate::call::Priority) may see it. The fault's `retry_after` says when
//! there would be a cell. The head of the line is refused in the same way where its cell comes later
//! than was reckoned, because the quota fell or the server throttled, and takes none.
//!
//! # Keys come and go
//!
//! A key takes memory while it has fewer cells than a new one would, or somebody waits, or it had more
//! than one call in the last five seconds, or is slowed down by the server's throttles. Idle keys
//! are forgotten when new ones come: a part of the table is swept when it has doubled, or a minute
//! after the last time. So under ever new keys there are about twice as many as are in use (and a
//! thousand more, which are not worth the sweep), no task runs in the background, and a key that
//! comes back after it was forgotten finds what it left.
//!
//! # Changes while running
//!
//! The quota is a [`Live`](crate::call::Live) setting. A new one holds from a key's next call on,
//! for calls that wait already within a second, and grants no cell by itself: see [`LocalLimiter`].

mod accepted;
mod cells;
mod curve;
mod cut;
mod future;
mod hashed;
mod key;
mod layer;
mod limiter;
mod local;
mod quota;
mod report;
mod service;
mod table;
pub mod throttle;
mod turn;

use cells::Cells;
pub use cut::KeyState;
pub use future::ResponseFuture;
pub use key::{Key, RequestHead};
pub use layer::RateLimitLayer;
pub use limiter::{Check, Limiter, Verdict};
pub use local::LocalLimiter;
pub use quota::Quota;
pub use service::RateLimit;
pub use throttle::{KeyRate, Throttle};

#[cfg(test)]
mod tests;
