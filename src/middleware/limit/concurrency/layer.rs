use std::fmt;
use std::sync::Arc;

use tower::Layer;

use super::super::line::Line;
use super::ConcurrencyLimit;

/// How many calls may wait by default: enough for a burst, too few to hide an outage for long.
const PLACES: usize = 1024;

/// Limits how many calls are under way at once. See the [module](super) for why and how.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::limit::ConcurrencyLimitLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = ConcurrencyLimitLayer::new(64);
/// let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
///     Ok::<_, BoxError>(Response::new(()))
/// }));
/// service.oneshot(Request::get("http://api.test/").body(Full::default())?).await?;
///
/// // The layer, and any clone of it, is the handle on the limit that all its services share.
/// layer.set_limit(16);
/// assert_eq!((layer.limit(), layer.in_flight(), layer.waiting()), (16, 0, 0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A call that finds the line too long for its priority fails with a
/// [`Fault`](crate::call::Fault) of kind `Rejected(QueueFull)`. The inner service's errors pass
/// through.
///
/// # Layer order
///
/// Inside retry, so that a call that backs off holds no slot, and inside the rate limit, so that
/// one that waits for its cell holds none either. Outside the attempt's span and timeout, which
/// time the server and not our queues.
///
/// The slot is held until the response future completes. Above the layer that collects the body
/// that means the whole answer is in; without one, a body still being read is not counted.
///
/// # Cancellation
///
/// A dropped call gives back its slot, or its place in the line, at once, and those behind it keep
/// their order. A waiting future must be polled or dropped, as with any queue: one that is kept and
/// not polled keeps the slot that it is given.
#[derive(Clone)]
pub struct ConcurrencyLimitLayer {
    line: Arc<Line>,
    places: usize,
}

impl ConcurrencyLimitLayer {
    /// Lets so many calls go at once; 0 counts as 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { line: Arc::new(Line::new(limit.max(1))), places: PLACES }
    }

    /// How many calls may wait, 1024 by default. Calls of lower
    /// [`Priority`](crate::call::Priority) are refused before the line is full.
    #[must_use]
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.places = calls;
        self
    }

    /// Changes the limit of everything this layer and its clones have made; 0 counts as 1.
    ///
    /// A higher limit lets calls that wait go now. A lower one interrupts nothing: calls under way
    /// end as they would have, and no other goes until there are fewer than the limit.
    pub fn set_limit(&self, limit: usize) {
        self.line.set_slots(limit.max(1));
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.line.slots()
    }

    /// How many calls are under way, those included that have a slot and are about to go.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.line.taken()
    }

    /// How many calls wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimit::new(inner, Arc::clone(&self.line), self.places)
    }
}

impl fmt::Debug for ConcurrencyLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitLayer")
            .field("limit", &self.limit())
            .field("max_waiting", &self.places)
            .finish()
    }
}
