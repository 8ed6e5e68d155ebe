//! What the layers cost by themselves, over a service that answers at once.
//!
//! Read differences, not times: each row stands beside `bare`, which makes the same request and
//! gives it to the same service with no layer in between.

#[path = "support/instantly.rs"]
mod instantly;

use std::future::ready;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::Request;
use http_body_util::Full;
use tokio::runtime::Runtime;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use twilio_proxy::call::{AccountSid, ServiceSid, SessionSid};
use twilio_proxy::gateway::{
    Error, Gateway, GatewayExt, ReconcileLayer, TwilioClassifier, concurrency_limit,
};
use twilio_proxy::middleware::auth::signing::SigningLayer;
use twilio_proxy::middleware::auth::{AuthLayer, Credentials, FnCredentials, Grant};
use twilio_proxy::middleware::breaker::BreakerLayer;
use twilio_proxy::middleware::coalesce::CoalesceLayer;
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use twilio_proxy::middleware::failover::{Base, FailoverLayer};
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::middleware::hedge::HedgeLayer;
use twilio_proxy::middleware::lift::LiftLayer;
use twilio_proxy::middleware::limit::concurrency::Gradient;
use twilio_proxy::middleware::limit::{ConcurrencyLimitLayer, Quota, RateLimitLayer};
use twilio_proxy::middleware::observe::{AttemptSpanLayer, CallSpanLayer};
use twilio_proxy::middleware::retry::RetryLayer;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::wire::{Encoder, Endpoint, Operation};

use instantly::Instantly;

/// A quota that never makes anybody wait, so that only the checks are measured.
const WIDE_OPEN: u32 = 1_000_000_000;

/// What every row starts from.
struct Setting {
    endpoint: Endpoint,
    credentials: Credentials,
    fetch: FetchSession,
    service: Instantly,
    runtime: Runtime,
}

impl Setting {
    fn new() -> Result<Self, BoxError> {
        let account: AccountSid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
        let service: ServiceSid = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
        let session: SessionSid = "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
        Ok(Self {
            endpoint: Endpoint::new(Endpoint::TWILIO)?,
            credentials: Credentials::auth_token(account, "not-a-secret"),
            fetch: FetchSession::new(service, session),
            service: Instantly::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// The request of a fetch, as the gateway makes it.
    fn request(&self) -> Request<Full<Bytes>> {
        let mut encoder = Encoder::new(&self.endpoint, FetchSession::META);
        let encoded = self.fetch.encode(&mut encoder).and_then(|()| encoder.finish(None));
        // Never the default: the fetch is a valid one.
        encoded.unwrap_or_default()
    }

    /// One row: a stack, called with a new request each time.
    fn row<S>(&self, criterion: &mut Criterion, name: &str, mut stack: S)
    where
        S: Service<Request<Full<Bytes>>>,
        S::Error: std::fmt::Debug,
    {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                self.runtime.block_on(async {
                    let ready = stack.ready().await;
                    let answer = match ready {
                        Ok(stack) => stack.call(self.request()).await,
                        Err(error) => Err(error),
                    };
                    black_box(answer.is_ok())
                })
            });
        });
    }

    /// One row: a typed call, from the operation to the decoded session.
    fn typed<G>(&self, criterion: &mut Criterion, name: &str, gateway: &G)
    where
        G: GatewayExt,
    {
        self.typed_call(criterion, name, gateway, &self.fetch);
    }

    /// The same with any operation.
    fn typed_call<G, O>(&self, criterion: &mut Criterion, name: &str, gateway: &G, call: &O)
    where
        G: GatewayExt + Service<O, Error = Error>,
        O: Clone,
    {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = self.runtime.block_on(gateway.send(call.clone()));
                black_box(answer.is_ok())
            });
        });
    }
}

fn overhead(criterion: &mut Criterion) {
    let setting = match Setting::new() {
        Ok(setting) => setting,
        Err(error) => return eprintln!("the bench could not be set up: {error}"),
    };
    // Timers want a runtime to live in.
    let _entered = setting.runtime.enter();
    let bare = || setting.service.clone();
    let minute = Duration::from_secs(60);
    let origins = [setting.endpoint.origin().clone()];
    let wide_open = Quota::per_second(WIDE_OPEN).burst(WIDE_OPEN);
    let gradient = ConcurrencyLimitLayer::adaptive(Gradient::new(100));
    let retry = RetryLayer::new().classifier(TwilioClassifier::new());

    let base = |url: &'static str| Base::new(&http::Uri::from_static(url));
    let bases = (base(Endpoint::TWILIO), base("https://proxy.dublin.us1.twilio.com"));
    let (Ok(first), Ok(second)) = bases else { return eprintln!("a base URL is none") };
    let one = FailoverLayer::new(first.clone()).classifier(TwilioClassifier::new());
    let two = FailoverLayer::new(first).classifier(TwilioClassifier::new()).or(second);

    let c = criterion;
    setting.row(c, "bare", bare());
    setting.row(c, "layer/call_span", CallSpanLayer::new().layer(bare()));
    setting.row(c, "layer/deadline", DeadlineLayer::new(minute).layer(bare()));
    setting.row(c, "layer/hedge_off", HedgeLayer::off().layer(bare()));
    setting.row(c, "layer/hedge", HedgeLayer::default().layer(bare()));
    setting.row(c, "layer/coalesce_off", CoalesceLayer::off().layer(bare()));
    setting.row(c, "layer/coalesce", CoalesceLayer::new().layer(bare()));
    setting.row(c, "layer/retry", retry.layer(bare()));
    setting.row(c, "layer/failover_one", one.layer(bare()));
    setting.row(c, "layer/failover_two", two.layer(bare()));
    setting.row(c, "layer/breaker", BreakerLayer::default().layer(bare()));
    setting.row(c, "layer/rate_limit", RateLimitLayer::new(wide_open).layer(bare()));
    setting.row(c, "layer/concurrency_limit", ConcurrencyLimitLayer::new(100).layer(bare()));
    setting.row(c, "layer/concurrency_limit_aimd", concurrency_limit().layer(bare()));
    setting.row(c, "layer/concurrency_limit_gradient", gradient.layer(bare()));
    setting.row(c, "layer/attempt_span", AttemptSpanLayer::new().layer(bare()));
    setting.row(c, "layer/headers", HeadersLayer::default().layer(bare()));
    let fixed = AuthLayer::new(&setting.credentials, origins.clone());
    setting.row(c, "layer/auth", fixed.layer(bare()));
    let grant = Grant::from(&setting.credentials);
    let function = FnCredentials::new(move || ready(Ok(grant.clone())));
    let supplied = AuthLayer::from_provider(function, origins);
    setting.row(c, "layer/auth_by_provider", supplied.layer(bare()));
    setting.row(c, "layer/signing_off", SigningLayer::off().layer(bare()));
    setting.row(c, "layer/attempt_timeout", AttemptTimeoutLayer::new(minute).layer(bare()));
    setting.row(c, "layer/collect", CollectLayer::new().layer(bare()));
    setting.row(c, "layer/lift", LiftLayer::new().layer(bare()));

    let lean = Gateway::new(bare(), setting.endpoint.clone());
    setting.typed(c, "typed/no_layers", &lean);
    // What the default stack is to be held against: the same request, and no layer that does anything else.
    let same_request = ServiceBuilder::new()
        .layer(HeadersLayer::default())
        .layer(AuthLayer::new(&setting.credentials, [setting.endpoint.origin().clone()]))
        .service(bare());
    setting.typed(c, "typed/same_request", &Gateway::new(same_request, setting.endpoint.clone()));
    // The default stack without its layers for bad days: what those cost on a good one is the difference.
    let request_id = http::HeaderName::from_static("twilio-request-id");
    let plain = ServiceBuilder::new()
        .layer(CallSpanLayer::new().request_id_header(request_id.clone()))
        .layer(DeadlineLayer::new(minute))
        .layer(RetryLayer::new().classifier(TwilioClassifier::new()))
        .layer(RateLimitLayer::new(wide_open).classifier(TwilioClassifier::new()))
        .layer(ConcurrencyLimitLayer::new(100))
        .layer(AttemptSpanLayer::new().request_id_header(request_id.clone()))
        .layer(HeadersLayer::default())
        .layer(AuthLayer::new(&setting.credentials, [setting.endpoint.origin().clone()]))
        .layer(AttemptTimeoutLayer::new(minute))
        .layer(CollectLayer::new())
        .service(bare());
    setting.typed(c, "typed/without_resilience", &Gateway::new(plain, setting.endpoint.clone()));
    // A create with a name, one that is looked for if its answer is lost, and one that is named first.
    let create = CreateSession::new(setting.fetch.service);
    let named = create.clone().unique_name("order-1");
    setting.typed_call(c, "typed/create", &lean, &named);
    let reconciled = ReconcileLayer::new().layer(lean.clone());
    setting.typed_call(c, "typed/create_reconciled", &reconciled, &named);
    let naming = ReconcileLayer::new().name_unnamed("shop-").layer(lean.clone());
    setting.typed_call(c, "typed/create_named_here", &naming, &create);
    let built = Gateway::builder(setting.credentials.clone()).quota(wide_open).over(bare());
    match built {
        Ok(full) => {
            setting.typed(c, "typed/default_stack", &full);
            setting.typed(c, "typed/default_stack_boxed", &full.boxed());
        }
        Err(error) => eprintln!("the default stack could not be built: {error}"),
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = overhead
}
criterion_main!(benches);
