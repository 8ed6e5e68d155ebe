//! A second try beside a first one that is slow.
//!
//! # Why
//!
//! A server that answers ninety-nine calls in 60 ms may take three seconds for the hundredth: a packet
//! was lost, an instance collects garbage, a queue happened to be long. Whoever makes many calls
//! meets that hundredth all the time: of pages that need fifty reads, two in five contain one. Nothing
//! failed, so retry does nothing, and a time-out short enough to help would cut off calls that are well.
//!
//! A *hedge* is a second request, sent when the first has taken longer than nearly all of them do; the
//! first answer counts, and the other try is dropped. It has the good luck of a new request, and few
//! calls need one: Google's note on the matter sends them after the 95th percentile, for a twentieth
//! more load (J. Dean, L. A. Barroso, *The Tail at Scale*, <https://doi.org/10.1145/2408776.2408794>).
//! gRPC has hedging (<https://grpc.io/docs/guides/request-hedging>), and so has Finagle
//! (<https://twitter.github.io/finagle/guide/MethodBuilder.html>).
//!
//! A simulation among the tests has a server with answers in 20 to 60 ms, three in a hundred of which
//! take 0.5 to 3 s longer, for 10,000 reads and the default settings:
//!
//! | | median | 95th | 99th | 99.9th | requests for 1,000 calls |
//! |---|---|---|---|---|---|
//! | without | 41 ms | 60 ms | 2,320 ms | 2,996 ms | 1,000 |
//! | hedged | 41 ms | 60 ms | 108 ms | 121 ms | 1,031 |
//!
//! # When not
//!
//! It is off in the default stack, for it spends what isn't ours to spend: requests that somebody
//! may bill, and cells of a rate limit that is thirty a second for a Proxy Service. Switch it on where
//! a person waits for reads and the limits are far away. Don't where
//!
//! - *slow calls are slow for a reason of their own*, such as a list of ten thousand entries: a second
//!   one is as slow. The latencies are kept by operation, which helps only where the operation is the reason.
//! - *the server is slow in everything*. The budget keeps that harmless, and the hedges useless.
//! - *connections are HTTP/1.1 and few.* A request that is dropped there takes its connection with it,
//!   and the next call makes a new one. HTTP/2 resets a stream.
//! - *the limits below are as good as reached.* The second try takes a cell of the rate limit and a slot
//!   of the concurrency limit like any other. Where it has to queue for them it helps nobody, and takes
//!   the turn of a call that would need it. It can't be told to be refused rather than wait, nor to have
//!   a lower priority, for the wishes are in the [facts](crate::call::CallFacts), which both tries share.
//!
//! # What is hedged
//!
//! Calls that are [safe](crate::call::Idempotency::Safe), and by the method's word where they carry no
//! facts. Not what may merely be repeated, such as an update: two of those at once may end in either
//! order. Not a call that wants one attempt, or no replay. At most one hedge a call.
//!
//! # When
//!
//! ```text
//!          call                began             began + delay
//! first    ├─ queues of ours ──┼─ server ────────┼──────────────────┤ answer
//! second                                         ├─ ready, queues, server ──┤ dropped
//! ```
//!
//! The delay counts from when the first try has *left our queues*: the lowest layer that reads the
//! clock says so in the facts ([`AttemptTimeout`](crate::middleware::deadline::AttemptTimeout) does), and
//! while they say that a queue holds the call, no clock runs. A second request would join the same queue.
//!
//! A call whose attempt has *failed* is left to retry. It was not slow, and what retry has in mind is a
//! second try as well: after a pause that spares the server, and paid for from a budget that a hedge
//! would evade. So no hedge is fired in the pause, and none after it.
//!
//! The delay itself is [fixed or a live percentile](Delay). The percentile is the operation's own, over
//! two windows of half a minute each, or up to five where calls are few; below about one call in four
//! seconds there is nothing to learn from, and nothing is hedged. Only the first try's answers are
//! counted, without our queues, and no failures. One that a hedge has overtaken counts with the time that
//! it had taken by then: were it left out, the slow calls would be missing, the percentile would sink,
//! and the delay with it. The histogram has 16 buckets to each doubling: what it says is above the truth by a
//! sixteenth at most (66 µs for answers within a millisecond), never below it; it is a fixed array of
//! counters, 2 KiB an operation, without a lock.
//!
//! # How many
//!
//! A budget in whole tokens, moved by compare-and-swap: each call that might be hedged earns a twentieth
//! of a hedge, ten can be saved up, and there is none to begin with. Of any number of calls, in any
//! order, on any number of threads, no more than five in a hundred are hedged. If the server slows
//! down in everything, every call reaches the delay before the percentile has caught up, and all but
//! that twentieth are denied.
//!
//! And none at all
//!
//! - while a condition given by [`only_while`](HedgeLayer::only_while) does not hold: a breaker that is
//!   not closed, a rate limit that is throttled;
//! - for ten seconds after this layer has itself seen the server throttle a call, a write included. It
//!   sees what retry repeats as well, for retry says so in the facts.
//!
//! Both are asked when the hedge is due, not when the call begins.
//!
//! # Which answer
//!
//! A success or a definite no (4xx) of either try is the call's answer; the other try is dropped at
//! once. A failure while the other is under way waits for that one. If both fail, the first one's
//! outcome is what comes up, unchanged. If the first fails before a hedge was due, so does the call.
//!
//! # What both share
//!
//! The request, kept by reference count, and its facts: attempts are counted by the retry below, each
//! once, whichever try makes them, and [`effect`](crate::call::CallFacts::effect) is the sum of both. The
//! deadline holds for both. Each try has its own retries: a call with
//! [`max_attempts`](crate::call::CallOptions::max_attempts) may make as many twice, if all of them fail.
//!
//! # What it costs
//!
//! Switched off, the read of one word. On, a write costs what it takes to look at its answer, and a read
//! about 0.2 µs: the kept request, a token, the time of its answer. Off, no allocation; on, one a call for
//! what is kept, and another where a hedge is fired, for its second try. The service is cloned then, and
//! not for every call.

mod budget;
mod course;
mod future;
mod latency;
mod layer;
mod operations;
mod second;
mod service;
mod settings;
mod shared;
mod start;
#[cfg(test)]
mod tests;

pub use future::ResponseFuture;
pub use layer::HedgeLayer;
pub use service::Hedge;
pub use settings::{Delay, HedgeSettings};
pub use shared::{HedgeCounts, HedgeHandle};
