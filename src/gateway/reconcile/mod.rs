//! A create whose answer was lost is found again by its name, and an update by its SID.
//!
//! # Why
//!
//! Twilio documents no idempotency key. So a create whose answer was lost (the connection broke, the
//! attempt ran into its timeout, a 5xx came from a server that had acted) may or may not have made
//! its session, and to try it again may make a second one. With a UniqueName there is a way to know:
//! a name exists once in a Service, so the replay of a create that had succeeded is refused with
//! 80603, *the name is taken*. By whom is then the question. Without an answer to it a program has
//! the choice of two faults: to report a session as failed that exists and costs money, or to take
//! somebody else's session for its own, and connect two people who have nothing to do with each
//! other.
//!
//! [`Reconcile`] answers it. After a refusal that a create meets which has already done its work,
//! and only if an earlier attempt of this very call is of unknown effect, it fetches the session by
//! its name and judges whose it is. Besides 80603 these are 80604 and 80623, a participant who is
//! taken: perhaps by the very session that the first attempt has made, for which of the two Proxy
//! looks at first, names or participants, is not documented.
//!
//! # How it judges
//!
//! | the session that was found | the call ends as | effect |
//! |---|---|---|
//! | was created within the call, has the mode, expiry and TTL asked for (and the participants, if they are compared) | **the session**, [`recovered`](crate::wire::Reply::recovered) | – |
//! | was created before the call | error: the name is taken by another | none |
//! | was created within the call, and has another mode | error: the name is taken by another | none |
//! | was created within the call, and has another expiry or TTL | error: whose it is can't be told | unknown |
//! | was created within the call, and has other participants | error: whose it is can't be told | unknown |
//! | was created after the refusal, or has another name (or none, where the one asked for reads as a SID) | error: whose it is can't be told | unknown |
//! | has no date, or the refusal had none | error: whose it is can't be told | unknown |
//! | can't be read, or its participants can't, in the time that is left | the refusal, and its cause | unknown |
//!
//! *Within the call* is by the server's own clock: not before the `Date` of the refusal less the time
//! that the call has taken, and not after that `Date`, give or take [`SKEW`] on both sides. Our own
//! clock may be wrong by any amount and changes nothing: it measures a duration only.
//!
//! *Another's* is said only where nothing that anybody could have done since explains the
//! difference. A name is unique and a mode is set once and for all. An expiry and a TTL may have been
//! changed by whoever saw the session; participants may have been removed and others added. That
//! these differ therefore keeps a session from being taken for this call's, and proves no more. A
//! caller who is told `effect() = None` may safely choose another name; one who is told *unknown*
//! should look.
//!
//! *The participants* are compared when [asked for](ReconcileLayer::compare_participants): one more
//! read. There must be as many as were asked for, each with the Identifier, and with the
//! FriendlyName, ProxyIdentifier and ProxyIdentifierSid that it was given, if any. Phone numbers are
//! compared by their digits, so `+1 (415) 555-0100` and `+14155550100` are one; a number without its
//! country's code is not guessed at. A participant who was removed since still counts, as Twilio
//! keeps him in the session.
//! <https://www.twilio.com/docs/proxy/api/participant#delete-a-participant-resource>
//!
//! All reads have what is left of the call's deadline, its credentials, headers and priority; go to
//! the endpoint that the create went to, where there are several; and are let through a shutdown
//! that the call itself was in time for.
//!
//! # What can't be proven
//!
//! - *Two callers who race with one name.* Same name, same wishes, same seconds: their sessions look
//!   alike, and both may be told that the one session is theirs. A UniqueName must be **unique per
//!   intent**: the number of an order, not that of a customer.
//! - *A session that was deleted meanwhile.* Where this call's session was deleted and another made
//!   under its name, all before the refusal, the other one is what is found.
//! - *A process that was stopped during the call*, with its machine asleep or moved elsewhere: the time
//!   is missing in the call's, and a session that it made before that looks older than the call,
//!   another's. A wall clock would show the gap and is not asked: it may jump for other reasons.
//! - *A session that nobody can look for*: of a create without a name, or with one that no URL can
//!   hold (`.` and `..`).
//!
//! # When not
//!
//! - Where names are not unique per intent: a create for a name that stands for a customer then finds
//!   the session that the same customer's other order has just made. Leave the layer out
//!   ([`Reconcile::into_inner`]), or compare the participants.
//! - Where the caller does better: one who keeps a table of his own of who made which session needs
//!   no guess. He gets the refusal as it is, effect unknown.
//!
//! Where creates have no names, [`ReconcileLayer::name_unnamed`] gives each a random one, which is
//! unique per intent by its making.
//!
//! # Updates and deletes
//!
//! An update sets values, so its replay is refused only where the session has moved on, as a close
//! does that meets a session which it has closed already (80607, 80608). Then the session is
//! fetched, and the update has succeeded if the session is as was asked for. A delete needs no look:
//! one that meets 404 after an attempt of unknown effect [has
//! succeeded](crate::sessions::DeleteSession).
//!
//! # Over any typed service
//!
//! The layer sits over a [`Gateway`](super::Gateway) of any stack, and over whatever typed layers are
//! around that. It asks for a clone that is a `Service` of the operation, and of two reads: a fetch
//! and the list of participants. Which operations are recovered is said by
//! [`Operation::Recovery`](crate::wire::Operation::Recovery); [`Plain`](crate::wire::Plain) ones pass
//! straight through, and cost nothing.
//!
//! ```
//! use std::time::Duration;
//! use tower::ServiceBuilder;
//! use twilio_proxy::call::BoxError;
//! use twilio_proxy::gateway::{Error, Gateway, GatewayExt, ReconcileLayer, TwilioClassifier};
//! use twilio_proxy::middleware::retry::RetryLayer;
//! use twilio_proxy::sessions::CreateSession;
//! use twilio_proxy::wire::{Endpoint, Operation};
//! # use bytes::Bytes;
//! # use http::{Method, Request, Response};
//! # use http_body_util::Full;
//! # use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! # use twilio_proxy::call::{CallFacts, Collected};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let creates = std::sync::Arc::new(AtomicU32::new(0));
//! # let transport = tower::service_fn(move |request: Request<Full<Bytes>>| {
//! #     if let Some(facts) = CallFacts::of(request.extensions()) {
//! #         facts.mark_reached();
//! #         facts.mark_sent();
//! #     }
//! #     let (status, body) = match *request.method() {
//! #         // The first create commits, and its answer is lost.
//! #         Method::POST if creates.fetch_add(1, Relaxed) == 0 => (502, ""),
//! #         Method::POST => (400, r#"{"code": 80603}"#),
//! #         _ => (200, r#"{"unique_name": "order-1", "date_created": "2026-01-02T03:04:05Z"}"#),
//! #     };
//! #     let response = Response::builder().status(status).header("date", "Fri, 02 Jan 2026 03:04:05 GMT");
//! #     std::future::ready(Ok::<_, BoxError>(response.body(Collected::new(body.into())).unwrap()))
//! # });
//! // A stack of your own. All that is needed of it is that it tries again.
//! let stack = ServiceBuilder::new()
//!     .layer(RetryLayer::new().classifier(TwilioClassifier::new()))
//!     .service(transport);
//! let gateway = ServiceBuilder::new()
//!     .layer(ReconcileLayer::new())
//!     // Typed layers of tower's in between. An error of the gateway leaves the box as it was.
//!     .map_err(|error: BoxError| Error::from(error))
//!     .timeout(Duration::from_secs(60))
//!     .concurrency_limit(64)
//!     .service(Gateway::new(stack, Endpoint::new(Endpoint::TWILIO)?));
//!
//! let service = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
//! let create = CreateSession::new(service).unique_name("order-1");
//! let reply = gateway.send(create.detailed()).await?;
//! assert!(reply.recovered);
//! # Ok(())
//! # }
//! ```

mod clue;
mod future;
mod judgement;
mod layer;
mod names;
mod recover;
mod service;

use std::time::Duration;

pub use clue::Clue;
pub use future::RecoverFuture;
pub use layer::ReconcileLayer;
pub use recover::{Findable, Look, Recover, Roll};
pub use service::{Manner, Reconcile};

/// How far two of the server's clocks may be apart, and the clock of its `Date` from that of its
/// sessions: two seconds for both being cut to whole ones, and three for a fleet that is synchronised
/// badly.
///
/// What it costs to be wrong is not the same on both sides. Too wide, a namesake of five seconds
/// before the call may be taken for the call's own session. Too narrow, the call's own session is
/// called another's: effect none, and it is made again under another name. So it is rather wide.
pub const SKEW: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
