//! What is going on, as `tracing` spans: one a call, one an attempt.
//!
//! The names are those of OpenTelemetry's HTTP client conventions, so that a subscriber which
//! exports to OpenTelemetry needs no translation. What the conventions have no name for is under
//! `call.`.
//!
//! | field | call | attempt | what it is |
//! |---|---|---|---|
//! | `otel.name` | ✓ | ✓ | the operation, such as `sessions.create`; method and template for an attempt |
//! | `otel.kind` | `internal` | `client` | |
//! | `otel.status_code` | ✓ | ✓ | `ERROR`, or not set |
//! | `http.request.method` | ✓ | ✓ | `_OTHER` for a method that HTTP does not define |
//! | `url.template` | ✓ | ✓ | the path with names in place of values |
//! | `server.address`, `server.port` | ✓ | ✓ | |
//! | `http.request.resend_count` | | ✓ | 1 on the second attempt; not set on the first |
//! | `http.response.status_code` | ✓ | ✓ | |
//! | `error.type` | ✓ | ✓ | the status from 400 on, or what kind of fault; `cancelled` for one that was dropped |
//! | `trace_id` | ✓ | ✓ | the trace that the call belongs to, if it [brings one](crate::call::TraceContext); of an attempt, what went out |
//! | `span_id` | | ✓ | the attempt's own id in it, as it went out |
//! | `call.operation`, `call.id` | ✓ | | the id is what goes out as the request id |
//! | `call.attempts` | ✓ | | how many there were in the end |
//! | `call.effect` | ✓ | | of a failure: `none`, `unknown` or `applied` |
//! | `call.request_id` | ✓ | ✓ | the server's own name for the request, from a header of the answer |
//!
//! The conventions want a span of kind *client* for each request that is sent and none for the call
//! that encloses them
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span>); so the span
//! of a call, which is of more use than any single attempt's, is *internal*.
//!
//! # What is never in a span
//!
//! No secret, no phone number, no value of a path, a query or a form: a URL is told by its
//! template, and a request without a template by its host alone. No body and no request header. No
//! message of an error, for a foreign one may quote the URL. What comes from the server is the
//! status and its request id, and of that only what prints.
//!
//! # In numbers
//!
//! With the feature `metrics` both layers also measure what they enclose, whether or not anybody listens
//! to spans: `observe::metrics` says what, and to whom.
//!
//! # What it costs
//!
//! Where nobody listens, a branch: no allocation, no formatting, no clock. Both spans have the
//! level INFO and targets of their own, [`CALL_TARGET`] and [`ATTEMPT_TARGET`], so that a filter
//! can tell them apart.

mod attempt;
mod call;
mod fields;
mod future;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(test)]
mod tests;
#[cfg(not(feature = "metrics"))]
pub(crate) mod unmeasured;

pub use attempt::{AttemptSpan, AttemptSpanLayer};
pub use call::{CallSpan, CallSpanLayer};
pub use future::ResponseFuture;

/// What layers tell the metrics, or nobody.
#[cfg(feature = "metrics")]
pub(crate) use metrics as meter;
#[cfg(not(feature = "metrics"))]
pub(crate) use unmeasured as meter;

/// The target of the spans of calls, for filters.
pub const CALL_TARGET: &str = "twilio_proxy::call";

/// The target of the spans of attempts, for filters.
pub const ATTEMPT_TARGET: &str = "twilio_proxy::attempt";
