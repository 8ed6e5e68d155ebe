//! What Proxy says of its own accord: callbacks, verified and read.
//!
//! A Proxy Service may have three URLs that Twilio calls: when an interaction's status changes
//! ([`StatusCallback`]), before each interaction, which the answer may block ([`InterceptCallback`]),
//! and when somebody calls or writes without a session ([`OutOfSessionCallback`]). Anybody who knows
//! such a URL can call it too, so the first thing to do with a callback is to check its signature:
//! [`ValidateSignatureLayer`] stands in front of a server, axum's or any other `tower::Service`, and
//! lets nothing else through. [`verify`] and [`sign`] are the same without a service.
//!
//! ```
//! use axum::body::Bytes;
//! use axum::http::{HeaderMap, StatusCode};
//! use axum::response::IntoResponse;
//! use axum::routing::post;
//! use axum::{Extension, Router};
//! use http::Response;
//! use http_body_util::Full;
//! use twilio_proxy::webhook::{
//!     AuthToken, Intercept, InterceptCallback, PublicUrl, ValidateSignatureLayer, Verified,
//! };
//!
//! async fn intercept(_: Extension<Verified>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
//!     let Ok(callback) = InterceptCallback::decode(&headers, &body) else {
//!         return StatusCode::BAD_REQUEST.into_response();
//!     };
//!     let words = callback.interaction.body().unwrap_or_default();
//!     let answer = if words.contains("@") { Intercept::Block } else { Intercept::Allow };
//!     Response::<Full<Bytes>>::from(answer).into_response()
//! }
//!
//! let url = PublicUrl::new("https://hooks.example.com")?;
//! let signed = ValidateSignatureLayer::new(AuthToken::new("the account's auth token")?, url);
//! let app: Router = Router::new().route("/intercept", post(intercept)).layer(signed);
//! # let _ = app;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is signed
//!
//! `X-Twilio-Signature` is `base64(HMAC-SHA1(auth token, URL + key + value + key + value …))`, with
//! the parameters of a form decoded, sorted by their bytes and each pair once.
//! <https://www.twilio.com/docs/usage/security#validating-requests>
//!
//! That is the auth token's signature, the default. One that a
//! [webhook rule](https://www.twilio.com/docs/usage/webhooks/webhook-rules) makes with a shared key and
//! another algorithm is not known here, and refused like a forged one.
//!
//! *The URL* is the text that Twilio called: the [`PublicUrl`], then path and query of the request as
//! they came. Nothing is parsed and written anew, for `'`, `@` and `:` would come out in another
//! spelling. Twilio is not consistent in whether the port belongs to it, so it may be there (443 for
//! `https`, 80 for `http`, or the one that the URL has) or not.
//!
//! *The body* is bound in one of three ways, and the URL decides first:
//!
//! | in the query | content type | what must hold |
//! |---|---|---|
//! | `bodySHA256`, once | any | it is the SHA-256 of the raw body, **and** the signature is one of the URL alone |
//! | `bodySHA256`, more than once | any | never: 400 |
//! | no `bodySHA256` | a form | the signature is one of the URL and the form's parameters |
//! | no `bodySHA256` | any other, or none | the body is empty, as with a GET, and the signature is one of the URL alone |
//!
//! So there is no body that passes unsigned: what is neither hashed nor a form is refused. A form with
//! `bodySHA256` in its URL is held to its hash, and its parameters need no signature of their own;
//! Twilio sends no such thing, and a Service whose callback URL has that name in it by mistake gets
//! none of its callbacks. Two `Content-Type` headers or two signatures are refused, for the handler
//! behind might go by the other one; so is a form that is not UTF-8, for it would not be the one that
//! was signed once it is decoded.
//!
//! # What a signature does not say
//!
//! It is Twilio's scheme, and has its limits. It has no date: whoever has once seen a callback can send
//! it again, so act on each `interactionSid` and status once. It has no method. It joins keys and
//! values without a mark between, so that `a=bc` and `ab=c` are signed alike: whoever has seen one can
//! send the other. `https` keeps others from seeing any.
//!
//! # How a callback is answered
//!
//! | answer | why |
//! |---|---|
//! | 400 | no signature, or what can be none; no clear URL; the body broke off |
//! | 403 | the signature is not genuine, or covers another body |
//! | 408 | the body has not come within [`DEFAULT_BODY_TIMEOUT`] |
//! | 413 | the body is longer than [`DEFAULT_LIMIT`]; refused before it is read, if it says so |
//!
//! A [`Refusal`] says it in words, as an event of the level `info`; it has nothing in it that came
//! with the request. Where the URL alone is signed, the signature is checked before the body is read.
//! Only a form must be read before its sender is known, and the cap and the time limit are for that.
//!
//! **An intercept callback that is refused is blocked**, for Twilio takes any 403 for that: with a
//! wrong token or public URL no interaction of the Service goes through. Rotate with both tokens in
//! place ([`Tokens`]), and watch the event.
//!
//! # What the comparison gives away
//!
//! Signatures are compared in constant time. Each token is tried with each spelling of the URL, whatever
//! came of the ones before, so the time says how many tokens there are and how long the body is.

mod callbacks;
mod cover;
mod future;
mod layer;
mod place;
mod refusal;
mod service;
mod signature;
mod signed;
mod token;
mod url;
mod verify;

pub use callbacks::{
    Acknowledge, DecodeError, Interaction, InteractionType, Intercept, InterceptCallback, Leg,
    OpenSession, OutOfSession, OutOfSessionCallback, Party, PastParticipant, PastSession,
    ResourceStatus, ResourceType, StatusCallback,
};
pub use future::ResponseFuture;
pub use layer::{DEFAULT_BODY_TIMEOUT, DEFAULT_LIMIT, ValidateSignatureLayer};
pub use refusal::Refusal;
pub use service::ValidateSignature;
pub use signature::{Signature, sign};
pub use signed::{signed_form, signed_json};
pub use token::{AuthToken, EmptyToken, Tokens};
pub use url::{PublicUrl, PublicUrlError};
pub use verify::{Callback, Verified, verify};

#[cfg(test)]
mod tests;
