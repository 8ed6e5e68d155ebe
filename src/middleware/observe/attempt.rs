use std::task::{Context, Poll};

use http::{HeaderName, Request, Response};
use tower::{Layer, Service};
use tracing::field::Empty;

use super::meter::Measure;
use super::{ResponseFuture, fields};
use crate::call::{CallFacts, Raise};

/// Opens one span for each attempt of a call.
///
/// This is the HTTP client span of OpenTelemetry's conventions; see the [module](super) for its
/// fields.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::observe::{AttemptSpanLayer, CallSpanLayer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let stack = ServiceBuilder::new()
///     .layer(CallSpanLayer::new())
///     // … a layer that tries again goes here …
///     .layer(AttemptSpanLayer::new())
///     .service(service_fn(|_: Request<Full<Bytes>>| async {
///         Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
///     }));
/// stack.oneshot(Request::new(Full::default())).await.unwrap();
/// # }
/// ```
///
/// # Layer order
///
/// Inside retry, so that each attempt has its own span, and inside the limits, so that the span
/// shows how long the *server* took and not how long the call stood in our queues. Above the layers
/// that add headers and credentials: the span has no business with either.
///
/// # Cancellation
///
/// Dropping the response future drops the inner one and then records `cancelled`. That is also how
/// an attempt ends when a deadline further out passes.
#[derive(Clone, Debug, Default)]
pub struct AttemptSpanLayer {
    request_id: Option<HeaderName>,
}

impl AttemptSpanLayer {
    /// Spans without the server's name for a request: which header holds that, only a vendor knows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the server's name for the request, from this header of the answer.
    #[must_use]
    pub fn request_id_header(mut self, header: HeaderName) -> Self {
        self.request_id = Some(header);
        self
    }
}

impl<S> Layer<S> for AttemptSpanLayer {
    type Service = AttemptSpan<S>;

    fn layer(&self, inner: S) -> AttemptSpan<S> {
        AttemptSpan { inner, request_id: self.request_id.clone() }
    }
}

/// Opens one span for each attempt. Made by [`AttemptSpanLayer`].
#[derive(Clone, Debug)]
pub struct AttemptSpan<S> {
    inner: S,
    request_id: Option<HeaderName>,
}

impl<S, Out, In> Service<Request<Out>> for AttemptSpan<S>
where
    S: Service<Request<Out>, Response = Response<In>>,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Out>) -> Self::Future {
        let span = open(&request);
        let measure = Measure::begin(&request, true);
        let request_id = self.request_id.as_ref();
        ResponseFuture::inside(span, measure, &mut self.inner, request, request_id)
    }
}

/// The macro looks at its values only when somebody listens.
fn open<B>(request: &Request<B>) -> tracing::Span {
    // Looked for where a value is: nowhere, if nobody listens.
    let facts = || CallFacts::of(request.extensions());
    tracing::info_span!(
        target: super::ATTEMPT_TARGET,
        "attempt",
        otel.name = %fields::AttemptName {
            method: request.method(),
            template: fields::template(facts()),
        },
        otel.kind = "client",
        otel.status_code = Empty,
        call.request_id = Empty,
        http.request.method = fields::method(request.method()),
        http.request.resend_count = resends(facts().map(|facts| facts.attempts())),
        url.template = fields::template(facts()),
        server.address = fields::address(request.uri()),
        server.port = fields::port(request.uri()),
        http.response.status_code = Empty,
        error.type = Empty,
        // Told by the layer that sends them.
        trace_id = Empty,
        span_id = Empty,
    )
}

/// How often the request was sent before: by the conventions not said of the first time.
fn resends(attempts: Option<u32>) -> Option<u32> {
    attempts.and_then(|attempts| attempts.checked_sub(1)).filter(|resends| *resends > 0)
}
