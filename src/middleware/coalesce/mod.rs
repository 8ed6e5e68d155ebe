//! Reads that are the same, made once.
//!
//! # Why
//!
//! A session that many callers want is fetched by all of them at once: a call comes in, and five handlers
//! look the session up; a page is shown to a thousand. The server gives the same answer to each, every
//! request takes its share of the quota, and when the server is slow they pile up before it. Here those
//! that come while the first is under way wait for its answer. It is *single flight*, as Go's `singleflight` and
//! nginx's `proxy_cache_lock` have it, without the cache.
//!
//! # What is the same
//!
//! Two requests are one read if both are GETs without a body, by an operation that is
//! [safe](crate::call::Idempotency::Safe), and equal in
//!
//! - URI, version and headers;
//! - credentials, account, scope and operation: nobody ever gets what was read with another's
//!   credentials. Those of a layer below that are the same for all calls are not seen here: where they
//!   are changed while it runs, a read under way goes on with the old ones, and may be joined, unless
//!   [`changed`](CoalesceLayer::changed) is said;
//! - the wishes of [`CallOptions`](crate::call::CallOptions): attempts, replay, priority, queueing or not. A call that
//!   wants one attempt would else inherit the patience of another that wants four, or the reverse.
//!
//! They may differ in their deadline and in the call's id, under which the server sees the first. They are
//! compared by value, never by a hash alone. What can't be compared goes by itself: a request with
//! [extensions](http::Extensions) beside the facts, which may say what they like to a layer below.
//!
//! # How it goes
//!
//! ```text
//! A ──┐ opens            ┌── A's answer, a clone
//! B ──┼ joins ── read ───┼── B's answer: its poll ended the read, so it has the original
//! C ──┘ joins, leaves    └── …
//! ```
//!
//! The one that comes first opens the read: the request goes down in its `call`, through the instance
//! that was readied. The future of it is boxed and belongs to all. There is no task; whoever is polled drives it, and
//! a caller that is dropped takes nothing with it. The read is dropped with the last of them.
//!
//! *Facts.* The read has [facts](crate::call::CallFacts) of its own, since the layers below go by them: they are as its
//! opener's, and their deadline is that of the most patient caller. Otherwise retry would give up when
//! the first caller's time runs out, with everybody else's time left. What the read does is added to each caller's
//! own facts when it leaves, with an answer or without, so that an outer deadline still knows what may have happened.
//!
//! *Failures* are shared like answers: to make a failing read anew for each caller in turn would be to
//! wait for a slow server once per caller. One kind of failure is not. When this process itself says no (a
//! rate limit whose turn would come after the deadline, a shed call), it does so by the deadline that the
//! read began with. Callers that have more time than that make the read anew: together, and with all the time that any of
//! them has, so that there is one more round and not one for each of them.
//!
//! *Bounds.* Neither reads nor callers need a cap of their own: there is no read without a caller, and
//! callers are what the layers above and the program limit.
//!
//! # How fresh an answer is
//!
//! Sharing a read has a flaw that single flights are known for: a caller updates a session, fetches it, and
//! is given the answer of another's fetch, which was on its way before the update. This layer sees writes as well as reads,
//! and so it can promise:
//!
//! - Nothing is kept. A read that has been answered is not joined, even while some of its callers have not looked yet.
//! - *You read what you wrote.* When any call ends that is not a safe one (with an answer, an error, or
//!   dropped), every read that began before is closed: those in it get its answer, nobody joins it. A write
//!   at one URI may show at another, so any write closes all.
//! - *No read goes back in time.* When a read is answered, whatever read of the same key is under way is closed.
//!
//! All services that one layer and its clones make count each other's writes. What can't be promised: a writer elsewhere,
//! of which this process hears by a webhook or by a *different* read, such as a list. A fetch made upon
//! such news may join one from before it. Say [`changed`](CoalesceLayer::changed) first, as a webhook's
//! handler should:
//!
//! ```
//! # use twilio_proxy::middleware::coalesce::CoalesceLayer;
//! # let layer = CoalesceLayer::new();
//! // The webhook says that the session is closed. No fetch from here on is older than that.
//! layer.changed();
//! ```
//!
//! # When not
//!
//! It is off in the default stack. Where equal reads seldom meet, it costs each of them some allocations and
//! gains nothing; where a fleet of processes shares the load, each makes its own read anyway. Where writes end more often
//! than a read takes, reads are closed before anybody joins them. Leave it out where a layer below reads what
//! belongs to the task (task locals, the current span): the read runs in the task of whoever polls it. And where every
//! call must be seen by the server, for its log or its bill: there is one request, with the first
//! caller's id.
//!
//! # What it costs
//!
//! Off, a look at the request (some 40 ns); a write is counted, whether on or off (50 ns). Neither allocates. On, a read that nobody
//! joins costs some 650 ns and three allocations: the boxed future, the facts, and what callers share; a fourth where the call has
//! wishes, and two more where it has headers. Who joins pays for a copy of the response and two of the service, and not for a request. When a read is woken, all who wait are: the first
//! of them polls the read, the others note that somebody did. So a read that many share wakes many
//! tasks two or three times, at some 100 ns each.

mod flight;
mod future;
mod key;
mod layer;
mod ledger;
mod seats;
mod service;
mod shared_error;
mod table;
#[cfg(test)]
mod tests;

pub use future::ResponseFuture;
pub use layer::CoalesceLayer;
pub use service::Coalesce;
