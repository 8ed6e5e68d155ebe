//! Two clocks on a call: one on all of it, one on each attempt.
//!
//! [`Deadline`] answers the caller's question, "when will I know?". It covers everything: queues,
//! attempts, the sleeps between them. [`AttemptTimeout`] answers another, "has this attempt died?",
//! so that one lost packet doesn't use up the whole call: there is time left to try again.
//!
//! ```text
//! Deadline ── Retry ── limits ── … ── auth ── AttemptTimeout ── Collect ── transport
//! └─ one per call ─────────────┘              └─ one per attempt ───────┘
//! ```
//!
//! The two don't know each other and needn't: whichever ends first speaks. An attempt that begins
//! late in a call is cut off by the call's deadline, which then is also what the error says.
//!
//! # What may have happened
//!
//! A time-out is the failure of which the least is known, so the error says what can be known: its
//! [`effect`](crate::call::Fault::effect) is `None` if nothing was sent, and the call may be made
//! again whatever it was. To say so truthfully, both layers first drop everything inside, and only
//! then read the call's [facts](crate::call::CallFacts): until then, an attempt might still go out.
//!
//! # Readiness
//!
//! [`Deadline`] is always ready, and waits for the service inside within its own future. Were it
//! not, a caller's `ready().await` would wait for a full queue below before the clock has even been
//! started, for as long as that queue likes: a deadline of five seconds once took an hour to be
//! noticed. The price is that it hides back-pressure from whatever is above. A load shedder or a
//! balancer that listens to `poll_ready` therefore belongs below it. [`AttemptTimeout`] forwards
//! readiness as it is: it is the deadline that covers waiting.

mod attempt;
mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use attempt::{AttemptResponseFuture, AttemptTimeout, AttemptTimeoutLayer};
pub use future::ResponseFuture;
pub use layer::DeadlineLayer;
pub use service::Deadline;
