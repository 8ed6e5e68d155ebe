use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tower::Layer;

use super::shared::Shared;
use super::{Hedge, HedgeHandle, HedgeSettings};
use crate::call::StatusClassifier;

/// Starts a second try of a read beside one that is slow. See the [module](super) for when and why.
///
/// The services that one layer and its clones make share budget, latencies and settings.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::hedge::{HedgeLayer, HedgeSettings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = HedgeLayer::new(HedgeSettings::new().percent(2));
/// let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
///     Ok::<_, BoxError>(Response::new(()))
/// }));
/// service.oneshot(Request::get("http://api.test/").body(Full::default())?).await?;
///
/// let hedges = layer.handle();
/// assert_eq!(hedges.counts().fired, 0);
/// hedges.set(HedgeSettings::off());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// None of its own: what comes up is the response or error of one of the tries, unchanged.
///
/// # Panics
///
/// Where a hedge is to be waited for and the future is polled outside a tokio runtime with timers.
///
/// # Layer order
///
/// Inside the deadline, which holds for both tries, and inside a layer that makes one call of several
/// equal ones: one hedge is enough for all of them. Outside retry: the second try is a whole one, with
/// attempts and a back-off of its own, and a call that retry repeats is left to retry. So outside
/// failover, breaker and limits as well: the second try may go to another endpoint, and is counted by
/// every limit like any other. Outside authorization, so that no secret sits in the kept request. A
/// layer above that sets headers or extensions makes each read dearer, not wrong: they are kept too.
///
/// # Cancellation
///
/// A dropped future drops both tries at once. What a second try was paid with goes back to the budget
/// if it had not been made yet. The loser of a race is dropped before the winner's answer is returned.
#[derive(Clone)]
pub struct HedgeLayer<C = StatusClassifier> {
    classifier: C,
    condition: Option<Condition>,
    shared: Arc<Shared>,
}

/// Whether hedges may be fired now, as far as somebody else can tell.
type Condition = Arc<dyn Fn() -> bool + Send + Sync>;

impl HedgeLayer {
    /// Hedges by these settings, and judges responses by their status.
    #[must_use]
    pub fn new(settings: HedgeSettings) -> Self {
        let shared = Arc::new(Shared::new(settings));
        Self { classifier: StatusClassifier, condition: None, shared }
    }

    /// Hedges nothing until its [handle](Self::handle) says so: for a place in a stack whose type
    /// must not depend on a setting.
    #[must_use]
    pub fn off() -> Self {
        Self::new(HedgeSettings::off())
    }
}

impl<C> HedgeLayer<C> {
    /// Who judges responses: the place for a vendor's rules.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> HedgeLayer<D> {
        HedgeLayer { classifier, condition: self.condition, shared: self.shared }
    }

    /// Fires a hedge only while this holds, such as a circuit breaker that is closed and a rate limit
    /// that isn't throttled. Of several conditions all must hold.
    ///
    /// It is asked when a hedge is due, on the caller's task, so it must not block.
    #[must_use]
    pub fn only_while(mut self, condition: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(match self.condition.take() {
            None => Arc::new(condition),
            Some(earlier) => Arc::new(move || earlier() && condition()),
        });
        self
    }

    /// A handle to watch the hedges and to change their settings.
    #[must_use]
    pub fn handle(&self) -> HedgeHandle {
        HedgeHandle { shared: Arc::clone(&self.shared) }
    }
}

impl Default for HedgeLayer {
    fn default() -> Self {
        Self::new(HedgeSettings::new())
    }
}

impl<S: Clone, C: Clone> Layer<S> for HedgeLayer<C> {
    type Service = Hedge<S, C>;

    fn layer(&self, inner: S) -> Hedge<S, C> {
        let common = Common {
            spare: Mutex::new(inner.clone()),
            classifier: self.classifier.clone(),
            condition: self.condition.clone(),
            shared: Arc::clone(&self.shared),
        };
        Hedge::new(inner, Arc::new(common))
    }
}

impl<C> fmt::Debug for HedgeLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeLayer").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// What a service and its clones share.
pub(super) struct Common<S, C> {
    /// What second tries are cloned from. A clone of the service for each call, as retry makes one,
    /// would cost every read what one in a hundred needs. The lock is there so that a service need not
    /// be `Sync`, and is held for a clone.
    spare: Mutex<S>,
    pub(super) classifier: C,
    condition: Option<Condition>,
    pub(super) shared: Arc<Shared>,
}

impl<S, C> Common<S, C> {
    /// Whether nothing speaks against a hedge now.
    pub(super) fn permits(&self) -> bool {
        !self.shared.is_suspended() && self.condition.as_ref().is_none_or(|holds| holds())
    }
}

impl<S: Clone, C> Common<S, C> {
    /// A service for a second try, not ready yet.
    pub(super) fn spare(&self) -> S {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
