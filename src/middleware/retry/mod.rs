//! Trying again, without doing it twice.
//!
//! A retry is the one layer that can turn a failure into damage: it may create a second session,
//! bill a customer twice, or finish off a server that was about to recover. So it answers four
//! questions, each in a part that can be replaced by itself:
//!
//! 1. **What happened?** A [`Classifier`](crate::call::Classifier) judges a response; an error is
//!    judged by the [`Fault`](crate::call::Fault) in it. An error without one proves nothing: the
//!    server may have acted.
//! 2. **Is it worth it, and is it safe?** A [`Policy`] decides. [`StandardPolicy`] repeats any call
//!    that never reached the server or was throttled, and repeats one that may have acted only
//!    where a repetition does no harm: a fetch, a list, an update, a delete, a create with a
//!    UniqueName, and whatever the caller said may be replayed.
//! 3. **When?** A [`Schedule`] spaces attempts: [`FullJitter`], or any `Backoff` of the `backoff`
//!    crate. `Retry-After` is a floor, and the jitter comes on top of it: clients that were all
//!    told "in two seconds" must not all come back in two seconds.
//! 4. **Can we afford it?** A [`Budget`], shared by all calls, runs dry when most of them fail.
//!
//! When any of them says no, or the delay would end past the call's deadline, the response or error
//! goes up at once and unchanged. Nobody sleeps only to be told that it was too late; whoever wants
//! to come back finds the response's own `Retry-After`.
//!
//! # When the credentials were stale
//!
//! A 401 is final, unless the layer that put the credentials on says in the facts that it has others by
//! now ([`Auth`](crate::middleware::auth::Auth) with a provider). Then the call is made once more, at
//! once and at no cost to the budget, whatever the call is: nothing was done. It counts as an attempt,
//! and happens once.
//!
//! # What is kept
//!
//! ```text
//! call ──► attempt 1 ──► success                    0 allocations more than without the layer
//!             │
//!             └─ failed ─► decide ─► drop the response ─► sleep ─► ready ─► attempt 2 …
//! ```
//!
//! The first attempt is the request that came in. Its method, URI, body and facts are kept by
//! reference count and made into a request again only when there is a retry, with the same bytes:
//! a replay never has an empty body. Headers and foreign extensions are kept too, at the price of
//! cloning them; in the default stack there are none at this height, for everything static is added
//! further down.
//!
//! # What is reported
//!
//! A deadline that ends the call in a later attempt's queue must still know what the earlier ones
//! may have done. The transport enters that into the [facts](crate::call::CallFacts), or
//! [`Collect`](crate::middleware::collect::Collect) does for one that can't. Where neither did by
//! the end of an attempt, this layer does: an answer was sent for, an error that proves nothing may
//! have acted, and a fault whose effect is none did nothing.
//!
//! # Who serves
//!
//! The instance that was ready serves the first attempt. Later ones go through a clone that is made
//! ready first; if that fails, its error is the answer.

mod budget;
mod event;
mod future;
mod layer;
mod policy;
mod schedule;
mod service;
#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use event::RetryEvent;
pub use future::ResponseFuture;
pub use layer::RetryLayer;
pub use policy::{Outcome, Policy, StandardPolicy, Stop, Verdict};
pub use schedule::{FullJitter, Jitter, Schedule, TokioClock};
pub use service::Retry;
