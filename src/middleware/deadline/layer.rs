use std::time::Duration;

use tower::Layer;

use super::Deadline;
use crate::call::Live;

/// Ends each call by a deadline. See the [module](super) for the two clocks.
///
/// The time counts from when the call began, which is when it was encoded, and a call's own wish
/// replaces the layer's setting. A call that has a deadline already, from a call that it serves,
/// keeps the earlier of the two.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::call::Live;
/// use twilio_proxy::middleware::deadline::DeadlineLayer;
///
/// let fixed = DeadlineLayer::new(Duration::from_secs(30));
/// // Or behind a handle: calls that begin after a change see it.
/// let setting = Live::new(Duration::from_secs(30));
/// let live = DeadlineLayer::new(setting.clone());
/// setting.set(Duration::from_secs(10));
/// # let _ = (fixed, live);
/// ```
///
/// # Errors
///
/// [`FaultKind::Deadline`](crate::call::FaultKind::Deadline), which retry does not repeat; its
/// effect is `None` if nothing was sent. A call that comes with its deadline past gets it at once,
/// and nobody inside sees the request.
///
/// # Panics
///
/// Where the future has to wait and is polled outside a tokio runtime with timers.
///
/// # Layer order
///
/// Outermost but for the call's span: whatever is outside is not covered. In particular outside
/// [`Retry`](crate::middleware::retry::Retry), which reads the deadline and doesn't start a sleep
/// that would end past it. What listens to `poll_ready` (a load shedder, a balancer) goes inside,
/// for this layer is always ready.
///
/// # Cancellation
///
/// A dropped future drops everything inside at once, as the deadline itself does.
#[derive(Clone, Debug)]
pub struct DeadlineLayer {
    within: Live<Duration>,
}

impl DeadlineLayer {
    /// A deadline this long after a call's beginning. `Duration::MAX` is none.
    #[must_use]
    pub fn new(within: impl Into<Live<Duration>>) -> Self {
        Self { within: within.into() }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline::new(inner, self.within.clone())
    }
}
