use std::task::{Context, Poll};

use http::{HeaderName, Request, Response};
use tower::{Layer, Service};
use tracing::field::Empty;

use super::meter::Measure;
use super::{ResponseFuture, fields};
use crate::call::{CallFacts, Raise};

/// Opens one span for each call.
///
/// The span ends when the call does, with what came of it; see the [module](super) for its fields.
/// A call that is dropped ends as `cancelled`.
///
/// ```
/// use bytes::Bytes;
/// use http::{HeaderName, Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::observe::CallSpanLayer;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let stack = ServiceBuilder::new()
///     .layer(CallSpanLayer::new().request_id_header(HeaderName::from_static("twilio-request-id")))
///     .service(service_fn(|_: Request<Full<Bytes>>| async {
///         tracing::info!("inside the span");
///         Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
///     }));
/// stack.oneshot(Request::new(Full::default())).await.unwrap();
/// # }
/// ```
///
/// # Layer order
///
/// Outermost: the span then covers queues, back-off and every attempt, and what other layers log is
/// inside it.
///
/// # Cancellation
///
/// Dropping the response future drops the inner one, and then records that the call was cancelled
/// and what it may have done.
#[derive(Clone, Debug, Default)]
pub struct CallSpanLayer {
    request_id: Option<HeaderName>,
}

impl CallSpanLayer {
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

impl<S> Layer<S> for CallSpanLayer {
    type Service = CallSpan<S>;

    fn layer(&self, inner: S) -> CallSpan<S> {
        CallSpan { inner, request_id: self.request_id.clone() }
    }
}

/// Opens one span for each call. Made by [`CallSpanLayer`].
#[derive(Clone, Debug)]
pub struct CallSpan<S> {
    inner: S,
    request_id: Option<HeaderName>,
}

impl<S, Out, In> Service<Request<Out>> for CallSpan<S>
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
        let measure = Measure::begin(&request, false);
        let request_id = self.request_id.as_ref();
        ResponseFuture::inside(span, measure, &mut self.inner, request, request_id)
    }
}

/// The macro looks at its values only when somebody listens.
fn open<B>(request: &Request<B>) -> tracing::Span {
    // Looked for where a value is: nowhere, if nobody listens.
    let facts = || CallFacts::of(request.extensions());
    tracing::info_span!(
        target: super::CALL_TARGET,
        "call",
        otel.name = %fields::CallName {
            operation: fields::operation(facts()),
            attempt: fields::AttemptName {
                method: request.method(),
                template: fields::template(facts()),
            },
        },
        otel.kind = "internal",
        otel.status_code = Empty,
        call.operation = fields::operation(facts()),
        call.id = fields::id(facts()),
        call.attempts = Empty,
        call.effect = Empty,
        call.request_id = Empty,
        http.request.method = fields::method(request.method()),
        url.template = fields::template(facts()),
        server.address = fields::address(request.uri()),
        server.port = fields::port(request.uri()),
        http.response.status_code = Empty,
        error.type = Empty,
        trace_id = fields::trace_id(request.headers()),
    )
}
