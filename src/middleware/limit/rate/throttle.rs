//! How a key slows down when the server throttles it, and how it comes back.
//!
//! # Why
//!
//! The right quota is the server's secret. What its documents say may be old, halved for this
//! account, or shared with a process that nobody knows of. A client that keeps to a quota above it sends
//! calls to be refused: each costs a round trip, a retry with its pause, and the server's patience,
//! and some servers punish who doesn't listen. Here a refusal lowers the key's rate to a little
//! less than what the server has lately *accepted*, and time brings it back. The calls that don't fit wait
//! in the key's line, in order, or are refused up front: nothing is sent only to be refused.
//!
//! It is on by default, and costs a call that nobody throttles two reference counts and a look at its
//! answer's status.
//!
//! # The curve
//!
//! ```text
//!  rate
//!   ▲
//!   │ quota ─────────────────────────────────────────────────────●━━━━━━━ recovered
//!   │                                                           ·
//!   │                                                         ·    steeper and steeper: the old
//!   │                                                      ·       limit is gone, look for the new
//!   │                                                  ·
//!   │ accepted                                   ·
//!   │ ━━━━━━●  ─ ─ ─ ─ ─ ─ ·  ·  ·  ·  ·  ·             plateau: the limit is believed to be
//!   │       ┃         ·                                 here, so move slowly
//!   │       ┃     ·
//!   │       ┃   ·       back fast, for the cut was to let the server breathe
//!   │       ●  start = 0.9 × accepted
//!   │
//!   └───────┼──────────────┼─────────────────────┼─────────────────────▶ time
//!         429            + 2.5 s               + 8.5 s: as far above as the start was below
//! ```
//!
//! It is TCP's CUBIC ([RFC 9438](https://www.rfc-editor.org/rfc/rfc9438)) for a rate instead of a
//! window, as in the AWS SDKs' *adaptive* retry mode. With *p* the plateau and *d* = *p* − start,
//!
//! > rate(t) = p + d·((t − 2.5)/2.5)³ up to the plateau, p + d·((t − 2.5)/6)³ beyond it,
//!
//! and never more than the quota. It is a function of the time since the cut, reckoned when a call
//! asks: a success changes nothing, so it costs nothing.
//!
//! # What is different from the SDKs
//!
//! - *Where the state lives.* In the SDKs one rate serves the whole client, and some have
//!   [slept for a token with the limiter's lock in hand](https://github.com/smithy-lang/smithy-kotlin/pull/1547),
//!   so that nobody could tell it that the rate had changed, or
//!   [charged those who were told to wait](https://github.com/smithy-lang/smithy-rs/pull/4632), so that it never
//!   recovered. Here the rate is part of the key's state, read, reckoned and written under the lock that every
//!   check takes anyway, which is held for arithmetic alone: no update is lost. Whoever waits does so in its
//!   own future, and looks again at least every second.
//! - *What is measured.* The SDKs smooth the rate at which they *send*, refused calls included. The limiter
//!   grants every cell itself, so it counts what was granted and takes back what was refused.
//! - *What is an event.* Calls that were under way together are refused together. In the SDKs each
//!   cuts once more. Here a refusal counts only if its call had its cell after the last cut.
//! - *How the curve scales.* The SDKs' constant is absolute, 0.4 calls/s a second cubed: what is gentle at
//!   100 calls a second doubles the rate of a key with one. Here the curve is in proportion to the cut.
//! - *What comes after the plateau.* The SDKs' curve is as steep behind the plateau as before it. Going back is
//!   safe, for the server has taken that much before; going on is a guess, and takes longer.
//!
//! # The numbers
//!
//! Tuned in a simulation: a server of 30 calls/s, asked for 60/s through a quota of 100/s, round trips of
//! 20 to 400 ms, by the rules of a sliding window (150 in 5 s), a token bucket, and a counter that
//! starts anew each second. The tests hold what came of it. The figures are the worst of those round trips:
//! how much of the sliding window's limit was used, and how many of the calls that were sent it refused.
//!
//! | | | why, and what else was tried |
//! |---|---|---|
//! | cut to | 0.9 × accepted | used 97.4 %, refused 0.8 %. The SDKs' 0.7: 95.8 %, 1.5 %, for what is given up early in a window is gone when there is room for it; 0.8: 96.8 %, 1.1 %; 0.95: 97.6 %, 0.7 %, but a lifted limit is found half as fast again. |
//! | measuring | over 5 s | Less is noise, at 30/s: 1 s: 90.9 %, 2.3 %; 3 s: 97.1 %, 1.3 %. More sees too much of the time before a change: 8 s: 94.9 %, 0.9 %. |
//! | back at the plateau | after 2.5 s | Half the measuring window, so that the cut can be made good within it. 1 s: 97.7 %, 1.2 %; 4 s: 96.9 %, 0.7 %. |
//! | as far above it | 6 s later | 4 s: 97.3 %, 1.1 %; 8 s: 97.2 %, 0.7 %; 10 s: 97.3 %, 0.5 %, and a lifted limit is found after twice the time. |
//! | memory of the plateau | halved every 5 s | A server that refuses *everything* says nothing of its limit, and the measured rate falls to nothing. Remembering brings a key back 8 s after a storm of 10 s instead of 46. Only a plateau that was measured over a whole window is remembered; while a key is held nothing is measured, and nothing forgotten. |
//! | floor | 0.5 calls/s | The SDKs' own. For a quota below one a second, half of it. The plateau is at least twice the floor. |
//! | shortest measure | 1 s | For a key in use for less than the window: its first burst is no rate. |
//! | burst under a cut | in proportion | What is saved is saved over the same time; two at least, or every late timer is a loss. |
//!
//! The layer itself, in paused time against the tests' servers and the crate's simulator: 97.4 to 98.5 % of a
//! sliding window's limit used and 0.5 to 0.8 % of calls refused, for round trips of 20 to 400 ms; a bucket is
//! used whole, a counter by the second to 97 %. Two processes share one limit 15.1 to 14.4 calls a second when
//! they start together and 15.4 to 14.2 when one comes half a minute late, at 1.2 % refused. When a limit of 30/s
//! is lifted the quota of 100/s is back within 21 s. From the floor, 29/s is back after 26 s and 100/s after 38.
//!
//! What it can't do: a probe costs one refused call at the least, so a server that takes one call a second
//! refuses one in ten of them, and one that takes five, one in forty.
//!
//! # `Retry-After`
//!
//! Two seconds or more hold the key: nothing goes before, for at most 60 s. The recovery begins
//! when they are over. The header counts in whole seconds, so that *1* is the least that can be
//! said, and is said by servers that will have room in a few milliseconds: the lower rate answers it.
//! Longer waits than a minute are a circuit breaker's business; here one wrong header must not be an outage.
//!
//! # Not retry's back-off, nor its budget
//!
//! *Back-off* delays the one call that was refused, and the next new call goes at the old rate. *The budget*
//! caps how much of the load are repetitions, whatever their reason. Neither makes first attempts
//! fewer. This does, and for that it knows no single call: a call that is retried comes back through the line
//! like a new one. The three belong together, retry outside.
//!
//! # When not
//!
//! - Where a 429 is not about a rate: too many calls at once, a quota of the day. Give the layer a
//!   [classifier](super::RateLimitLayer::classifier) that knows them apart. One that never says
//!   [`Throttled`](crate::call::Class::Throttled) turns all this off.
//! - Where the server counts over minutes: after a burst it refuses for the rest of its minute, and all that
//!   can be known is what it says in `Retry-After`. Set the quota right instead.
//! - Where refusals have nothing to do with the rate, and come by chance. They are taken for a limit, as lost
//!   packets are by TCP: at one call in a hundred a key keeps to some 30 calls a second, at one in fifty to 15, at
//!   one in ten to between one and two.
//! - Where one server's limit spans several keys. Each learns by itself; count them as one with
//!   [`key_by`](super::RateLimitLayer::key_by).
//! - Where latency is all that matters and refusals are cheap: calls wait here rather than fail.
//! - With a quota that is meant as none. The way back is as long as the quota is high: from the floor, 1,000/s is
//!   back after 78 s, a million a second after 13 minutes, and what is never granted after two hours. Calls notice
//!   nothing of that, for the rate is soon above what they need; but the key counts as throttled, and whoever asks
//!   [`is_throttled`](super::RateLimitLayer::is_throttled), as the default stack's hedges do, stands back as long.
//!
//! # To be watched
//!
//! [`RateLimitLayer::is_throttled`](super::RateLimitLayer::is_throttled) is one atomic load as long as nothing
//! was ever throttled. [`rates`](super::RateLimitLayer::rates) walks the keys. A key that is cut is
//! told to the log as a warning, once until it has recovered; its recovery, at its next call, as information.
//!
//! ```
//! # use std::convert::Infallible;
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//! use twilio_proxy::call::BoxError;
//! use twilio_proxy::middleware::limit::{Quota, RateLimitLayer};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let layer = RateLimitLayer::new(Quota::per_second(50).burst(10));
//! let service = layer.layer(service_fn(|_: Request<()>| async {
//!     let mut response = Response::new(());
//!     *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
//!     Ok::<_, BoxError>(response)
//! }));
//! service.oneshot(Request::get("http://api.test/").body(())?).await?;
//!
//! assert!(layer.is_throttled());
//! let (_, rate) = &layer.rates()[0];
//! // Nothing was accepted yet: the floor.
//! assert_eq!((rate.granted, rate.quota), (0.5, 50.0));
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::Key;

/// A call that had its cell, and was refused by the server for coming too often.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Throttle {
    /// When the call was given its cell: what has changed since, the server could not know of.
    pub granted: Instant,
    /// When the refusal was heard.
    pub now: Instant,
    /// For how long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Throttle {
    /// A refusal of the call that had its cell at `granted`, heard at `now`.
    #[must_use]
    pub fn new(granted: Instant, now: Instant) -> Self {
        Self { granted, now, retry_after: None }
    }

    /// Adds for how long the server asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }
}

/// At what rate the calls of one key go. Rates are calls a second.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct KeyRate {
    /// What the quota grants.
    pub quota: f64,
    /// What is granted now: less than the quota while the key is cut.
    pub granted: f64,
    /// What the server has lately accepted, as far as its answers are in.
    pub accepted: f64,
    /// For how long nothing goes at all, because the server said so.
    pub held_for: Duration,
    /// Whether the key is cut, and on its way back to its quota.
    pub is_cut: bool,
}

/// A key was cut, as whoever was told of the throttle says.
pub(super) fn trace_cut((key, was_cut, rate): (Key, bool, Option<KeyRate>)) {
    let Some(KeyRate { granted, accepted, held_for, is_cut: true, .. }) = rate else { return };
    let held_ms = u64::try_from(held_for.as_millis()).unwrap_or(u64::MAX);
    let operation = operation(&key);
    if was_cut {
        // While the server goes on throttling: one warning is enough.
        tracing::debug!(operation, granted, accepted, held_ms, "the server still throttles");
    } else {
        tracing::warn!(
            operation,
            granted,
            accepted,
            held_ms,
            "the server throttles: the rate limit slows down"
        );
    }
}

/// A key has its quota back.
pub(super) fn trace_recovery(key: &Key) {
    tracing::info!(operation = operation(key), "the rate limit is back at its quota");
}

/// What of a key may be logged: other kinds are of the caller's making, and may hold anything.
fn operation(key: &Key) -> Option<&'static str> {
    match key {
        Key::Call(key) => Some(key.operation),
        Key::Route(..) | Key::Named(_) => None,
    }
}
