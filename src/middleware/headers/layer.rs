use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tower::Layer;

use super::{Headers, UserAgent};
use crate::call::{CallIds, Rng, TraceContext};

/// Adds the headers that every request has. See the [module](super) for whose value stays.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::headers::{HeadersLayer, UserAgent};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let agent = UserAgent::default().with("checkout/7.2")?;
/// let stack = ServiceBuilder::new().layer(HeadersLayer::new(agent)).service(service_fn(
///     |request: Request<Full<Bytes>>| async move {
///         assert_eq!(request.headers()["accept"], "application/json");
///         assert_eq!(request.headers()["x-request-id"].len(), 32);
///         Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
///     },
/// ));
/// stack.oneshot(Request::new(Full::default())).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Layer order
///
/// Below retry, so that what a retry keeps is small and a call that goes well pays for one map
/// only. Above the layers that authorize and sign, which may want to sign these headers too.
/// The request id is the name of the *call* and the same on each attempt, so it is safe to be down
/// here; but a request without facts, or whose facts have no name, gets a new one each time it
/// passes.
///
/// # Cancellation
///
/// The response future is the inner service's own.
#[derive(Clone, Debug)]
pub struct HeadersLayer {
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) fixed: HeaderMap,
    pub(super) request_id: Option<HeaderName>,
    pub(super) ids: Arc<CallIds>,
    pub(super) rng: Rng,
    pub(super) trace_context: Option<Hook>,
}

/// Who knows the trace context of the span that is current.
#[derive(Clone)]
pub(super) struct Hook(pub(super) Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl HeadersLayer {
    /// The `User-Agent` given, `Accept: application/json`, and a request id in `x-request-id`.
    ///
    /// The id is on by default because whoever runs the other end asks for one when something goes
    /// wrong, and after the fact it can't be added.
    #[must_use]
    pub fn new(agent: UserAgent) -> Self {
        let mut fixed = HeaderMap::new();
        fixed.insert(header::USER_AGENT, agent.into());
        fixed.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let request_id = Some(HeaderName::from_static("x-request-id"));
        let rng = Rng::random();
        let settings = Settings { fixed, request_id, ids: ids(&rng), rng, trace_context: None };
        Self { settings }
    }

    /// Adds a header to every request, or replaces one that is there.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.settings.fixed.insert(name, value);
        self
    }

    /// Sends the request id in another header than `x-request-id`.
    #[must_use]
    pub fn request_id_header(mut self, name: HeaderName) -> Self {
        self.settings.request_id = Some(name);
        self
    }

    /// Sends no request id. One that a request brings itself still goes out.
    #[must_use]
    pub fn without_request_id(mut self) -> Self {
        self.settings.request_id = None;
        self
    }

    /// Draws the ids of nameless requests, and those of spans, from `rng`, so that a seed replays them.
    #[must_use]
    pub fn rng(mut self, rng: &Rng) -> Self {
        self.settings.ids = ids(rng);
        self.settings.rng = rng.clone();
        self
    }

    /// Who knows where the program stands in a trace, for requests that don't say it themselves: an
    /// OpenTelemetry user gives the context of the current span, which is the attempt's own. It is asked
    /// for each attempt, on the caller's task and inside the attempt's span, so it must not block.
    #[must_use]
    pub fn trace_context(
        mut self,
        current: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.settings.trace_context = Some(Hook(Arc::new(current)));
        self
    }
}

impl Default for HeadersLayer {
    /// With this crate's own `User-Agent`.
    fn default() -> Self {
        Self::new(UserAgent::default())
    }
}

impl<S> Layer<S> for HeadersLayer {
    type Service = Headers<S>;

    fn layer(&self, inner: S) -> Headers<S> {
        Headers::new(inner, Arc::new(self.settings.clone()))
    }
}

fn ids(rng: &Rng) -> Arc<CallIds> {
    Arc::new(CallIds::new(rng))
}
