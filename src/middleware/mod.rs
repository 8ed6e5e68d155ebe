//! How a call survives: tower layers that know HTTP, and nothing of the API that they carry.
//!
//! Each layer stands alone. It takes any inner service of requests and responses, brings its own
//! settings, and can be left out, moved or replaced, by a layer of tower's, of tower-http's or of
//! your own. What a vendor means by a status or a code comes in from outside, as a
//! [`Classifier`](crate::call::Classifier).
//!
//! # The order
//!
//! The order is what makes single layers into a stack. This is the default one, outermost first;
//! every layer says under `# Layer order` what it needs above and below itself, and why.
//!
//! ```text
//!   call ──▶ CallSpan            one span for all that follows
//!            Deadline            covers queues, attempts and the pauses between them
//!            Coalesce            each caller has its own deadline, and all have one read
//!            Hedge               … of which there may be two tries
//!            Retry               repeats what is below
//!            Failover            inside retry: each attempt chooses its endpoint anew
//!            Breaker             … and not one whose circuit is open
//!            RateLimit           inside retry: a back-off holds no turn
//!            ConcurrencyLimit    … and no permit
//!            AttemptSpan         one span for each try on the wire
//!            Headers             below retry: what is replayed stays small
//!            Auth                … and holds no secret; no span above sees one
//!            AttemptTimeout      covers the body, for Collect is below it
//!            Collect             the whole body, under a cap
//!   wire ◀── transport
//! ```
//!
//! They are [`CallSpan`](observe::CallSpan), [`Deadline`](deadline::Deadline),
//! [`Coalesce`](coalesce::Coalesce), [`Hedge`](hedge::Hedge), [`Retry`](retry::Retry),
//! [`Failover`](failover::Failover), [`Breaker`](breaker::Breaker), [`RateLimit`](limit::RateLimit),
//! [`ConcurrencyLimit`](limit::ConcurrencyLimit), [`AttemptSpan`](observe::AttemptSpan),
//! [`Headers`](headers::Headers), [`Auth`](auth::Auth),
//! [`AttemptTimeout`](deadline::AttemptTimeout) and [`Collect`](collect::Collect).
//!
//! # The manners
//!
//! All layers of this room behave alike, and one suite of tests holds each of them to it:
//!
//! - *Readiness is only forwarded.* Permits, turns and tokens are taken in `call`, so a service
//!   that is ready and idles holds nothing. The instance that was readied is the one that is
//!   called. [`Deadline`](deadline::Deadline) alone is always ready, for its clock must run while
//!   the service below is not.
//! - *Dropping is cancelling.* A dropped response future leaves no permit, queue place or task
//!   behind, wherever it was dropped.
//! - *Errors keep their type.* A layer passes the inner error on as it is. What it raises itself is
//!   a [`Fault`](crate::call::Fault), put into the same type: that is all that
//!   [`Raise`](crate::call::Raise) asks. [`LiftLayer`](lift::LiftLayer) brings foreign errors into
//!   a type that can hold one.
//! - *Bodies stay generic*, up to [`Collect`](collect::Collect), which makes them
//!   [`Collected`](crate::call::Collected).
//! - *Layers speak through one extension*, [`CallFacts`](crate::call::CallFacts). Every layer also
//!   works over requests that carry none.
//! - *Futures have names and no boxes*, but for calls that wait at a limit or have a provider's credentials, so that a stack's type
//!   can be written down, and so that it costs nothing to put one more layer in.

pub mod auth;
pub mod breaker;
pub mod coalesce;
pub mod collect;
pub mod deadline;
pub mod failover;
pub mod headers;
pub mod hedge;
pub mod lift;
pub mod limit;
pub mod observe;
mod replay;
pub mod retry;
mod stopwatch;
