//! The headers that every request of a stack has: who asks, for what, and under which name.
//!
//! [`HeadersLayer`] adds `User-Agent`, `Accept`, the media type of the body and the outbound
//! request id, in one go and into one map that already has room for what comes after.
//!
//! # Whose value stays
//!
//! A request may come with headers of its own, such as those of
//! [`CallOptions::header`](crate::call::CallOptions::header).
//!
//! | header | whose value goes out |
//! |---|---|
//! | `User-Agent`, `Accept`, those of [`HeadersLayer::header`] | the stack's |
//! | `Content-Type` | that of the facts; the request's own where the facts name none |
//! | the request id | the request's own; the stack's where it has none |
//! | `traceparent`, `tracestate` | the request's own trace, with a span's id for each attempt; the [hook](HeadersLayer::trace_context)'s where it has none; one that can't be read goes nowhere |
//! | any other | the request's own |
//!
//! The stack's word counts for what the stack depends on: an answer in another format could not be
//! read, and a form with another media type would not be. The request id is different. Who names a
//! request himself does so because that name is known elsewhere already, in a log or a ticket.

mod layer;
mod service;
#[cfg(test)]
mod tests;
mod user_agent;

pub use layer::HeadersLayer;
pub use service::Headers;
pub use user_agent::{UserAgent, UserAgentError};
