//! What the layers say, in the facade's words.

use std::sync::Arc;

use http::{Request, StatusCode};
use metrics::{Gauge, Key, Label, Level, Metadata, Recorder, SharedString, with_recorder};
use tokio::time::Instant;

use super::super::fields;
use super::bounded::{Names, OTHER};
use super::table::{self, Instrument};
use crate::call::CallFacts;

static HOSTS: Names = Names::new();
static ORIGINS: Names = Names::new();

static METADATA: Metadata<'static> =
    Metadata::new("twilio_proxy", Level::INFO, Some(module_path!()));

/// Whether anybody listens. The recorder that does nothing has no size, and nobody else's should.
fn is_heard(recorder: &dyn Recorder) -> bool {
    size_of_val(recorder) != 0
}

fn key(instrument: &Instrument, labels: Vec<Label>) -> Key {
    Key::from_parts(instrument.name, labels)
}

fn label(name: &'static str, value: impl Into<SharedString>) -> Label {
    Label::new(name, value)
}

fn add(instrument: &Instrument, labels: impl FnOnce() -> Vec<Label>) {
    with_recorder(|recorder| {
        if is_heard(recorder) {
            recorder.register_counter(&key(instrument, labels()), &METADATA).increment(1);
        }
    });
}

fn observe(instrument: &Instrument, value: f64, labels: Vec<Label>) {
    with_recorder(|recorder| {
        recorder.register_histogram(&key(instrument, labels), &METADATA).record(value);
    });
}

fn labels(of: &[(&'static str, SharedString)]) -> Vec<Label> {
    of.iter().map(|(name, value)| label(name, value.clone())).collect()
}

/// Sets a gauge.
pub(crate) fn gauge(instrument: &Instrument, of: &[(&'static str, SharedString)], value: f64) {
    with_recorder(|recorder| {
        recorder.register_gauge(&key(instrument, labels(of)), &METADATA).set(value);
    });
}

/// Sets a counter that is kept elsewhere.
pub(crate) fn absolute(instrument: &Instrument, of: &[(&'static str, SharedString)], value: u64) {
    with_recorder(|recorder| {
        recorder.register_counter(&key(instrument, labels(of)), &METADATA).absolute(value);
    });
}

/// An origin's name, as far as there is room.
pub(crate) fn origin(name: &str) -> SharedString {
    ORIGINS.get(name, 0).unwrap_or(SharedString::const_str(OTHER))
}

/// 1 for the state that it is in, 0 for all others that there are.
pub(crate) fn set_state(
    instrument: &Instrument,
    of: &SharedString,
    all: &[&'static str],
    is: &str,
) {
    for state in all {
        let value = if *state == is { 1.0 } else { 0.0 };
        gauge(instrument, &[("origin", of.clone()), ("state", (*state).into())], value);
    }
}

/// An attempt is made again.
pub(crate) fn retried(operation: &'static str, reason: &'static str) {
    add(&table::RETRIES, || by_operation(operation, reason));
}

/// An attempt is not made again, though another might have ended better.
pub(crate) fn denied(operation: &'static str, reason: &'static str) {
    add(&table::RETRIES_DENIED, || by_operation(operation, reason));
}

fn by_operation(operation: &'static str, reason: &'static str) -> Vec<Label> {
    let mut labels = vec![label("reason", reason)];
    if !operation.is_empty() {
        labels.push(label("call.operation", operation));
    }
    labels
}

/// A circuit has come to another state.
pub(crate) fn breaker(of: &crate::call::Origin, state: &'static str) {
    add(&table::BREAKER_TRANSITIONS, || {
        vec![label("origin", origin(&of.to_string())), label("state", state)]
    });
}

/// Somebody stands in line.
#[derive(Debug)]
pub(crate) struct Wait {
    limit: &'static str,
    since: Option<Instant>,
}

impl Wait {
    pub(crate) fn begin(limit: &'static str) -> Self {
        let since = with_recorder(|recorder| is_heard(recorder).then(Instant::now));
        Self { limit, since }
    }

    /// It is over: the attempt goes, or was refused.
    pub(crate) fn end(&mut self, admitted: bool) {
        self.tell(if admitted { "admitted" } else { "refused" });
    }

    fn tell(&mut self, outcome: &'static str) {
        if let Some(since) = self.since.take() {
            let labels = vec![label("limit", self.limit), label("outcome", outcome)];
            observe(&table::LIMIT_WAIT, since.elapsed().as_secs_f64(), labels);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.tell("cancelled");
    }
}

/// A call or an attempt under way, for somebody who listens.
pub(crate) struct Measure {
    since: Instant,
    /// What is known from the start; for an attempt alone.
    attempt: Option<(Vec<Label>, Gauge)>,
}

impl Measure {
    /// Begins to measure, where anybody listens.
    pub(crate) fn begin<B>(request: &Request<B>, is_attempt: bool) -> Option<Self> {
        with_recorder(|recorder| {
            if !is_heard(recorder) {
                return None;
            }
            let attempt = is_attempt.then(|| {
                let mut labels = wire(request);
                let active = key(&table::ACTIVE_REQUESTS, labels.clone());
                let active = recorder.register_gauge(&active, &METADATA);
                active.increment(1.0);
                let facts = CallFacts::of(request.extensions());
                if let Some(template) = fields::template(facts) {
                    labels.push(label("url.template", template));
                }
                (labels, active)
            });
            Some(Self { since: Instant::now(), attempt })
        })
    }

    /// Takes the end: of what fault, with what status, and what may have come of a failed call.
    pub(crate) fn end(
        mut self,
        facts: &Arc<CallFacts>,
        status: Option<StatusCode>,
        failure: Option<(&'static str, &'static str)>,
    ) {
        let seconds = self.since.elapsed().as_secs_f64();
        let mut labels = Vec::with_capacity(3);
        let is_attempt = match &mut self.attempt {
            Some((known, _)) => {
                labels = std::mem::take(known);
                true
            }
            None => false,
        };
        // An answer that is a failure has no kind but its status.
        let code = status.map(code);
        if let Some((kind, effect)) = failure {
            let kind = match &code {
                Some(code) if kind.is_empty() => code.clone(),
                _ => kind.into(),
            };
            labels.push(label("error.type", kind));
            if !is_attempt {
                labels.push(label("call.effect", effect));
            }
        }
        if is_attempt {
            labels.extend(code.map(|code| label("http.response.status_code", code)));
            observe(&table::REQUEST_DURATION, seconds, labels);
            return;
        }
        let operation = fields::operation(Some(facts));
        let operation = || operation.map(|name| label("call.operation", name));
        labels.extend(operation());
        observe(&table::CALL_DURATION, seconds, labels);
        let attempts = f64::from(facts.attempts());
        observe(&table::CALL_ATTEMPTS, attempts, operation().into_iter().collect());
    }
}

impl Drop for Measure {
    fn drop(&mut self) {
        if let Some((_, active)) = &self.attempt {
            active.decrement(1.0);
        }
    }
}

impl std::fmt::Debug for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measure").field("since", &self.since).finish_non_exhaustive()
    }
}

/// A status, if HTTP registers it: a server could make up hundreds.
fn code(status: StatusCode) -> SharedString {
    match status.canonical_reason() {
        Some(_) => status.as_str().to_owned().into(),
        None => SharedString::const_str(OTHER),
    }
}

fn wire<B>(request: &Request<B>) -> Vec<Label> {
    // Room for what the end has to add.
    let mut labels = Vec::with_capacity(6);
    labels.push(label("http.request.method", fields::method(request.method())));
    let Some(host) = fields::address(request.uri()) else { return labels };
    let port = fields::port(request.uri());
    match HOSTS.get(host, port.unwrap_or(0)) {
        Some(host) => {
            labels.push(label("server.address", host));
            labels.extend(port.map(|port| label("server.port", port_text(port))));
        }
        None => labels.push(label("server.address", OTHER)),
    }
    labels
}

fn port_text(port: u16) -> SharedString {
    match port {
        443 => SharedString::const_str("443"),
        80 => SharedString::const_str("80"),
        other => other.to_string().into(),
    }
}
