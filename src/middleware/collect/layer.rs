use tower::Layer;

use super::Collect;

/// The default cap, in bytes: 8 MiB.
///
/// The longest answer that is expected, a page of a hundred sessions, is about 0.1 MiB. What is
/// eighty times as long is no such page, and a process should not hold many of it.
pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

/// Gathers every response body, up to a cap. See the [module](super) for what it does with the
/// rest.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::call::{BoxError, Fault, FaultKind};
/// use twilio_proxy::middleware::collect::CollectLayer;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let stack = ServiceBuilder::new().layer(CollectLayer::new().limit(10)).service(service_fn(
///     |_: Request<Full<Bytes>>| async {
///         Ok::<_, BoxError>(Response::new(Full::new(Bytes::from("twelve bytes"))))
///     },
/// ));
///
/// let error = stack.oneshot(Request::new(Full::default())).await.unwrap_err();
/// let fault = Fault::find(&*error).unwrap();
/// assert_eq!(fault.kind(), FaultKind::BodyTooLarge { limit: 10 });
/// # }
/// ```
///
/// # Layer order
///
/// Innermost of ours, directly above the transport: what is above it sees whole bodies, and it is
/// what tells the layers above that a request has left. A layer that unpacks bodies goes below, so
/// that the cap counts what the caller will hold and not what came over the wire.
/// A layer that *queues* requests, such as tower's `Buffer`, goes above: below, it would hide that
/// the transport reports, and attempts would be counted twice.
///
/// # Cancellation
///
/// Dropping the response future drops the inner future or the body, whichever it is at; most
/// transports then close the connection. The facts keep what was reported until then.
#[derive(Clone, Copy, Debug)]
pub struct CollectLayer {
    limit: usize,
    tracks: bool,
}

impl CollectLayer {
    /// A layer with the cap of [`DEFAULT_LIMIT`].
    #[must_use]
    pub fn new() -> Self {
        Self { limit: DEFAULT_LIMIT, tracks: true }
    }

    /// Sets the cap, in bytes: the longest body that is let through.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Never reports in a transport's stead: for a collector high up in a stack, where a call that
    /// has not reached the transport yet may only be waiting in a queue.
    #[must_use]
    pub fn untracked(mut self) -> Self {
        self.tracks = false;
        self
    }
}

impl Default for CollectLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for CollectLayer {
    type Service = Collect<S>;

    fn layer(&self, inner: S) -> Collect<S> {
        Collect::new(inner, self.limit, self.tracks)
    }
}
