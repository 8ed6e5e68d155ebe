//! OAuth 2 client credentials: a client id and its secret are traded for a token that expires.
//!
//! [`ClientCredentials`] is the provider, [`Client`] what it asks with, and the token endpoint is reached
//! over any HTTP service. The grant is that of <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>,
//! with id and secret in the form, and the token goes out as
//! <https://www.rfc-editor.org/rfc/rfc6750#section-2.1> says. Nothing in here is Twilio's.
//!
//! # The life of a token
//!
//! The first call that needs one asks, and others that come meanwhile wait for the same answer. A
//! token is renewed some minutes before its end, while calls go on with it; the last tenth of its life,
//! 30 s at most, is not used. All of it counts from the moment the token was asked for, on this process's
//! monotonic clock: no wall clock has to be right.
//!
//! An answer without `expires_in` is taken for a life of five minutes; one whose life is over as it comes is
//! a failure; no token is believed to last longer than 30 days.
//!
//! # When it fails
//!
//! As long as there is a token, a renewal that fails is no failure of any call. After that calls fail
//! with a [`Fault`](crate::call::Fault) of effect *none*: of kind
//! [`Config`](crate::call::FaultKind::Config) where the endpoint refuses the client, and of kind
//! [`Credentials`](crate::call::FaultKind::Credentials) where it may pass, with the cause as its
//! source and the time to come back. Until that time nobody asks again: 1 s at first, twice as long
//! after each failure, 60 s at most, or as long as the endpoint's `Retry-After` says.
//!
//! A 401 of the API ends the life of *the token that was used*, if that is still the one; the call is
//! made once more by a [`Retry`](crate::middleware::retry::Retry) above. That happens at most every
//! 10 s: a server that takes no token does not make every call ask for one.

mod answer;
mod client;
mod provider;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use provider::ClientCredentials;
