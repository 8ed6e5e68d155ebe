use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};

use http::{HeaderName, Method, Request, Response};
use tower::{Layer as _, Service, ServiceBuilder, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::{ATTEMPT_TARGET, AttemptSpanLayer, CALL_TARGET, CallSpanLayer};
use crate::call::{
    BoxError, CallFacts, CallIds, Effect, Fault, FaultKind, Idempotency, Rejection, Rng,
};

/// The fields of a span, as text.
type Fields = BTreeMap<&'static str, String>;

/// Every span that has ended, by its target.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(&'static str, Fields)>>>);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        let span = context.span(id).expect("a span");
        if let Some(parent) = span.parent() {
            fields.insert("parent", parent.metadata().target().to_owned());
        }
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("a span");
        let mut extensions = span.extensions_mut();
        record.record(&mut Reader(extensions.get_mut::<Fields>().expect("fields")));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("a span");
        let fields = span.extensions_mut().remove::<Fields>().expect("fields");
        self.0.lock().expect("the list").push((span.metadata().target(), fields));
    }
}

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Spans {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let spans = Self::default();
        let subscriber = tracing_subscriber::registry().with(spans.clone());
        (spans, tracing::subscriber::set_default(subscriber))
    }

    /// The spans of one target that have ended since the last look.
    fn take(&self, target: &str) -> Vec<Fields> {
        let mut list = self.0.lock().expect("the list");
        let (taken, rest) = std::mem::take(&mut *list).into_iter().partition(|(t, _)| *t == target);
        *list = rest;
        taken.into_iter().map(|(_, fields)| fields).collect()
    }
}

fn facts() -> CallFacts {
    CallFacts::new("sessions.create", Idempotency::Unsafe)
        .with_template("/v1/Services/{ServiceSid}/Sessions")
}

fn request(facts: &Arc<CallFacts>) -> Request<()> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("https://proxy.twilio.com/v1/Services/KS1/Sessions?PageToken=x")
        .body(())
        .expect("a request");
    request.extensions_mut().insert(Arc::clone(facts));
    request
}

/// One call that ends like this, and the span it leaves.
async fn call_span(facts: CallFacts, outcome: Result<u16, BoxError>) -> Fields {
    let (spans, _listening) = Spans::listen();
    let mut outcome = Some(outcome);
    let layer = CallSpanLayer::new().request_id_header(HeaderName::from_static("the-id"));
    let mut service = layer.layer(service_fn(move |_: Request<()>| {
        let outcome = outcome.take().expect("one call");
        async {
            let response = Response::builder().header("the-id", "RQ1");
            outcome.map(|status| response.status(status).body(()).expect("a response"))
        }
    }));
    let _ = service.call(request(&Arc::new(facts))).await;
    spans.take(CALL_TARGET).pop().expect("one span")
}

fn of(fields: &Fields, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| fields.get(name).cloned().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_span_says_what_was_called_and_how_it_ended() {
    let id = CallIds::new(&Rng::seeded(1)).next();
    let facts = facts().with_id(id);
    facts.begin_attempt();
    let span = call_span(facts, Ok(201)).await;
    let expected = [
        ("call.attempts", "1"),
        ("call.id", &id.to_string()),
        ("call.operation", "sessions.create"),
        ("call.request_id", "RQ1"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("otel.kind", "internal"),
        ("otel.name", "sessions.create"),
        ("server.address", "proxy.twilio.com"),
        ("server.port", "443"),
        ("url.template", "/v1/Services/{ServiceSid}/Sessions"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(span, Fields::from(expected), "these and no others");
}

#[tokio::test]
async fn each_way_to_fail_has_its_type_and_effect() {
    let fault = |kind| Err(Fault::new(kind, "x").into());
    for (outcome, kind, effect) in [
        (Ok(404), "404", "none"),
        (Ok(503), "503", "unknown"),
        (fault(FaultKind::Config), "config", "none"),
        (fault(FaultKind::Rejected(Rejection::RateLimited)), "rate_limited", "none"),
        (fault(FaultKind::Rejected(Rejection::QueueFull)), "queue_full", "none"),
        (fault(FaultKind::Rejected(Rejection::Closed)), "closed", "none"),
        (fault(FaultKind::Deadline), "deadline", "unknown"),
        (fault(FaultKind::AttemptTimeout), "attempt_timeout", "unknown"),
        (fault(FaultKind::Connect), "connect", "none"),
        (fault(FaultKind::Unprocessed), "unprocessed", "none"),
        (fault(FaultKind::Interrupted), "interrupted", "unknown"),
        (fault(FaultKind::Incomplete), "incomplete", "unknown"),
        (fault(FaultKind::BodyTooLarge { limit: 1 }), "body_too_large", "unknown"),
        (Err("odd: https://user:pw@host/".into()), "_OTHER", "unknown"),
    ] {
        let span = call_span(facts(), outcome).await;
        let told = of(&span, &["error.type", "call.effect", "otel.status_code"]);
        assert_eq!(told, [kind, effect, "ERROR"]);
        assert!(!format!("{span:?}").contains("pw@"), "no message of an error is told");
    }
    let status = Fault::new(FaultKind::Incomplete, "x").with_status(http::StatusCode::OK);
    let span = call_span(facts(), Err(status.into())).await;
    assert_eq!(span["http.response.status_code"], "200");
    let span = call_span(facts(), Ok(302)).await;
    assert_eq!(of(&span, &["error.type", "call.effect", "otel.status_code"]), ["", "", ""]);
}

#[tokio::test]
async fn an_earlier_attempt_of_unknown_effect_shows_in_the_effect_of_the_call() {
    let facts = facts();
    facts.mark_reached();
    facts.mark_sent();
    let span = call_span(facts, Err(Fault::new(FaultKind::Connect, "refused").into())).await;
    assert_eq!(of(&span, &["error.type", "call.effect"]), ["connect", "unknown"]);
}

#[tokio::test]
async fn a_dropped_call_is_recorded_as_cancelled() {
    let (spans, _listening) = Spans::listen();
    for sent in [false, true] {
        let facts = Arc::new(facts());
        let mut service = CallSpanLayer::new().layer(service_fn(|request: Request<()>| {
            let facts = CallFacts::of(request.extensions()).expect("facts");
            facts.mark_reached();
            if sent {
                facts.mark_sent();
            }
            pending::<Result<Response<()>, BoxError>>()
        }));
        drop(service.call(request(&facts)));
        let span = spans.take(CALL_TARGET).pop().expect("one span");
        let effect = if sent { Effect::Unknown } else { Effect::None };
        assert_eq!(of(&span, &["error.type", "call.effect"]), ["cancelled", effect.as_str()]);
        assert_eq!(of(&span, &["otel.status_code", "call.attempts"]), ["ERROR", "1"]);
    }
}

#[tokio::test]
async fn attempts_are_client_spans_inside_the_span_of_their_call() {
    let (spans, _listening) = Spans::listen();
    let attempt = AttemptSpanLayer::new()
        .layer(service_fn(|_: Request<()>| async { Ok::<_, BoxError>(Response::new(())) }));
    // A retry in its simplest form: twice, whatever comes of it.
    let twice = service_fn(move |first: Request<()>| {
        let mut attempt = attempt.clone();
        async move {
            let facts = Arc::clone(CallFacts::of(first.extensions()).expect("facts"));
            facts.begin_attempt();
            attempt.call(first).await?;
            facts.begin_attempt();
            attempt.call(request(&facts)).await
        }
    });
    let mut stack = ServiceBuilder::new().layer(CallSpanLayer::new()).service(twice);
    stack.call(request(&Arc::new(facts()))).await.expect("an answer");

    let call = spans.take(CALL_TARGET).pop().expect("one span");
    assert_eq!(call["call.attempts"], "2");
    let attempts = spans.take(ATTEMPT_TARGET);
    assert_eq!(attempts.len(), 2);
    let expected = [
        ("http.request.method", "POST"),
        ("http.request.resend_count", "1"),
        ("http.response.status_code", "200"),
        ("otel.kind", "client"),
        ("otel.name", "POST /v1/Services/{ServiceSid}/Sessions"),
        ("parent", CALL_TARGET),
        ("server.address", "proxy.twilio.com"),
        ("server.port", "443"),
        ("url.template", "/v1/Services/{ServiceSid}/Sessions"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(attempts[1], Fields::from(expected));
    assert!(!attempts[0].contains_key("http.request.resend_count"), "not of the first");
}

#[tokio::test]
async fn a_request_that_no_gateway_made_is_told_by_its_host_alone() {
    let (spans, _listening) = Spans::listen();
    let mut stack = ServiceBuilder::new()
        .layer(CallSpanLayer::new())
        .layer(AttemptSpanLayer::new())
        .service(service_fn(|_: Request<()>| async { Ok::<_, BoxError>(Response::new(())) }));
    let method = Method::from_bytes(b"SECRET-WORD").expect("a method");
    let uri = "http://[2001:db8::1]/+15551234567?token=s3cret";
    let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
    stack.call(request).await.expect("an answer");
    let call = spans.take(CALL_TARGET).pop().expect("one span");
    let attempt = spans.take(ATTEMPT_TARGET).pop().expect("one span");
    for span in [call, attempt] {
        let told =
            of(&span, &["otel.name", "http.request.method", "server.address", "server.port"]);
        assert_eq!(told, ["HTTP", "_OTHER", "2001:db8::1", "80"]);
        assert!(!span.contains_key("url.template") && !span.contains_key("call.operation"));
    }
}

#[tokio::test]
async fn what_is_logged_below_is_inside_the_span_at_every_poll() {
    let (_spans, _listening) = Spans::listen();
    let inside = || tracing::Span::current().metadata().map(|metadata| metadata.target());
    let mut service = CallSpanLayer::new().layer(service_fn(move |_: Request<()>| {
        assert_eq!(inside(), Some(CALL_TARGET), "in `call`");
        async move {
            assert_eq!(inside(), Some(CALL_TARGET), "at the first poll");
            tokio::task::yield_now().await;
            assert_eq!(inside(), Some(CALL_TARGET), "at the second");
            Ok::<_, BoxError>(Response::new(()))
        }
    }));
    let call = service.call(request(&Arc::new(facts())));
    assert_eq!(inside(), None, "and not in between");
    call.await.expect("an answer");
    assert_eq!(inside(), None);
}

#[tokio::test]
async fn where_nobody_listens_the_request_passes_untouched() {
    // Not simply without a subscriber: the tests beside this one have theirs, and until one is set
    // on this thread too, theirs decide what is on.
    let deaf = tracing_subscriber::registry().with(tracing_subscriber::filter::LevelFilter::OFF);
    let _deaf = tracing::subscriber::set_default(deaf);
    let mut service = CallSpanLayer::new().layer(AttemptSpanLayer::new().layer(service_fn(
        |request: Request<()>| async move {
            let facts = CallFacts::of(request.extensions());
            Ok::<_, BoxError>(Response::new(facts.is_none()))
        },
    )));
    let response = service.call(Request::new(())).await.expect("an answer");
    assert!(response.into_body(), "no facts were made for a span that isn't there");
}
