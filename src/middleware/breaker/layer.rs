use std::fmt;

use tower::Layer;

use super::status::{Hook, StateChange};
use super::{Breaker, Circuits, Settings};
use crate::call::{Live, Rng, StatusClassifier};

/// Gives each origin a circuit breaker. See the [module](super) for why and how.
///
/// All that one layer and its clones make share their circuits, and [`circuits`](Self::circuits) is
/// the handle on them.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::{BoxError, Fault, FaultKind, Rejection};
/// use twilio_proxy::middleware::breaker::{BreakerLayer, CircuitState, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = BreakerLayer::new(Settings::new().min_calls(5))
///     .on_change(|change| eprintln!("{} is {}", change.circuit.origin, change.circuit.state));
/// let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
///     let mut answer = Response::new(());
///     *answer.status_mut() = StatusCode::BAD_GATEWAY;
///     Ok::<_, BoxError>(answer)
/// }));
/// let request = || Request::get("http://api.test/").body(Full::<Bytes>::default());
///
/// for _ in 0..5 {
///     service.clone().oneshot(request()?).await?;
/// }
/// assert_eq!(layer.circuits().list()[0].state, CircuitState::Open);
///
/// // From here on calls fail at once, and say when to come back.
/// let error = service.oneshot(request()?).await.expect_err("refused");
/// let fault = Fault::find(error.as_ref()).expect("a fault");
/// assert_eq!(fault.kind(), FaultKind::Rejected(Rejection::CircuitOpen));
/// assert!(fault.retry_after().is_some());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A call that meets an open circuit, or a half-open one whose probes are all under way, fails with a
/// [`Fault`](crate::call::Fault) of kind `Rejected(CircuitOpen)`: nothing was sent, and
/// [`retry_after`](crate::call::Fault::retry_after) says when the circuit lets a call through, unless it
/// is held open by force. The inner service's errors pass through.
///
/// # Layer order
///
/// Inside retry, so that each attempt is judged by itself, and inside what chooses the endpoint, so that a
/// refusal is a reason to choose another. Outside the limits: a call that is refused takes no cell
/// and no slot, and one that is dropped in their queues is not held against the server. Outside the
/// attempt's timeout, whose faults are failures like others and which notes when an attempt leaves
/// the queues; without it the time in the queues counts as the server's. With a classifier that reads
/// the body: outside the layer that collects it.
///
/// # Cancellation
///
/// A dropped probe gives its place to the next. A dropped call is not counted, unless the server has
/// had it for as long as a slow call takes: then it was slow, whoever gave up first. A probe that is
/// kept and not polled loses its place after 30 seconds.
#[derive(Clone)]
pub struct BreakerLayer<C = StatusClassifier> {
    circuits: Circuits,
    classifier: C,
}

impl BreakerLayer {
    /// Breaks circuits by these settings, or by what a [`Live`] handle on some says.
    #[must_use]
    pub fn new(settings: impl Into<Live<Settings>>) -> Self {
        Self { circuits: Circuits::new(settings.into()), classifier: StatusClassifier }
    }
}

impl Default for BreakerLayer {
    /// The default [`Settings`].
    fn default() -> Self {
        Self::new(Settings::new())
    }
}

impl<C> BreakerLayer<C> {
    /// Who judges responses: the place for a vendor's rules. It is cloned for each call.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> BreakerLayer<D> {
        BreakerLayer { circuits: self.circuits, classifier }
    }

    /// A function that sees every change of state. It runs on the task of the call that brought the
    /// change about, or forced it, so it must not block. A second one replaces the first, for all
    /// clones of the layer.
    ///
    /// Two changes close upon each other, seen from two threads, may come in either order:
    /// [`CircuitStatus::sequence`](super::CircuitStatus::sequence) tells which was first.
    #[must_use]
    pub fn on_change(self, hook: impl Fn(&StateChange) + Send + Sync + 'static) -> Self {
        self.circuits.set_hook(Hook::new(hook));
        self
    }

    /// Where the jitter of open times comes from, for all clones of the layer; a seeded generator
    /// replays a run.
    #[must_use]
    pub fn rng(self, rng: Rng) -> Self {
        self.circuits.set_rng(rng);
        self
    }

    /// The circuits, to look at and to force.
    #[must_use]
    pub fn circuits(&self) -> &Circuits {
        &self.circuits
    }
}

impl<S, C: Clone> Layer<S> for BreakerLayer<C> {
    type Service = Breaker<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker::new(inner, self.circuits.clone(), self.classifier.clone())
    }
}

impl<C> fmt::Debug for BreakerLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerLayer")
            .field("settings", &self.circuits.settings())
            .field("circuits", &self.circuits)
            .finish()
    }
}
