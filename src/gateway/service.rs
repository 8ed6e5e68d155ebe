use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::layer::util::Stack;
use tower::{Layer, Service};

use super::error::SoFar;
use super::instance::Instance;
use super::{BoxedStack, DefaultStack, Error, GatewayBuilder, Health, Monitor, Reconcile};
use crate::call::{BoxError, CallFacts, CallIds, CallOptions, Clock, Collected, Live, Rng, Sid};
use crate::middleware::auth::Credentials;
use crate::middleware::collect::{Collect, CollectLayer};
use crate::middleware::lift::{Lift, LiftLayer};
use crate::middleware::limit::rate::LocalLimiter;
use crate::transport::ProxyTransport;
use crate::wire::{Answer, Encoder, Endpoint, Operation};

/// Any HTTP stack that a [`Gateway`] can sit on: the bounds in one word.
///
/// A bare hyper-util client is one, and so is whatever `ServiceBuilder` makes of our layers,
/// tower's, tower-http's and your own.
pub trait HttpStack:
    Service<Request<Full<Bytes>>, Response = Response<Self::ResponseBody>, Error: Into<BoxError>>
{
    /// The body of its responses.
    type ResponseBody: Body<Data = Bytes, Error: Into<BoxError>>;
}

impl<S, B> HttpStack for S
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type ResponseBody = B;
}

/// What the gateway puts around the stack that it is given: one error type, whole bodies.
type Whole<S> = Collect<Lift<S>>;

/// Twilio's API as a `tower::Service<O>` for every [`Operation`] `O`.
///
/// Clones are cheap and share everything: connections, limits, budgets.
///
/// ```
/// use bytes::Bytes;
/// use http::Response;
/// use http_body_util::Full;
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::gateway::{Gateway, GatewayExt};
/// use twilio_proxy::sessions::FetchSession;
/// use twilio_proxy::wire::Endpoint;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Any `Service<http::Request<_>>` will do for a stack; this one answers by itself.
/// let stack = tower::service_fn(|_request| async {
///     let body = r#"{"sid": "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "open"}"#;
///     Ok::<_, BoxError>(Response::new(Full::new(Bytes::from(body))))
/// });
/// let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO)?);
///
/// let service = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
/// let session = gateway.send(FetchSession::by_name(service, "order-1")).await?;
/// assert_eq!(session.sid.map(|sid| sid.to_string()).as_deref(), Some("KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
///
/// Dropping a call's future drops everything that the call holds: permits, places in queues,
/// timers, and the request itself. Whether the server acts on a request that had left by then is
/// unknown.
#[derive(Clone, Debug)]
pub struct Gateway<S> {
    stack: Instance<Whole<S>>,
    shared: Arc<Shared>,
}

/// What the gateway puts around a stack. The stack reports what it has sent, or nobody knows: this
/// collector must not guess.
fn whole(collect: CollectLayer) -> Stack<LiftLayer, CollectLayer> {
    Stack::new(LiftLayer::new(), collect.untracked())
}

#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    account: Option<Sid>,
    clock: Clock,
    ids: CallIds,
    calls: TaskTracker,
    monitor: Live<Monitor>,
}

/// What [`GatewayBuilder`] builds: the default stack, and lost creates found again.
pub type DefaultGateway<T = ProxyTransport, L = LocalLimiter> =
    Reconcile<Gateway<DefaultStack<T, L>>>;

impl Gateway<DefaultStack<ProxyTransport>> {
    /// A gateway with the default stack, to be set up.
    pub fn builder(credentials: Credentials) -> GatewayBuilder {
        GatewayBuilder::new(credentials)
    }
}

impl<S> Gateway<S> {
    /// A gateway over a stack of your own, for calls to `endpoint`.
    ///
    /// The stack is cloned for calls side by side, and clones are used again: a gateway's own clones
    /// cost next to nothing, whatever the stack's do.
    ///
    /// Bodies are collected under the cap of [`CollectLayer`], if the stack has not done so.
    #[must_use]
    pub fn new(stack: S, endpoint: Endpoint) -> Self {
        Self::with_clock(stack, endpoint, Clock::system(), &Rng::random())
    }

    /// The same with a clock and a generator of your own: a run that can be replayed.
    #[must_use]
    pub fn with_clock(stack: S, endpoint: Endpoint, clock: Clock, rng: &Rng) -> Self {
        Self::assemble(stack, CollectLayer::new(), endpoint, None, clock, rng)
    }

    /// The same with all its parts, of which the builder knows more: `account` is the one that calls
    /// count under, unless they bring credentials of another.
    pub(super) fn assemble(
        stack: S,
        collect: CollectLayer,
        endpoint: Endpoint,
        account: Option<Sid>,
        clock: Clock,
        rng: &Rng,
    ) -> Self {
        let (ids, calls) = (CallIds::new(rng), TaskTracker::new());
        let monitor = Live::default();
        let shared = Arc::new(Shared { endpoint, account, clock, ids, calls, monitor });
        Self { stack: Instance::new(whole(collect).layer(stack)), shared }
    }

    /// Where the calls go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// How many calls are in flight, over all clones.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.calls.len()
    }

    /// The handles of the layers below, for [`health`](Self::health) to look through; the same for all
    /// clones. A gateway from the builder has them already.
    #[must_use]
    pub fn with_monitor(self, monitor: Monitor) -> Self {
        self.shared.monitor.set(monitor);
        self
    }

    /// What the gateway and its layers are doing now: for a health check, a gauge, a page at three
    /// in the morning.
    ///
    /// Calls pay nothing for it. It walks the keys of the rate limit, so ask every second, not for every
    /// call. It serialises to JSON with the names of its fields.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut health = self.shared.monitor.read(Monitor::look);
        health.in_flight = self.in_flight();
        health.closed = self.shared.calls.is_closed();
        health
    }

    /// Takes no new calls on any clone, and waits for those in flight, `within` at most.
    ///
    /// New calls fail with [`ErrorKind::Rejected`](super::ErrorKind::Rejected), effect none.
    ///
    /// # Cancellation
    ///
    /// The gateway stays closed when this is dropped; calling it again goes on waiting.
    pub async fn shutdown(&self, within: Duration) -> Drained {
        self.shared.calls.close();
        // A wait that runs out is no error: what is left is counted and reported.
        let _ = tokio::time::timeout(within, self.shared.calls.wait()).await;
        Drained { cut_off: self.in_flight() }
    }
}

impl<S: Clone> Gateway<S> {
    /// How many bytes an answer's body may have, for a stack that collects none itself; 8 MiB by
    /// default. A cap in the stack below holds as well.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.stack = Instance::new(self.stack.to_service().with_limit(bytes));
        self
    }
}

/// What a shutdown left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// How many calls were still in flight when the time was over; they go on until dropped.
    pub cut_off: usize,
}

impl<S> Gateway<S>
where
    S: HttpStack + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::ResponseBody: Send + 'static,
{
    /// The same gateway with its stack behind one pointer, so that its type says nothing of the layers.
    ///
    /// Costs an allocation or two a call.
    #[must_use]
    pub fn boxed(self) -> Gateway<BoxedStack> {
        let boxed = BoxedStack::new(self.stack.to_service());
        // What is in the box has met its cap already.
        let stack = whole(CollectLayer::new().limit(usize::MAX)).layer(boxed);
        Gateway { stack: Instance::new(stack), shared: self.shared }
    }
}

impl<S: HttpStack + Clone, O: Operation> Service<O> for Gateway<S> {
    type Response = O::Output;
    type Error = Error;
    type Future = ResponseFuture<<Whole<S> as Service<Request<Full<Bytes>>>>::Future, O>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.stack.poll_ready(cx).map_err(|error| Error::from_stack(error, SoFar::NOTHING))
    }

    fn call(&mut self, operation: O) -> Self::Future {
        // Counted before the question, so that a shutdown in between still waits for this call.
        let token = self.shared.calls.token();
        let mut encoder = Encoder::new(&self.shared.endpoint, O::META);
        encoder.account(self.shared.account);
        let request = operation
            .encode(&mut encoder)
            .and_then(|()| encoder.finish(Some(self.shared.ids.next())));
        let mut request = match request {
            Ok(request) => request,
            Err(error) => return ResponseFuture::failed(error.into()),
        };
        let facts = CallFacts::ensure(&mut request);
        let continues = facts.options().is_some_and(CallOptions::is_continuing);
        if self.shared.calls.is_closed() && !continues {
            return ResponseFuture::failed(Error::closed());
        }
        let in_one_go = facts.in_one_go(true);
        let state = State::Calling { future: self.stack.call(request) };
        drop(in_one_go);
        let call = Some(Call { facts, clock: self.shared.clock, _token: token });
        ResponseFuture { state, call, operation: PhantomData }
    }
}

/// What the future keeps of a call.
struct Call {
    facts: Arc<CallFacts>,
    clock: Clock,
    _token: TaskTrackerToken,
}

pin_project! {
    #[must_use = "futures do nothing unless polled"]
    /// The answer to come: see [`Gateway`].
    pub struct ResponseFuture<F, O> {
        #[pin]
        state: State<F>,
        call: Option<Call>,
        operation: PhantomData<fn() -> O>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Failed { error: Option<Error> },
        Calling { #[pin] future: F },
    }
}

impl<F, O> ResponseFuture<F, O> {
    fn failed(error: Error) -> Self {
        Self { state: State::Failed { error: Some(error) }, call: None, operation: PhantomData }
    }
}

impl<F, O> std::fmt::Debug for ResponseFuture<F, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let facts = self.call.as_ref().map(|call| &call.facts);
        f.debug_struct("ResponseFuture").field("facts", &facts).finish_non_exhaustive()
    }
}

impl<F, O> Future for ResponseFuture<F, O>
where
    F: Future<Output = Result<Response<Collected>, BoxError>>,
    O: Operation,
{
    type Output = Result<O::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let future = match this.state.project() {
            // A future that is polled after its end may pend for ever: nobody waits for it.
            StateProjection::Failed { error } => match error.take() {
                Some(error) => return Poll::Ready(Err(error)),
                None => return Poll::Pending,
            },
            StateProjection::Calling { future } => future,
        };
        let Some(call) = this.call else { return Poll::Pending };
        let in_one_go = call.facts.in_one_go(false);
        let outcome = ready!(future.poll(cx));
        let took = call.facts.now().saturating_duration_since(call.facts.started());
        drop(in_one_go);
        match this.call.take() {
            Some(call) => Poll::Ready(call.conclude::<O>(outcome, took)),
            None => Poll::Pending,
        }
    }
}

impl Call {
    fn conclude<O: Operation>(
        self,
        outcome: Result<Response<Collected>, BoxError>,
        took: Duration,
    ) -> Result<O::Output, Error> {
        let facts = &*self.facts;
        let (head, body) = match outcome {
            Ok(response) => response.into_parts(),
            Err(error) => return Err(Error::from_stack(error, facts.into())),
        };
        let attempts = facts.attempts().max(1);
        let answer =
            Answer::new(head.status, head.headers, body.into_bytes()).after(attempts, took);
        // A refusal that just came does not count itself: what may have acted came before it.
        if O::accepts(head.status, facts.any_unknown()) {
            let request_id = answer.request_id_header().cloned();
            O::decode(answer)
                .map_err(|error| Error::from_decode(error, head.status, request_id, attempts))
        } else {
            Err(Error::from_answer(answer, facts, &self.clock))
        }
    }
}
