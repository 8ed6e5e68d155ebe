//! The same client over a stack of your own: our layers, tower's, tower-http's and one written here.
//!
//! ```text
//! cargo run --example custom_stack --features simulator
//! ```
//!
//! Nothing is adapted: every layer takes `http::Request<Full<Bytes>>` and gives
//! `http::Response<_>`, and the gateway takes whatever comes out on top.

use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::decompression::DecompressionLayer;
use tower_http::request_id::{MakeRequestId, RequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use twilio_proxy::call::CallFacts;
use twilio_proxy::gateway::{Gateway, GatewayExt, ReconcileLayer, TwilioClassifier};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials};
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::middleware::limit::{Quota, RateLimitLayer};
use twilio_proxy::middleware::retry::RetryLayer;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{Action, FaultPlan, Settings, Simulator};
use twilio_proxy::wire::Endpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let service = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let simulator = Simulator::with(Settings::new(account, "not-a-secret"));
    simulator.set_faults(FaultPlan::random(3).rate(0.2));

    let endpoint = Endpoint::new(Endpoint::TWILIO)?;
    let credentials = Credentials::auth_token(account, "not-a-secret");
    let stopwatch = StopwatchLayer::default();

    let stack = ServiceBuilder::new()
        // This example's own: it times whole calls, so it is outermost.
        .layer(stopwatch.clone())
        .layer(DeadlineLayer::new(Duration::from_secs(5)))
        .layer(RetryLayer::new().classifier(TwilioClassifier::new()))
        .layer(RateLimitLayer::new(Quota::default()))
        // tower's own limit, below our deadline, which readies it inside its own future.
        .concurrency_limit(8)
        // tower-http's: an id of our own making.
        .layer(SetRequestIdLayer::x_request_id(Numbered::default()))
        .layer(HeadersLayer::default().without_request_id())
        .layer(AuthLayer::new(&credentials, [endpoint.origin().clone()]))
        // tower-http's, below what sets them: headers that no layer further down prints.
        .layer(SetSensitiveHeadersLayer::new([header::AUTHORIZATION]))
        .layer(AttemptTimeoutLayer::new(Duration::from_secs(1)))
        .layer(CollectLayer::new())
        // Below collect, so that the cap on bodies counts what a bomb unpacks to.
        .layer(DecompressionLayer::new())
        .service(tower::service_fn({
            let simulator = simulator.clone();
            move |request| gzipped(simulator.clone(), request)
        }));

    let gateway = ReconcileLayer::new().layer(Gateway::new(stack, endpoint));

    for order in 0..20 {
        let name = format!("order-{order}");
        let created = gateway.send(CreateSession::new(service).unique_name(&name)).await?;
        let fetched = gateway.send(FetchSession::by_name(service, &name)).await?;
        if created.sid != fetched.sid {
            return Err("two sessions of one name".into());
        }
    }

    for (operation, calls, attempts, slowest) in stopwatch.report() {
        println!("{operation:<16} {calls:>3} calls {attempts:>3} attempts, slowest {slowest:?}");
    }
    let committed = simulator.stats().of(Action::Create).committed;
    println!("{committed} sessions committed for 20 creates");
    Ok(())
}

/// Numbers the requests of this process.
#[derive(Clone, Default)]
struct Numbered(Arc<AtomicU64>);

impl MakeRequestId for Numbered {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Some(RequestId::new(HeaderValue::from(number)))
    }
}

/// A transport that answers in gzip, as many a server does.
async fn gzipped(
    simulator: Simulator,
    request: Request<Full<Bytes>>,
) -> Result<Response<Full<Bytes>>, BoxError> {
    let (mut head, body) = simulator.oneshot(request).await?.into_parts();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(body.bytes())?;
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, Full::new(Bytes::from(gzip.finish()?))))
}

/// A layer of one's own: how often, how many attempts, how long, by operation.
#[derive(Clone, Default)]
struct StopwatchLayer {
    times: Arc<Mutex<Vec<Time>>>,
}

/// A call and how long it took.
type Time = (Arc<CallFacts>, Duration);

impl StopwatchLayer {
    fn report(&self) -> Vec<(&'static str, usize, u32, Duration)> {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let mut operations: Vec<_> = times.iter().map(|(facts, _)| facts.operation()).collect();
        operations.sort_unstable();
        operations.dedup();
        let row = |operation| {
            let calls = || times.iter().filter(move |(facts, _)| facts.operation() == operation);
            let attempts = calls().map(|(facts, _)| facts.attempts()).sum();
            let slowest = calls().map(|(_, took)| *took).max().unwrap_or_default();
            (operation, calls().count(), attempts, slowest)
        };
        operations.into_iter().map(row).collect()
    }
}

impl<S> Layer<S> for StopwatchLayer {
    type Service = Stopwatch<S>;

    fn layer(&self, inner: S) -> Stopwatch<S> {
        Stopwatch { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
struct Stopwatch<S> {
    inner: S,
    layer: StopwatchLayer,
}

impl<S, B> Service<Request<B>> for Stopwatch<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Timed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Timed<S::Future> {
        // What all layers know of the call travels with the request; keep it to read at the end.
        let facts = CallFacts::ensure(&mut request);
        Timed {
            inner: self.inner.call(request),
            started: Instant::now(),
            facts,
            layer: self.layer.clone(),
        }
    }
}

pin_project! {
    struct Timed<F> {
        #[pin]
        inner: F,
        started: Instant,
        facts: Arc<CallFacts>,
        layer: StopwatchLayer,
    }
}

impl<F: Future> Future for Timed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let output = ready!(this.inner.poll(cx));
        let mut times = this.layer.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push((Arc::clone(this.facts), this.started.elapsed()));
        Poll::Ready(output)
    }
}
