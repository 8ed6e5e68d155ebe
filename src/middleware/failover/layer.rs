use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower::Layer;

use super::{Base, Ejection, Endpoints, Failover};
use crate::call::{Live, Rng, StatusClassifier};

/// Sends each attempt to the best of several endpoints. See the [module](super) for which that is.
///
/// Requests name the first one, and are rewritten to the one that is chosen; a request for any
/// other place passes untouched. With one endpoint the layer does nothing. Its clones, and all
/// services that they make, share the endpoints and every setting but the classifier.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::{BoxError, Fault, FaultKind};
/// use twilio_proxy::middleware::failover::{Base, FailoverLayer};
/// use twilio_proxy::middleware::retry::RetryLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = FailoverLayer::new(Base::new(&"https://dublin.example".parse()?)?)
///     .or(Base::new(&"https://frankfurt.example".parse()?)?);
/// // Nobody is at home in Dublin.
/// let transport = service_fn(|request: Request<Full<Bytes>>| async move {
///     match request.uri().host() {
///         Some("frankfurt.example") => Ok(Response::new(())),
///         _ => Err(BoxError::from(Fault::new(FaultKind::Connect, "no route"))),
///     }
/// });
/// let stack = RetryLayer::new().layer(layer.layer(transport));
///
/// let request = Request::post("https://dublin.example/v1/Services").body(Full::default())?;
/// assert!(stack.oneshot(request).await.is_ok());
/// assert_eq!(layer.endpoints().health()[0].failures, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The inner service's errors pass through. Where each endpoint's circuit breaker refuses a call, the
/// refusal that ends soonest is the answer.
///
/// # Layer order
///
/// Inside retry, which does the repeating: this layer chooses anew for each attempt. Outside the
/// circuit breaker, so that there is one circuit an endpoint and an open one can be passed by.
/// Outside all that depends on where a request goes: credentials, signatures, the spans of attempts.
/// Outside the collector of bodies too, or a body that breaks off counts as a success.
///
/// # Cancellation
///
/// A dropped call is counted out at its endpoint at once. How long it had waited is remembered if it
/// was a peak; it is not held against the endpoint as a failure.
pub struct FailoverLayer<C = StatusClassifier> {
    settings: Arc<Settings<C>>,
}

/// What all services of one layer share.
pub(super) struct Settings<C> {
    pub(super) classifier: C,
    pub(super) endpoints: Endpoints,
}

impl FailoverLayer {
    /// A peak that is forgotten in no time is no peak, and a division by zero.
    pub(crate) const SHORTEST_DECAY: Duration = Duration::from_millis(1);

    /// One endpoint, the one that requests name, judged by [`StatusClassifier`]; add others with
    /// [`or`](Self::or).
    #[must_use]
    pub fn new(base: Base) -> Self {
        let (classifier, endpoints) = (StatusClassifier, Endpoints::new(base));
        Self { settings: Arc::new(Settings { classifier, endpoints }) }
    }
}

impl<C> FailoverLayer<C> {
    /// One more endpoint, after those that are there. One that is there already is not added again.
    #[must_use]
    pub fn or(self, base: Base) -> Self {
        self.settings.endpoints.add(base);
        self
    }

    /// Who judges responses: the place for a vendor's rules.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> FailoverLayer<D> {
        let endpoints = self.settings.endpoints.clone();
        FailoverLayer { settings: Arc::new(Settings { classifier, endpoints }) }
    }

    /// When endpoints are left out; a [`Live`] one may change while calls go on.
    #[must_use]
    pub fn ejection(self, ejection: impl Into<Live<Ejection>>) -> Self {
        self.settings.endpoints.group().ejection = ejection.into();
        self
    }

    /// How long it takes until a peak of latency is two thirds forgotten; 10 s by default, 1 ms at
    /// least.
    #[must_use]
    pub fn decay(self, decay: Duration) -> Self {
        self.settings.endpoints.group().decay = decay.max(FailoverLayer::SHORTEST_DECAY);
        self
    }

    /// Where chance comes from; a seeded generator replays a run.
    #[must_use]
    pub fn rng(self, rng: Rng) -> Self {
        self.settings.endpoints.group().rng = rng;
        self
    }

    /// The handle on the endpoints.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        self.settings.endpoints.clone()
    }
}

impl<S, C> Layer<S> for FailoverLayer<C> {
    type Service = Failover<S, C>;

    fn layer(&self, inner: S) -> Failover<S, C> {
        Failover::new(inner, Arc::clone(&self.settings))
    }
}

impl<C> Clone for FailoverLayer<C> {
    fn clone(&self) -> Self {
        Self { settings: Arc::clone(&self.settings) }
    }
}

impl<C> fmt::Debug for FailoverLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = &self.settings.endpoints;
        // Before the list is written, which takes the same lock.
        let decay = endpoints.group().decay;
        f.debug_struct("FailoverLayer")
            .field("endpoints", endpoints)
            .field("decay", &decay)
            .finish()
    }
}
