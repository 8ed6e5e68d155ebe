//! How things are called in a span.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Uri, uri::Scheme};

use crate::call::{CallFacts, CallId, Fault, FaultKind, Rejection, TraceContext};

/// The longest request id that is recorded, in bytes. Twilio's have 34; the rest is somebody's
/// mistake.
const LONGEST_ID: usize = 128;

pub(super) fn operation(facts: Option<&Arc<CallFacts>>) -> Option<&'static str> {
    facts.map(|facts| facts.operation()).filter(|name| !name.is_empty())
}

pub(super) fn template(facts: Option<&Arc<CallFacts>>) -> Option<&'static str> {
    facts.map(|facts| facts.template()).filter(|template| !template.is_empty())
}

pub(super) fn id(facts: Option<&Arc<CallFacts>>) -> Option<tracing::field::DisplayValue<CallId>> {
    facts.and_then(|facts| facts.id()).map(tracing::field::display)
}

/// The trace that the caller belongs to, if the call brings it.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<impl tracing::Value + use<>> {
    TraceContext::of(headers).map(|context| tracing::field::display(context.trace_id()))
}

/// The method, or `_OTHER`: a method of one's own could be any text.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

/// The host, an IPv6 address without its brackets.
pub(super) fn address(uri: &Uri) -> Option<&str> {
    uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']'))
}

pub(super) fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Some(443),
        Some(scheme) if *scheme == Scheme::HTTP => Some(80),
        _ => None,
    })
}

/// `POST /v1/Services/{ServiceSid}/Sessions`, or `POST`; the conventions have `HTTP` for an unknown
/// method.
pub(super) struct AttemptName<'a> {
    pub(super) method: &'a Method,
    pub(super) template: Option<&'static str>,
}

impl fmt::Display for AttemptName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match method(self.method) {
            "_OTHER" => "HTTP",
            known => known,
        })?;
        self.template.map_or(Ok(()), |template| write!(f, " {template}"))
    }
}

/// The operation, or the name that an attempt would have.
pub(super) struct CallName<'a> {
    pub(super) operation: Option<&'static str>,
    pub(super) attempt: AttemptName<'a>,
}

impl fmt::Display for CallName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Some(operation) => f.write_str(operation),
            None => self.attempt.fmt(f),
        }
    }
}

/// The server's name for a request, as far as it can be trusted in a log.
pub(super) fn request_id(value: &HeaderValue) -> Option<&str> {
    // Visible ASCII only, so it can't break a line or be cut inside a character.
    let text = value.to_str().ok()?;
    Some(&text[..text.len().min(LONGEST_ID)])
}

/// `error.type` of an error: few values, and never the text of the error.
pub(super) fn error_type(error: &(dyn Error + 'static)) -> &'static str {
    match Fault::find(error).map(Fault::kind) {
        Some(FaultKind::Config) => "config",
        Some(FaultKind::Credentials) => "credentials",
        Some(FaultKind::Rejected(Rejection::RateLimited)) => "rate_limited",
        Some(FaultKind::Rejected(Rejection::QueueFull)) => "queue_full",
        Some(FaultKind::Rejected(Rejection::Shed)) => "shed",
        Some(FaultKind::Rejected(Rejection::CircuitOpen)) => "circuit_open",
        Some(FaultKind::Rejected(Rejection::Closed)) => "closed",
        Some(FaultKind::Deadline) => "deadline",
        Some(FaultKind::AttemptTimeout) => "attempt_timeout",
        Some(FaultKind::Connect) => "connect",
        Some(FaultKind::Unprocessed) => "unprocessed",
        Some(FaultKind::Interrupted) => "interrupted",
        Some(FaultKind::Incomplete) => "incomplete",
        Some(FaultKind::BodyTooLarge { .. }) => "body_too_large",
        None => "_OTHER",
    }
}
