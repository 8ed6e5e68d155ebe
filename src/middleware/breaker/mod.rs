//! Circuit breakers, one an origin: a server that is down is left alone for a while.
//!
//! # Why
//!
//! When a server is down, each call to it costs its caller the time until it fails, this process a
//! slot of its limits for as long, and the server one more request that it must not have just now.
//! Retry makes it worse, and its budget only stops the multiplication. A breaker looks at what became
//! of the latest calls; when most of them failed, it lets none through. Callers hear at once that
//! nothing was sent and when to come back; where there is another endpoint, the layer above goes there.
//!
//! # When not
//!
//! A breaker makes a system *modal*: under failure it behaves in a way that is seldom tested, and it
//! may keep calls from a server that has just recovered. Amazon writes that this can add to the time
//! that recovery takes, and limits retries with a token bucket instead
//! (<https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>). The
//! [budget](crate::middleware::retry::Budget) of retry is that bucket, and comes first. The breaker
//! earns its place where calls fail slowly, or where there is somewhere else to go. Leave it out
//!
//! - where few calls are made: with less than two a second, twenty never meet in ten seconds, and it
//!   never opens;
//! - where one origin stands for many servers that fail apart from each other: the calls to all are
//!   refused for the failures of some. Give each kind of call a layer of its own then;
//! - where a call that fails costs nothing, and a refusal helps nobody.
//!
//! # The states
//!
//! ```text
//!              of at least 20 calls in 10 s,
//!              50 % failed or 80 % were slow
//!   ┌────────┐ ─────────────────────────────▶ ┌────────┐
//!   │ Closed │                                │  Open  │ ◀─┐
//!   └────────┘                                └────────┘   │
//!       ▲  calls go and are counted    calls are │         │ one fails, or is slow:
//!       │                              refused   │ 5 s …   │ twice as long, up to 60 s
//!       │                                        ▼ 60 s    │
//!       │        3 probes pass             ┌──────────┐    │
//!       └───────────────────────────────── │ HalfOpen │ ───┘
//!                                          └──────────┘
//!                       one probe at a time, the others are refused
//! ```
//!
//! A circuit changes only when a call comes or ends; there is no timer and no task. So an open one
//! becomes half-open with the first call after its time. Every change gives the circuit a new generation,
//! and each attempt carries the one that it began in: what ends later judges nothing.
//!
//! # What counts
//!
//! | the attempt ended with | closed | half-open |
//! |---|---|---|
//! | success | a call | passed |
//! | 5xx; a broken connection; no connection; the attempt's timeout | a failure | failed |
//! | an error that holds no [`Fault`](crate::call::Fault) | a failure: nobody knows more | failed |
//! | 4xx, 429, a body over the cap | nothing | passed: the server answers |
//! | a refusal of this process: a limit, a setting | nothing | unjudged, its place is free |
//! | its future dropped, or a deadline | nothing | unjudged, its place is free |
//! | … when the server had had it for `slow_call` or longer | a slow call | failed |
//! | success or failure after `slow_call` or longer | a slow call as well | failed |
//! | 4xx, 429 after `slow_call` or longer | nothing | failed |
//!
//! 429 is a healthy server that says no; the rate limit is who should listen. What a response is, a
//! [`Classifier`](crate::call::Classifier) says; the table shows the one that goes by the status.
//!
//! A dropped call says nothing, as a rule: the caller may have lost interest. But where every call
//! has a deadline shorter than the attempt's timeout, *nothing but drops* comes from a server that
//! hangs. Hence the line for those that had waited long.
//!
//! Time is the server's alone. The attempt's timeout, further down, notes when an attempt leaves our
//! queues; one that is dropped in a queue has had no time at all.
//!
//! # The numbers
//!
//! | setting | default | why |
//! |---|---|---|
//! | [`window`](Settings::window) | 10 s, in ten steps | Hystrix's. Long enough for twenty calls, short enough to be about now |
//! | [`min_calls`](Settings::min_calls) | 20 | Hystrix's. resilience4j waits for 100, which a quota of 30 a second seldom sees in time |
//! | [`failure_percent`](Settings::failure_percent) | 50 | Hystrix's and resilience4j's. Below it most calls still succeed, and retry mends the rest |
//! | [`slow_call`](Settings::slow_call) | 3 s | Far above what an answer takes, below common deadlines. resilience4j's 60 s are above most |
//! | [`slow_percent`](Settings::slow_percent) | 80 | Higher than for failures: a late answer is an answer. resilience4j has 100, which one quick call undoes |
//! | [`open_for`](Settings::open_for) | 5 s | Hystrix's; for the first time. resilience4j has 60 s, Envoy 30 s: long for a blip |
//! | [`max_open_for`](Settings::max_open_for) | 60 s | It doubles up to here. Envoy adds its 30 s for each ejection, up to 300 s, where others serve meanwhile |
//! | [`probes`](Settings::probes) | 1 at once | Hystrix's. Behind each is a caller who may lose; for one of unknown effect nothing can be tried instead |
//! | [`passes`](Settings::passes) | 3 | One may be luck, behind a balancer with one healthy server of several |
//!
//! Where the numbers of others come from: Hystrix's
//! [configuration](https://github.com/Netflix/Hystrix/wiki/Configuration), resilience4j's
//! [defaults](https://resilience4j.readme.io/docs/circuitbreaker), Envoy's
//! [outlier detection](https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto).
//!
//! The open time has jitter: it ends between half of it and the whole, so that processes which all saw
//! the server fail don't all try it at the same moment. It is short again once the circuit has been
//! closed for `max_open_for`; one that opens sooner flaps, and its time goes on growing.
//!
//! Only a call that failed or was slow can open the circuit, though the rates may also rise when good
//! calls leave the window: what goes well is no reason to stop.
//!
//! # One an origin
//!
//! Scheme, host and port of the request's URI name the circuit. There are at most
//! [`Circuits::MOST`]; one more origin takes the place of the one that has been unused the longest, so
//! callers who send to anywhere fill no memory. A request whose URI names no origin goes by.
//!
//! # What it costs
//!
//! A call through a closed circuit takes no lock and allocates nothing: it finds the circuit in a
//! shared list, reads one word, and at its end looks at the clock and counts with one compare-and-swap.
//! The clock is read once more at its beginning, unless an
//! [`AttemptTimeout`](crate::middleware::deadline::AttemptTimeout) further down has done so. In any other state there is
//! a lock, held for a few instructions, and never while anybody is told or woken.
//!
//! # Under many threads
//!
//! One failure may be missed where two happen in the same instant just as the window slides: the next one
//! sees both. A call that ends in the very moment of a change may be counted for the state that begins.
//! Neither lets more probes through than allowed, nor opens a circuit twice.

mod attempt;
mod circuit;
mod circuits;
mod future;
mod layer;
mod machine;
mod service;
mod settings;
mod status;
mod window;

pub use circuits::{Circuits, Watch};
pub use future::ResponseFuture;
pub use layer::BreakerLayer;
pub use service::Breaker;
pub use settings::Settings;
pub use status::{CircuitState, CircuitStatus, StateChange};

#[cfg(test)]
mod tests;
