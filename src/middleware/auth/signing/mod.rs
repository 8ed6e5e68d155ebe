//! Requests that prove who made them: Twilio's Public Key Client Validation.
//!
//! Whoever has stolen an API key's secret can send requests. With client validation Twilio wants more:
//! each request carries a token, signed with a private key that never leaves this process, over what
//! is in the request. So a stolen secret is not enough, and a request that was recorded or changed on
//! its way is refused. <https://www.twilio.com/docs/iam/pkcv/quickstart>
//!
//! ```text
//! method, path, query, headers, body ──► canonical request ──SHA-256──► hash ─┐
//! account, API key, from when until when ─────────────────────────────────────┴─RSA─► token
//! ```
//!
//! # When to sign
//!
//! Where the rules of your trade ask for it, or where the secrets of API keys live in places that you
//! don't trust as much as the one that holds a private key. The account has to have the feature, and
//! the key's public half has to be at Twilio's, under a SID (`CR…`).
//!
//! # When not to
//!
//! Without need. A signature costs more than all that this crate does for a call besides. And it
//! wants an API key: an account's auth token or an OAuth token can't be signed for.
//!
//! # What is signed
//!
//! What goes out, when it does: each attempt and each page has a token of its own, for the endpoint
//! that was chosen for it. A token begins half a minute before it is made, for a server whose clock is
//! behind, and ends five minutes after that, the most that Twilio takes. Between this layer and the
//! wire nothing may change the request.
//!
//! Of the headers, `Authorization` and `Host` are signed, and those that
//! [`sign_header`](SigningLayer::sign_header) names. `Host` is what the transport makes of the URI, where
//! the request has none.
//!
//! # Where it is computed
//!
//! A signature is a quarter of a millisecond of arithmetic, a thousand times what any other layer takes. In
//! the call's own task it stops all other calls of its thread meanwhile; so signatures are made on tokio's
//! threads for blocking work, on as many at once as there are cores but one, in order of arrival. What that is
//! worth, on one thread of two cores beside sixty-four calls that are signed all the time
//! (`cargo bench --bench signing`):
//!
//! | signed | one call alone | a timer of another task is late by, at worst |
//! |---|---|---|
//! | nobody | | 1.3 ms, the grain of tokio's timers |
//! | elsewhere (the default) | 286 µs | 1.4 ms |
//! | [in place](SigningLayer::in_place) | 245 µs, of which the bare signature 241 µs | 13.6 ms |
//!
//! In place, whoever shares the thread waits for all signatures before it, 0.25 ms each. So the threshold is
//! one: where two signed calls are ever under way on a thread at once, or anything else that must be on time,
//! leave it as it is. In place is for a thread that makes one signed call after the other, and saves it the
//! 40 µs of two changes of thread.
//!
//! # What Twilio says
//!
//! | code | it means |
//! |---|---|
//! | 20152, 20154 to 20156 | the token was not understood, or its signature, time or claims are wrong |
//! | 70052 | the account wants signed requests, and this one was not |
//! | 70053 | the account does not have the feature |
//! | 70154 | the public key is not one of the account's |
//! | 70155 | a header that has to be signed is missing |
//! | 70156 | the request is not the one that was signed: something below this layer changed it |
//!
//! They come with a 4xx, as [`Error::api`](crate::gateway::Error::api), and nothing is repeated for them.
//! <https://www.twilio.com/docs/api/errors>
//!
//! # Changing the key
//!
//! [`SigningLayer::live`] takes another key, or none, while calls go on: calls whose signature is begun
//! finish with the old one. Let Twilio know the new public half first.

mod canonical;
mod future;
mod key;
mod layer;
mod service;
#[cfg(test)]
mod tests;
mod token;
mod work;

pub use future::ResponseFuture;
pub use key::{SigningAlgorithm, SigningKey, SigningKeyError};
pub use layer::SigningLayer;
pub use service::Signing;
