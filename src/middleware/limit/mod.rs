//! Two limits on what leaves this process: how often, and how much at once.
//!
//! [`RateLimitLayer`] keeps calls to a quota by key, [`ConcurrencyLimitLayer`] keeps the number of
//! calls under way below a limit. A server may limit either, and neither follows from the other:
//! with answers in 20 ms, 30 calls a second are less than one at a time; when answers take 10 s, the
//! same 30 a second are 300 at once.
//!
//! The rate is a setting; how much at once may also be [learned](concurrency#which-policy-when).
//!
//! # What both share
//!
//! Calls wait *in* `call`, in the response future. `poll_ready` only forwards: a service that was
//! readied and is not called holds nothing, and who waits is known: its deadline, its priority,
//! its key. Those who wait go first come, first served; a newcomer never goes before them; one
//! that is dropped leaves nothing behind. While a call waits, its facts say that it has not gone
//! further ([`CallFacts::enter_queue`](crate::call::CallFacts::enter_queue)), so that a deadline
//! that cuts it off knows that nothing has happened.
//!
//! # Who is turned away
//!
//! A queue that can't be served in time helps nobody, so both refuse at once a call that would wait
//! past its deadline, or so close to it that there is no time left for the answer, and say when to
//! come back: a call that is cut off in flight has cost the server its work, and nobody knows what
//! came of it. A call that need not wait goes, however little time it has. When the line is full, a call of higher
//! [priority](crate::call::Priority) takes the place of the youngest of the lowest; of equals, who came
//! first stays. Whoever holds a slot, or is the next to have its cell, keeps it.
//!
//! # Layer order
//!
//! ```text
//! retry           a call that backs off is in no queue and holds no slot
//!  └ rate limit   one that waits for its cell holds no slot
//!     └ concurrency limit
//!        └ attempt span, attempt timeout   they time the server, not our queues
//! ```
//!
//! # When not
//!
//! A limit smooths; it does not make a server faster. Where the load stays above what the limit
//! lets through, queues only add to the time after which calls fail: shed load, or raise the limit.

pub mod concurrency;
pub mod fleet;
mod headroom;
mod line;
pub mod rate;

pub use concurrency::{ConcurrencyLimit, ConcurrencyLimitLayer, LimitPolicy};
pub use rate::{Quota, RateLimit, RateLimitLayer};
