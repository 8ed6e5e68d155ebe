//! Twilio's Proxy Sessions API as [`tower::Service`]s, behind a stack of resilience layers that you
//! keep, reorder or replace.
//!
//! ```
//! use twilio_proxy::gateway::{Gateway, GatewayExt};
//! use twilio_proxy::middleware::auth::Credentials;
//! use twilio_proxy::sessions::Participant;
//! # use twilio_proxy::call::ServiceSid;
//!
//! # async fn open(service: ServiceSid) -> Result<(), Box<dyn std::error::Error>> {
//! let gateway = Gateway::builder(Credentials::from_env()?).build()?;
//! let session = gateway
//!     .sessions(service)
//!     .create(|new| new.unique_name("order-1234").participant(Participant::new("+15550100")))
//!     .await?;
//! println!("{:?}", session.sid);
//! # Ok(())
//! # }
//! ```
//!
//! # The stack
//!
//! A call goes down through the layers and its answer comes back up. What a layer does is said in
//! its own docs, and why it stands where it stands.
//!
//! ```text
//!   CreateSession                                     Session, or an Error with its effect
//!        │                                                        ▲
//!  ┌─────▼────────────────────── Reconcile ───────────────────────┴─────┐  a lost create is found again
//!  │  ┌────────────────────────── Gateway ─────────────────────────────┐ │  encodes, decodes
//!  │  │  ┌─────────────────────── CallSpan ──────────────────────────┐ │ │  one span a call
//!  │  │  │  ┌──────────────────── Deadline ───────────────────────┐  │ │ │  everything below, queues and sleeps too
//!  │  │  │  │  Coalesce, Hedge                                    │  │ │ │  for reads, off by default
//!  │  │  │  │  ┌───────────────── Retry ───────────────────────┐  │  │ │ │  what is safe to repeat is repeated
//!  │  │  │  │  │  ┌────────────── Failover ─────────────────┐  │  │  │ │ │  each attempt to an endpoint that is well
//!  │  │  │  │  │  │  Breaker                                │  │  │  │ │ │  a circuit for each
//!  │  │  │  │  │  │  ┌─────────── RateLimit ─────────────┐  │  │  │  │ │ │  150 in any 5 s, less where throttled
//!  │  │  │  │  │  │  │  ConcurrencyLimit                 │  │  │  │  │ │ │  as much at once as the server bears
//!  │  │  │  │  │  │  │  ┌──────── AttemptSpan ────────┐  │  │  │  │  │ │ │  one span an attempt
//!  │  │  │  │  │  │  │  │  Headers, Auth, Signing     │  │  │  │  │  │ │ │  no secret above this line
//!  │  │  │  │  │  │  │  │  AttemptTimeout             │  │  │  │  │  │ │ │
//!  │  │  │  │  │  │  │  │  Collect                    │  │  │  │  │  │ │ │  whole bodies, under a cap
//!  │  │  │  │  │  │  │  └──────────┬──────────────────┘  │  │  │  │  │ │ │
//!  └──┴──┴──┴──┴──┴──┴─────────────▼─────────────────────┴──┴──┴──┴──┴─┴─┘
//!                            ProxyTransport → the wire
//! ```
//!
//! Every layer takes an [`http::Request`] and gives an [`http::Response`], so tower's and
//! tower-http's layers fit between ours, and yours do too.
//!
//! # The rooms
//!
//! | room | what it is | what it may know |
//! |---|---|---|
//! | [`gateway`] | the front door: typed operations in, outputs or an [`Error`](gateway::Error) out | every room |
//! | [`sessions`] | what we say: the five operations and their models, pure data | `wire`, `call` |
//! | [`wire`] | how Twilio says it: paths, forms, JSON, errors, pages | `call` |
//! | [`middleware`] | how a call survives: the layers, for any HTTP API | `call` |
//! | [`transport`] | how bytes move: connections, TLS, proxies | `call` |
//! | [`call`] | the words that all of them share | nothing |
//! | `simulator` | (feature) a Proxy in memory, to test against | `sessions`, `wire`, `call` |
//! | `webhook` | (feature) what Proxy says of its own accord: callbacks, verified and read | `sessions`, `wire`, `call` |
//!
//! The [`guide`] has more: the life of a request, the stack layer by layer, what a caller sees under
//! each fault, tuning, and why things are as they are.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `http2` | HTTP/2 beside HTTP/1.1, chosen by ALPN | yes |
//! | `platform-roots` | trust what the operating system trusts | yes |
//! | `bundled-roots` | trust Mozilla's roots, compiled in | no |
//! | `simulator` | the simulator, as a service and as a loopback server | no |
//! | `webhook` | the check of callbacks' signatures, and what they say | no |
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod call;
pub mod gateway;
pub mod guide;
pub mod middleware;
pub mod sessions;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod transport;
#[cfg(feature = "webhook")]
pub mod webhook;
pub mod wire;

/// The README's examples, compiled and run with the doc-tests. They show the simulator, configurations and
/// webhooks too.
#[cfg(all(doctest, feature = "config", feature = "simulator", feature = "webhook"))]
#[doc = include_str!("../README.md")]
struct Readme;
