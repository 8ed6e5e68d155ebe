//! The front door: typed operations in, outputs or an [`Error`] out, over any HTTP stack.
//!
//! [`Gateway`] is a `tower::Service<O>` for every [`Operation`](crate::wire::Operation) `O`. It
//! encodes the operation, calls the stack below, and decodes the answer. All that makes a call
//! survive is in that stack: the default one ([`Gateway::builder`]) or any other
//! ([`Gateway::new`]).
//!
//! This is the only room that sees every other, and the one place where the order of the layers
//! is written down ([`StackLayers`]).

mod boxed;
mod builder;
mod classify;
mod concurrency;
#[cfg(feature = "config")]
pub mod config;
mod credentials;
mod defaults;
mod edges;
mod error;
mod ext;
pub mod forward;
mod health;
mod instance;
mod limited;
mod pages;
mod prepared;
pub mod reconcile;
mod service;
mod sessions;
mod stack;

pub use boxed::BoxedStack;
pub use builder::GatewayBuilder;
pub use classify::{RateClassifier, TwilioClassifier};
pub use concurrency::{ConcurrencyClassifier, concurrency_limit};
pub use credentials::CredentialsHealth;
pub use error::{Error, ErrorKind};
pub use ext::GatewayExt;
pub use forward::{Forward, ForwardLayer};
pub use health::{
    BudgetHealth, CircuitHealth, CoalescingHealth, ConcurrencyHealth, EndpointHealth, FleetHealth,
    Health, HedgingHealth, Monitor, PoolHealth, RateLimitHealth,
};
pub use pages::{Items, Pages};
pub use reconcile::{Reconcile, ReconcileLayer};
pub use service::{DefaultGateway, Drained, Gateway, HttpStack, ResponseFuture};
pub use sessions::Sessions;
pub use stack::{DefaultStack, LimitedAttempt, RetriedAttempts, StackLayers};
