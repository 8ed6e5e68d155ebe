use std::fmt;
use std::sync::Arc;

use tower::Layer;

use super::Coalesce;
use super::ledger::Ledger;

/// Makes one read of many that are the same. See the [module](super) for why, how, and what to mind.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::{BoxError, Collected};
/// use twilio_proxy::middleware::coalesce::CoalesceLayer;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = CoalesceLayer::new();
/// let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
///     tokio::time::sleep(Duration::from_millis(50)).await;
///     Ok::<_, BoxError>(Response::new(Collected::new("the session".into())))
/// }));
///
/// let read = || service.clone().oneshot(Request::get("http://api.test/1").body(Full::default()).unwrap());
/// let (first, second) = tokio::join!(read(), read());
/// assert_eq!(first?.into_body().bytes(), second?.into_body().bytes());
/// // The layer, and any clone of it, is the handle on all that its services do.
/// assert_eq!(layer.joined(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A caller that waits alone gets the inner service's error as it is. Where several wait, the one
/// whose poll ended the read gets it as it is, and the others a clone of the
/// [`Fault`](crate::call::Fault) in it. An error without a fault can't be cloned: all of them get a
/// fault of kind `Interrupted` with that error among its sources.
///
/// A refusal by this process (a fault of [`Class::Local`](crate::call::Class)) is not passed on to
/// callers who have more time than the read was given: the first of them makes it anew.
///
/// # Layer order
///
/// Inside the deadline and the call's span, of which each caller has its own. Outside hedge and
/// retry, so that there is one read to hedge and to repeat; inside retry nothing would be shared
/// between two calls that are in different attempts. Above the layer that collects bodies, since responses
/// are cloned. Above all that gives credentials or a tenant by anything but headers and the
/// [facts](crate::call::CallFacts): what the layers above put into a request's extensions can't be compared, and
/// such a request goes by itself.
///
/// # Cancellation
///
/// A dropped caller leaves and disturbs nobody: the others drive the read on, and nothing is asked
/// anew. With the last of them the read is dropped, and nothing is left of it. No task is spawned. A
/// caller that is kept and not polled holds up nobody.
#[derive(Clone)]
pub struct CoalesceLayer {
    ledger: Arc<Ledger>,
}

impl CoalesceLayer {
    /// Coalesces reads.
    #[must_use]
    pub fn new() -> Self {
        Self { ledger: Arc::new(Ledger::new(true)) }
    }

    /// Does nothing until it is [switched on](Self::set_enabled), but to count writes: some tens of
    /// nanoseconds a call, and no allocation.
    #[must_use]
    pub fn off() -> Self {
        Self { ledger: Arc::new(Ledger::new(false)) }
    }

    /// Switches everything that this layer and its clones have made on or off, from the next call
    /// on. Those who share a read already go on doing so.
    pub fn set_enabled(&self, on: bool) {
        self.ledger.switch(on);
    }

    /// Whether reads are coalesced.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.ledger.is_on()
    }

    /// Says that something has changed which this layer can't have seen: a webhook came, or another
    /// process wrote. No call from here on joins a read that began before.
    pub fn changed(&self) {
        self.ledger.write_ended();
    }

    /// How many reads are under way that are shared, or may be.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.ledger.reads()
    }

    /// How many calls wait for these reads, those included that began them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.ledger.waiting()
    }

    /// How many calls have joined a read that was under way, since the layer was made: so many
    /// requests were saved.
    #[must_use]
    pub fn joined(&self) -> u64 {
        self.ledger.joined()
    }
}

impl Default for CoalesceLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for CoalesceLayer {
    type Service = Coalesce<S>;

    fn layer(&self, inner: S) -> Coalesce<S> {
        Coalesce::new(inner, Arc::clone(&self.ledger))
    }
}

impl fmt::Debug for CoalesceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalesceLayer")
            .field("enabled", &self.is_enabled())
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.waiting())
            .finish()
    }
}
