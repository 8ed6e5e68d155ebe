use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderName, Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::Service;
use tracing::Span;

use super::fields;
use super::meter::Measure;
use crate::call::{CallFacts, Effect, Fault, Raise};

pin_project! {
    /// The response of a [`CallSpan`](super::CallSpan) or an [`AttemptSpan`](super::AttemptSpan).
    ///
    /// Every poll of the inner future happens inside the span.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // Dropped first: what it still has to say of itself belongs into the span.
        #[pin]
        future: F,
        // Boxed, since every layer above moves this future, and mostly nobody listens.
        open: Option<Box<Open>>,
    }
}

impl<F> ResponseFuture<F> {
    /// Calls the service inside the span, or past it where nobody listens.
    pub(super) fn inside<S, B>(
        span: Span,
        measure: Option<Measure>,
        service: &mut S,
        mut request: Request<B>,
        request_id: Option<&HeaderName>,
    ) -> Self
    where
        S: Service<Request<B>, Future = F>,
    {
        if span.is_disabled() && measure.is_none() {
            return Self { future: service.call(request), open: None };
        }
        let facts = CallFacts::ensure(&mut request);
        let open = Open { span, measure, facts, request_id: request_id.cloned(), ended: false };
        Self { future: open.span.in_scope(|| service.call(request)), open: Some(Box::new(open)) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Raise,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(open) = this.open else { return this.future.poll(cx) };
        let outcome = {
            let _entered = open.span.enter();
            ready!(this.future.poll(cx))
        };
        if let Some(open) = this.open.take() {
            match &outcome {
                Ok(response) => open.answered(response),
                Err(error) => open.failed(error.as_ref()),
            }
        }
        Poll::Ready(outcome)
    }
}

/// A span that somebody listens to, or a measurement, that has not been told its end.
///
/// Both kinds of span end in the same way. A field that a span does not have (an attempt has no
/// `call.attempts`) is passed over by `record`.
#[derive(Debug)]
struct Open {
    span: Span,
    measure: Option<Measure>,
    facts: Arc<CallFacts>,
    request_id: Option<HeaderName>,
    ended: bool,
}

impl Open {
    fn answered<B>(mut self, response: &Response<B>) {
        let status = response.status();
        self.span.record("http.response.status_code", status.as_u16());
        let id = self.request_id.as_ref().and_then(|name| response.headers().get(name));
        if let Some(id) = id.and_then(fields::request_id) {
            self.span.record("call.request_id", id);
        }
        let failed = status.is_client_error() || status.is_server_error();
        // What kind of failure it is, the status says.
        let failure = failed.then(|| ("", self.error(status.as_str(), Effect::of_status(status))));
        self.end(Some(status), failure);
    }

    fn failed(mut self, error: &(dyn Error + 'static)) {
        let fault = Fault::find(error);
        let status = fault.and_then(Fault::status);
        if let Some(status) = status {
            self.span.record("http.response.status_code", status.as_u16());
        }
        // A foreign error proves nothing by itself, so the facts have the word.
        let effect = fault.map_or_else(|| self.facts.effect(), Fault::effect);
        let kind = fields::error_type(error);
        let effect = self.error(kind, effect);
        self.end(status, Some((kind, effect)));
    }

    /// Says what may have come of it, in the end.
    fn error(&self, kind: &str, last: Effect) -> &'static str {
        // Whatever came of the last attempt, an earlier one may have acted.
        let earlier = if self.facts.any_unknown() { Effect::Unknown } else { Effect::None };
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", kind);
        let effect = last.max(earlier).as_str();
        self.span.record("call.effect", effect);
        effect
    }

    fn end(&mut self, status: Option<StatusCode>, failure: Option<(&'static str, &'static str)>) {
        self.span.record("call.attempts", self.facts.attempts());
        if let Some(measure) = self.measure.take() {
            measure.end(&self.facts, status, failure);
        }
        self.ended = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            let effect = self.error("cancelled", self.facts.effect());
            self.end(None, Some(("cancelled", effect)));
        }
    }
}
