use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use tower::Service;

use super::super::observe::ATTEMPT_TARGET;
use super::layer::{Hook, Settings};
use crate::call::{CallFacts, CallId, TraceContext};

/// Headers that come in further down: `Authorization` and `Host`.
const BELOW: usize = 2;

/// Headers that come with a body: `Content-Type` here, `Content-Length` further down.
const OF_A_BODY: usize = 2;

/// Adds the headers that every request has. Made by [`HeadersLayer`](super::HeadersLayer).
#[derive(Clone, Debug)]
pub struct Headers<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Headers<S> {
    pub(super) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B> Service<Request<B>> for Headers<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.settings.add_to(&mut request);
        self.inner.call(request)
    }
}

impl Settings {
    fn add_to<B>(&self, request: &mut Request<B>) {
        let facts = CallFacts::of(request.extensions());
        let content_type = facts.and_then(|facts| facts.content_type());
        let id = facts.and_then(|facts| facts.id());
        let body = if content_type.is_some() { OF_A_BODY } else { 0 };
        let room = self.fixed.len() + usize::from(self.request_id.is_some()) + body + BELOW;

        let headers = request.headers_mut();
        // Most requests have none by now, and then there is nothing to look for.
        let brings_some = !headers.is_empty();
        // The right size from the start: a map that grows moves everything it holds.
        headers.reserve(room);
        for (name, value) in &self.fixed {
            headers.insert(name, value.clone());
        }
        // What is no header value can't be sent; the server will miss it and say so.
        let content_type = content_type.map(|text| Bytes::from_static(text.as_bytes()));
        if let Some(Ok(value)) = content_type.map(HeaderValue::from_maybe_shared) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        if let Some(name) = &self.request_id
            && !headers.contains_key(name)
        {
            headers.insert(name, id_value(id.unwrap_or_else(|| self.ids.next())));
        }
        self.trace(headers, brings_some);
    }

    /// One that the request brings names the span that asks, so the attempt gets an id of its own. One from
    /// the hook is that of the attempt's own span.
    fn trace(&self, headers: &mut HeaderMap, brings_some: bool) {
        let has = |name| brings_some && headers.contains_key(name);
        let context = if has(TraceContext::PARENT) || has(TraceContext::STATE) {
            let brought = TraceContext::of(headers);
            if brought.is_none() {
                // What can't be read is not passed on, as the recommendation asks.
                headers.remove(TraceContext::PARENT);
                headers.remove(TraceContext::STATE);
            }
            brought.map(|parent| parent.child(&self.rng))
        } else {
            self.trace_context.as_ref().and_then(|Hook(current)| current())
        };
        if let Some(context) = context {
            context.put_into(headers);
            let span = tracing::Span::current();
            // The attempt's, where the layer right outside has opened one; nobody else's.
            if span.metadata().is_some_and(|it| it.target() == ATTEMPT_TARGET) {
                span.record("trace_id", tracing::field::display(context.trace_id()));
                span.record("span_id", tracing::field::display(context.span_id()));
            }
        }
    }
}

/// The id as a header value: one allocation, of the exact size.
fn id_value(id: CallId) -> HeaderValue {
    // Never the default: hexadecimal digits are printable.
    HeaderValue::from_bytes(&id.digits()).unwrap_or(HeaderValue::from_static(""))
}
