//! A limit on how many calls are under way at once: set by hand, or learned.
//!
//! # Why
//!
//! A server that slows down under load gets slower still when its callers pile up, and an account's
//! concurrency may be limited. So many calls at once and no more, the rest in order behind them,
//! keeps the work in flight bounded, and so the connections and memory it takes.
//!
//! How many is right, nobody knows for long: it is the server's affair, and changes with its size,
//! its other callers and the day. A [`LimitPolicy`] finds out, from how attempts end and how long
//! they take, as TCP finds out what a network bears. [`Aimd`] and [`Gradient`] are two.
//!
//! tower's `ConcurrencyLimitLayer` makes a semaphore for each service it wraps: a stack that is
//! built twice has twice the limit. Here everything that one layer and its clones make shares one
//! limit. tower's also takes its permit in `poll_ready`, so a readied clone that is never called
//! holds one for good; here a slot is taken in `call`.
//!
//! # When not
//!
//! Where a rate is what the server limits: a limit on concurrency admits any rate if answers are
//! quick. The two fit together, see [`limit`](super).
//!
//! And don't let it learn
//!
//! - where few calls are made. With fewer than twenty answers a second or so, a gradient takes
//!   longer to learn than what it has learned stays true;
//! - from latency where operations differ strongly. A batch of slow ones looks like a queue. Give each
//!   kind a limit of its own, or the gradient some [`tolerance`](Gradient::tolerance), or take
//!   [`Aimd`];
//! - where the server's other callers make the queue. A gradient gives way to them, as it would to
//!   its own, and who has no such manners gets what it leaves.
//!
//! # Which policy when
//!
//! | | [`Fixed`] | [`Aimd`] | [`Gradient`] |
//! |---|---|---|---|
//! | learns from | nothing | "too much at once", timeouts, and the account's number | how long answers take, and those |
//! | finds | – | where the server refuses | where the server begins to let wait |
//! | while all is well | is a number | grows to its maximum and stays there | measures anew, at half the limit, every 30 s under full load |
//! | take it where | the number is known, or only memory is to be bounded | the server has a limit and says so | the server only gets slower, and much is asked of it all the time |
//! | an account's limit of others' making | 429s | gives way by tenths, and comes back by ones | as Aimd |
//! | a call at rest costs | no clock | two looks at the clock, one lock | the same |
//!
//! The default gateway's choice is [`Aimd`] between 10 and 295, from 295 on: see
//! [`gateway::concurrency_limit`](../../../gateway/fn.concurrency_limit.html).
//!
//! # What they find
//!
//! A server that works on forty requests at once, each for a tenth of a second give or take a fifth,
//! then on twenty; and callers who would have three hundred under way. Above, those beyond the forty
//! wait at the server, and [`Gradient`] finds the knee from 250 and from 4; the dips are its probes.
//! Below, the server answers them with 429, and [`Aimd`] finds where.
//!
#![doc = include_str!("../../../guide/adaptive_limit.svg")]
//!
//! `tests/adaptive_limit.rs` holds these runs to it: within a fifth of the knee, on average and nine
//! times in ten, from above, from below and after the capacity has halved; and `cargo run --example
//! adaptive_limit -- draw` has drawn them. Two more are not drawn. Where attempts are given up after three
//! times the work of one, [`Aimd`] finds three times the knee: a timeout says that the queue is too
//! long, not that there is one. And where answers are distributed exponentially, [`Gradient`] ends up
//! to 40 % above the knee: what can't be told from chance is not taken for a queue.
//!
//! # How a call goes
//!
//! With a slot free and nobody waiting, `call` takes it and goes on; nothing is allocated and the
//! inner service is not cloned. Otherwise the call joins the line, boxed with the readied service
//! that it will go to. Slots go to those who wait in order of arrival, whatever their priority.
//!
//! A service that reserves something in its own `poll_ready` keeps it reserved while the call
//! waits: the readied instance is the one that is called. Layers of this crate reserve nothing.
//!
//! # Whom it refuses
//!
//! A call that waits in vain has cost its caller time and others a place. So, when it comes:
//!
//! 1. Those in line whose deadline has passed are sent away
//!    ([`Deadline`](crate::call::FaultKind::Deadline)).
//! 2. If the line is as long as the call's [priority](crate::call::Priority) may see it, the youngest
//!    of the lowest priority below its own loses its place
//!    ([`Shed`](crate::call::Rejection::Shed)): a burst of calls that can come again keeps none
//!    out that can't, and who has waited longest is sent away last. Where there is none below, the
//!    call itself is refused ([`QueueFull`](crate::call::Rejection::QueueFull)).
//! 3. If its turn would come after its deadline, it is refused at once (`Shed`), and displaces nobody.
//!    With a policy that learns, so is one whose turn would leave less time than answers take as a rule, or a
//!    quarter of the call's whole time if that is less: it would be sent to be cut off. Whoever turns out
//!    so late when the slot comes leaves it to the next.
//!
//! Its turn comes after *calls ahead × how long a slot is held ÷ limit*, as Little's law has it; how
//! long a slot is held is a moving average, over all calls with a policy that learns, and over those
//! that had to wait with one that doesn't (over all where none may wait). As long as it is not known, nobody is refused by it.
//! Each refusal says by the same sum when to come back: when a turn would come, or when there
//! will be a place.
//!
//! How long a call that waits goes on waiting is for the deadline layer to say, which drops it.
//!
//! # What is learned, and what isn't
//!
//! - *An attempt's time* runs from its slot to the end of the inner future: with Collect below, to the
//!   end of the body. Queues of ours are above it.
//! - *Only success has a latency*. A 404, a 500, a refused connection are answered without the work,
//!   often quicker, and would pass for a fast server. They change nothing; a server that only
//!   breaks is the circuit breaker's affair.
//! - *A dropped call* is told with the time that it ran. That it was dropped says little: its caller had
//!   a deadline, a hedge was quicker. That it ran long says what a timeout says. [`Aimd`] counts it
//!   after [eight times the usual](Attempt::is_given_up_late), [`Gradient`] wherever it ran longer than the
//!   median, for that is all a median asks.
//! - *"Too much at once"* is [`Throttled`](crate::call::Class::Throttled) by the layer's
//!   [classifier](ConcurrencyLimitLayer::classifier): a 429 unless told otherwise. A throttled rate is no reason for
//!   fewer at once; a vendor's classifier tells them apart.
//! - *The account's number*, from a [header](ConcurrencyLimitLayer::concurrency_header): what else
//!   the account has under way is not ours to change, and what the limit is the number does not
//!   say. When the server throttles, it bounds our part. That is all.

mod aimd;
mod bounds;
mod future;
mod gradient;
mod layer;
mod permit;
mod policy;
mod service;
mod shared;
mod stats;
mod window;

pub use aimd::Aimd;
pub use future::ResponseFuture;
pub use gradient::Gradient;
pub use layer::ConcurrencyLimitLayer;
pub use policy::{Attempt, End, Fixed, LimitPolicy};
pub use service::ConcurrencyLimit;
pub use stats::LimitStats;

#[cfg(test)]
mod tests;
