//! Several endpoints for one API, and the best of them for each attempt.
//!
//! # Why
//!
//! The way to an API breaks more often than the API: a route, a data centre's front, one edge. Where
//! there is a second way in, a call need not fail for that, and when one way is merely slow, the other
//! is quicker. Twilio's edges are such doors: [any edge leads to any region][edges].
//!
//! # When not
//!
//! With one endpoint the layer steps aside. And two endpoints that don't lead to the same data are not
//! two ways in but two APIs: Twilio's [regions are isolated][regions], so that a session made in one is
//! not found in another. For an outage of the region itself there is no help here.
//!
//! # How one is chosen
//!
//! | the attempt | goes to |
//! |---|---|
//! | of a call that asks for an endpoint, as the look for a lost create does | that one, whatever its state |
//! | of a write of which an earlier attempt may have acted | where that went, whatever its state |
//! | of another write | the first on the list that works; past the one that it could not reach just now, and not back to it from one that says "later" |
//! | of a read | the cheaper of two drawn at random, but not the one that has just failed it, if there is another |
//!
//! A read is a call that is [safe](crate::call::Idempotency::Safe). What it costs is the
//! [peak-EWMA][finagle] latency of the endpoint times the attempts that are under way there, this one
//! included. Two random choices come close to the best of all and, unlike that, don't send everybody to
//! the same place at once ([Mitzenmacher][two]).
//!
//! Writes stay together, since a second look at what a write did belongs where it was done: endpoints
//! may be replicas that lag, and only the caller knows. So a write that may have acted is tried again at
//! its own endpoint or not at all. The price: where that one stays down, the call fails with effect
//! unknown, although another door was open.
//!
//! The time that counts is the server's: queues of ours are left out, as far as the
//! [facts](crate::call::CallFacts::attempt_started) tell. A failure that comes quickly makes no endpoint
//! a quick one: it counts only where it took longer than what was known. One that owes an answer does not
//! grow quicker while it owes it, and one that nobody asks does, until somebody tries it again.
//!
//! # Who is left out
//!
//! ```text
//!              5 failures in a row                30 s × ejections, 300 s at most
//!   serving ───────────────────────────▶ ejected ─────────────────────────────────▶ on trial
//!      ▲                                   │  ▲                                        │ │
//!      └────────────── an answer ──────────┘  └──────────────── a failure ─────────────┘ │
//!      └────────────────────────────────── an answer ────────────────────────────────────┘
//! ```
//!
//! A failure is no answer, or a 5xx. 429 and other 4xx are answers: somebody is there. What this process
//! refused itself and what was dropped is neither. On trial an endpoint gets one read at a time, and
//! no retry that another endpoint in service could take; writes keep off until it has answered, or until no read has come to find
//! out for as long as a first ejection lasts. Each stretch of that length in service takes one ejection off
//! the count, so that an endpoint which comes and goes stays out longer and longer.
//!
//! There is always somebody to ask. Where fewer than a stated share would stay, reads go to all of them
//! as if none were ejected: when most endpoints fail at once the fault is likely on our side, and if it is
//! not, the few that are left would not survive the whole load. Writes go where it works, as long as there
//! is such a place. An operator's word ([`Endpoints::hold`]) stands through all that, unless it leaves
//! nobody.
//!
//! Retry does the repeating, with its own delays and budget. Only a call that the
//! [circuit](crate::call::Rejection::CircuitOpen) of an endpoint turns away goes on to the next one within the same
//! attempt: nothing was sent.
//!
//! # What the numbers are
//!
//! | number | default | why |
//! |---|---|---|
//! | failures in a row | 5 | [Envoy's][envoy] `consecutive_5xx` |
//! | ejected for | 30 s × ejections, 300 s at most | Envoy's `base_ejection_time`, `max_ejection_time` |
//! | shortened by | up to a fifth, at random | clients that saw the same outage must not come back together |
//! | panic below | 50 % | Envoy's [panic threshold][panic]; of two endpoints one may be out, of three one. The default gateway says 0 %, all but one: it is no crowd for an edge |
//! | peaks are forgotten in | 10 s (to e⁻¹) | Finagle's and linkerd's |
//! | first guess of a latency | 30 ms | linkerd's; low, so that each endpoint is measured early |
//!
//! # What it costs
//!
//! With one endpoint, the test of a flag. With several, two readings of the clock, and a lock that is
//! held twice for some ten nanoseconds; one allocation for what is kept, and a second where endpoints
//! differ in their path.
//!
//! # Numbers of endpoints
//!
//! [`CallFacts::endpoint`](crate::call::CallFacts::endpoint) says where a call went last. A number belongs to one endpoint
//! for good: a list that is [changed](Endpoints::set) while calls go on reuses none, and an endpoint that
//! comes back finds its own again. An endpoint is the same if origin and path are.
//!
//! # Why not tower's
//!
//! `tower::balance` chooses in `poll_ready`, before it knows the request: it can't tell reads from writes,
//! nor stay with an endpoint. It wants a service for each endpoint, where here one transport serves all by
//! URI; it is not `Clone` without a `Buffer`, and boxes errors. `tower::discover` feeds it with services.
//! `tower::load::PeakEwma` has the right arithmetic behind a private type: it can't be had without its
//! service, times queues and all, and takes a look for an observation of zero, so that an endpoint which
//! hangs gets cheaper and one that fails quickly is a quick one, which [linkerd found too][linkerd].
//!
//! [edges]: https://www.twilio.com/docs/global-infrastructure/understanding-edge-locations
//! [regions]: https://www.twilio.com/docs/global-infrastructure/understanding-twilio-regions
//! [finagle]: https://github.com/twitter/finagle/blob/develop/finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/PeakEwma.scala
//! [two]: https://www.eecs.harvard.edu/~michaelm/postscripts/tpds2001.pdf
//! [envoy]: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto
//! [panic]: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold
//! [linkerd]: https://github.com/linkerd/linkerd2-proxy/pull/4537

mod base;
mod course;
mod ejection;
mod endpoints;
mod future;
mod group;
mod latency;
mod layer;
mod outlier;
mod service;

pub use base::Base;
pub use ejection::Ejection;
pub use endpoints::{EndpointHealth, EndpointState, Endpoints};
pub use future::ResponseFuture;
pub use layer::FailoverLayer;
pub use service::Failover;

#[cfg(test)]
mod tests;
