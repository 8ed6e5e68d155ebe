//! The service below the layer under test: it watches how it is used.

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tower::limit::ConcurrencyLimit;
use tower::timeout::Timeout;
use tower::{Service, ServiceBuilder};
use tower_http::trace::{HttpMakeClassifier, Trace, TraceLayer};
use twilio_proxy::call::{BoxError, CallFacts, Fault, FaultKind, Idempotency, Origin};
use twilio_proxy::middleware::failover::Base;

/// What every stack of the suite is.
pub(crate) trait Stack<B>:
    Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError, Future: Send + 'static>
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<S, B> Stack<B> for S where
    S: Service<
            Request<Full<Bytes>>,
            Response = Response<B>,
            Error = BoxError,
            Future: Send + 'static,
        > + Clone
        + Debug
        + Send
        + Sync
        + 'static
{
}

/// How long the probe thinks about an answer.
pub(crate) const THINKS: Duration = Duration::from_millis(10);

/// How often the answer's future is pending before it thinks.
pub(crate) const PAUSES: usize = 3;

/// An answering service that panics when it is called without being ready. No clone is ready.
#[derive(Debug)]
pub(crate) struct Probe {
    shared: Arc<Shared>,
    readiness: Readiness,
    ready_fails: bool,
    fails: bool,
}

#[derive(Debug, PartialEq)]
enum Readiness {
    Unasked,
    Asked,
    Ready,
}

#[derive(Debug, Default)]
struct Shared {
    alive: Arc<AtomicUsize>,
    faults_left: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
}

/// What the probe saw of one request.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) facts: Option<Arc<CallFacts>>,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::default(),
            readiness: Readiness::Unasked,
            ready_fails: false,
            fails: false,
        }
    }

    /// Readiness always fails with an [`Odd`].
    pub(crate) fn never_ready(mut self) -> Self {
        self.ready_fails = true;
        self
    }

    /// Every call fails with an [`Odd`].
    pub(crate) fn failing(mut self) -> Self {
        self.fails = true;
        self
    }

    /// The next `count` calls fail with a fault after which any call may be tried again.
    pub(crate) fn faulty(self, count: usize) -> Self {
        self.shared.faults_left.store(count, SeqCst);
        self
    }

    /// How many futures and bodies of the probe there are just now.
    pub(crate) fn alive(&self) -> usize {
        self.shared.alive.load(SeqCst)
    }

    /// The requests that have come, in order.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared, readiness: Readiness::Unasked, ..*self }
    }
}

impl Service<Request<Full<Bytes>>> for Probe {
    type Response = Response<Chunks>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Chunks>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.ready_fails {
            return Poll::Ready(Err(Odd.into()));
        }
        if self.readiness == Readiness::Unasked {
            self.readiness = Readiness::Asked;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.readiness = Readiness::Ready;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let ready = std::mem::replace(&mut self.readiness, Readiness::Unasked);
        assert_eq!(ready, Readiness::Ready, "an instance was called that was not ready");
        let (shared, fails) = (Arc::clone(&self.shared), self.fails);
        let (guard, body_guard) = (Guard::new(&shared), Guard::new(&shared));
        Box::pin(async move {
            let _guard = guard;
            for _ in 0..PAUSES {
                tokio::task::yield_now().await;
            }
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let facts = CallFacts::of(&head.extensions).cloned();
            let (method, uri, headers) = (head.method, head.uri, head.headers);
            shared.seen.lock().unwrap().push(Seen { method, uri, headers, body, facts });
            tokio::time::sleep(THINKS).await;
            if fails {
                return Err(Odd.into());
            }
            let less = |left: usize| (left != usize::MAX).then(|| left.checked_sub(1)).flatten();
            let fault = shared.faults_left.fetch_update(SeqCst, SeqCst, less);
            if fault != Err(0) {
                return Err(Fault::new(FaultKind::Connect, "the probe's fault").into());
            }
            Ok(Response::new(Chunks { steps: 4, _guard: body_guard }))
        })
    }
}

/// Two frames, each after a pause.
#[derive(Debug)]
pub(crate) struct Chunks {
    steps: u8,
    _guard: Guard,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(left) = self.steps.checked_sub(1) else { return Poll::Ready(None) };
        self.steps = left;
        if left % 2 == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"half ")))))
    }
}

/// Counts what is alive.
#[derive(Debug)]
struct Guard(Arc<AtomicUsize>);

impl Guard {
    fn new(shared: &Shared) -> Self {
        shared.alive.fetch_add(1, SeqCst);
        Self(Arc::clone(&shared.alive))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// An error that no layer has heard of.
#[derive(Debug)]
pub(crate) struct Odd;

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("odd")
    }
}

impl std::error::Error for Odd {}

/// Where the requests of the suite go, and then somewhere else.
pub(crate) fn base(number: usize) -> Base {
    Base::new(&["https://api.test", "https://other.test"][number].parse().unwrap()).unwrap()
}

/// Where both endpoints are.
pub(crate) fn origins() -> [Origin; 2] {
    [0, 1].map(|number| base(number).origin().clone())
}

/// Where the requests of the suite go.
pub(crate) fn origin() -> Origin {
    Origin::of(request().uri()).unwrap()
}

/// A request that carries facts, body and a header of its own, and may do its work twice.
pub(crate) fn request() -> Request<Full<Bytes>> {
    let mut request = bare_request();
    let facts = CallFacts::new("sessions.create", Idempotency::Unsafe)
        .with_template("/v1/Services/{ServiceSid}/Sessions");
    request.extensions_mut().insert(Arc::new(facts));
    request
}

/// A request that no gateway made.
pub(crate) fn bare_request() -> Request<Full<Bytes>> {
    Request::post("https://api.test/v1/Services/KS1/Sessions?a=b")
        .header("x-own", "kept")
        .body(Full::new(Bytes::from_static(b"Ttl=60")))
        .unwrap()
}

/// Layers of tower's and tower-http's, over the probe.
pub(crate) fn inside_foreign(
    probe: Probe,
) -> Trace<Timeout<ConcurrencyLimit<Probe>>, HttpMakeClassifier> {
    ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .timeout(Duration::from_secs(3600))
        .concurrency_limit(64)
        .service(probe)
}

/// A stack, under layers of tower's.
pub(crate) fn foreign_around<B: Send + 'static>(stack: impl Stack<B>) -> impl Stack<B> {
    ServiceBuilder::new()
        .concurrency_limit(64)
        .timeout(Duration::from_secs(3600))
        .layer(tower_http::set_header::SetRequestHeaderLayer::if_not_present(
            http::header::FROM,
            http::HeaderValue::from_static("suite@example.com"),
        ))
        .service(stack)
}
