use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use tower::Layer;

use super::shared::{Rig, Settings, Shared};
use super::{ConcurrencyLimit, Fixed, LimitPolicy, LimitStats};
use crate::call::StatusClassifier;

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
/// let layer = ConcurrencyLimitLayer::new(64).max_waiting(256);
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
/// [`adaptive`](Self::adaptive) takes a policy that learns instead of a number.
///
/// # Errors
///
/// A [`Fault`](crate::call::Fault) whose effect is `None`, and which says when to come back where
/// that is known:
///
/// - `Rejected(QueueFull)` for a call that finds the line too long for its priority;
/// - `Rejected(Shed)` for one whose turn would come, or comes, after its deadline or so shortly
///   before it that no answer is to be expected in time, and for one that waits and
///   has to give its place up to a call of higher priority;
/// - `Deadline` for one whose deadline passed in line, where no deadline layer above has dropped it.
///
/// The inner service's errors pass through.
///
/// # Layer order
///
/// Inside retry, so that a call that backs off holds no slot, and inside the rate limit, so that
/// one that waits for its cell holds none either. Outside the attempt's span and timeout, which
/// time the server and not our queues. A policy that learns wants the attempt's timeout inside, for
/// what it has to say, and the layer that collects the body, so that the classifier can read it.
///
/// The slot is held until the response future completes. Above the layer that collects the body
/// that means the whole answer is in; without one, a body still being read is not counted.
///
/// # Cancellation
///
/// A dropped call gives back its slot, or its place in the line, at once, and those behind it keep
/// their order. A waiting future must be polled or dropped, as with any queue: one that is kept and
/// not polled keeps the slot that it is given. A policy that learns is told of an attempt that was
/// dropped, and after what time.
pub struct ConcurrencyLimitLayer<P = Fixed, C = StatusClassifier> {
    shared: Arc<Shared<P>>,
    settings: Settings<C>,
}

impl ConcurrencyLimitLayer {
    /// Lets so many calls go at once; 0 counts as 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::adaptive(Fixed::new(limit))
    }

    /// Lets as many calls go at once as this policy finds right; see [which](super#which-policy-when).
    ///
    /// ```
    /// use twilio_proxy::middleware::limit::ConcurrencyLimitLayer;
    /// use twilio_proxy::middleware::limit::concurrency::Aimd;
    ///
    /// let layer = ConcurrencyLimitLayer::adaptive(Aimd::new(100).bounds(10, 100));
    /// assert_eq!(layer.stats().limit, 100);
    /// ```
    #[must_use]
    pub fn adaptive<P: LimitPolicy>(policy: P) -> ConcurrencyLimitLayer<P> {
        let settings = Settings { places: PLACES, classifier: StatusClassifier, header: None };
        ConcurrencyLimitLayer { shared: Arc::new(Shared::new(policy)), settings }
    }
}

impl<P: LimitPolicy, C> ConcurrencyLimitLayer<P, C> {
    /// How many calls may wait, 1024 by default. Calls of lower
    /// [`Priority`](crate::call::Priority) are refused before the line is full, and give up their
    /// places to those of higher priority when it is.
    #[must_use]
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.settings.places = calls;
        self
    }

    /// Judges by this classifier what a response says of concurrency, by its status unless told
    /// otherwise. A policy that learns takes [`Throttled`](crate::call::Class::Throttled) for "too
    /// much at once" and [`Success`](crate::call::Class::Success) for work done; anything else says
    /// nothing.
    ///
    /// Where a server throttles rate and concurrency with one status, give a classifier that tells
    /// them apart: a rate is for the [rate limit](crate::middleware::limit::rate) to mind.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> ConcurrencyLimitLayer<P, D> {
        let Settings { places, header, .. } = self.settings;
        let settings = Settings { places, classifier, header };
        ConcurrencyLimitLayer { shared: self.shared, settings }
    }

    /// The response header in which the server says how many requests the account has under way, by
    /// whomever; none unless told. Only a policy that learns reads it.
    ///
    /// The number says nothing of what the server would bear: that shows when it throttles. What can
    /// honestly be learned is a bound: at that moment the account had so many, so our part can't
    /// have been more. [`Aimd`](super::Aimd) uses it for that. The last number is in
    /// [`stats`](Self::stats), beside our own calls in flight: the difference is others' share.
    #[must_use]
    pub fn concurrency_header(mut self, name: HeaderName) -> Self {
        self.settings.header = Some(name);
        self
    }

    /// Changes the limit of everything this layer and its clones have made; 0 counts as 1. A policy
    /// that learns goes on from there, within its own bounds.
    ///
    /// A higher limit lets calls that wait go now. A lower one interrupts nothing: calls under way
    /// end as they would have, and no other goes until there are fewer than the limit.
    pub fn set_limit(&self, limit: usize) {
        self.shared.change(|policy| policy.set_limit(limit.max(1)));
    }

    /// Puts another policy of the same kind in place of this one, in everything this layer and its
    /// clones have made: other bounds, say. It goes on from the limit now, within its bounds, and
    /// has learned nothing yet.
    pub fn set_policy(&self, mut policy: P) {
        self.shared.change(|now| {
            policy.set_limit(now.limit());
            *now = policy;
        });
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared.line.slots()
    }

    /// How many calls are under way, those included that have a slot and are about to go.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.line.taken()
    }

    /// How many calls wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.line.waiting()
    }

    /// All there is to know at this moment.
    #[must_use]
    pub fn stats(&self) -> LimitStats {
        self.shared.stats()
    }
}

impl<S, P: LimitPolicy, C: Clone> Layer<S> for ConcurrencyLimitLayer<P, C> {
    type Service = ConcurrencyLimit<S, P, C>;

    fn layer(&self, inner: S) -> Self::Service {
        let rig = Rig { shared: Arc::clone(&self.shared), settings: self.settings.clone() };
        ConcurrencyLimit::new(inner, Arc::new(rig))
    }
}

impl<P, C: Clone> Clone for ConcurrencyLimitLayer<P, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), settings: self.settings.clone() }
    }
}

impl<P, C: fmt::Debug> fmt::Debug for ConcurrencyLimitLayer<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitLayer")
            .field("limit", &self.shared.line.slots())
            .field("settings", &self.settings)
            .finish()
    }
}
