use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use tower::Service;

use super::layer::Settings;
use crate::call::{CallFacts, CallId};

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
    }
}

/// The id as a header value: one allocation, of the exact size.
fn id_value(id: CallId) -> HeaderValue {
    // Never the default: hexadecimal digits are printable.
    HeaderValue::from_bytes(&id.digits()).unwrap_or(HeaderValue::from_static(""))
}
