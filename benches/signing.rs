//! What a signature costs, and what it does to others on the same thread.
//!
//! `sign/bare` is the RSA signature alone, `sign/request` all that the layer does for a request, in the
//! call's own task; `sign/elsewhere` the same on another thread, as by default. `neighbour` is how late a
//! timer of another task fires, on one thread beside sixty-four calls that are signed all the time: the mean
//! of the worst twentieth, by the clock of the bench itself.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use twilio_proxy::call::Origin;
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::auth::signing::{SigningKey, SigningLayer};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const API_KEY: &str = "SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const KEY: &str = "CRaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const URI: &str =
    "https://proxy.twilio.com/v1/Services/KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Sessions";
/// Calls that are signed beside the timer.
const CALLS: usize = 64;
/// How often the timer fires, and for how often in one round.
const TICK: Duration = Duration::from_millis(2);
const TICKS: usize = 100;

struct Setting {
    pair: KeyPair,
    key: SigningKey,
    origin: Origin,
    authorization: http::HeaderValue,
    runtime: Runtime,
}

impl Setting {
    fn new() -> Result<Self, BoxError> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let der: Pkcs8V1Der<'_> = pair.as_der()?;
        let text = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let key = SigningKey::from_pem(pem, KEY.parse()?, API_KEY.parse()?, ACCOUNT.parse()?)?;
        let credentials = Credentials::api_key(API_KEY.parse()?, "not-a-secret", None);
        let authorization = credentials.authorization().ok_or("no credentials")?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let origin = Origin::of(&URI.parse()?)?;
        Ok(Self { pair, key, origin, authorization: authorization.header().clone(), runtime })
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let body = Bytes::from_static(b"UniqueName=order-1234&Ttl=3600&Mode=voice-and-message");
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(URI);
        request.headers_mut().insert(http::header::AUTHORIZATION, self.authorization.clone());
        request
    }

    fn service(
        &self,
        in_place: bool,
    ) -> impl Service<Request<Full<Bytes>>, Response = (), Error = BoxError> + Clone + use<> {
        let layer = SigningLayer::new(self.key.clone(), [self.origin.clone()]).in_place(in_place);
        let server = service_fn(|request: Request<Full<Bytes>>| {
            black_box(request);
            std::future::ready(Ok::<_, BoxError>(Response::new(())))
        });
        layer.layer(server).map_response(|_| ())
    }

    /// How late a timer fires in a round, at worst: the mean of the worst twentieth.
    fn lateness(&self, in_place: Option<bool>) -> Duration {
        let local = LocalSet::new();
        local.block_on(&self.runtime, async {
            let stop = Rc::new(Cell::new(false));
            let service = in_place.map(|in_place| self.service(in_place));
            let calls = (0..CALLS).filter_map(|_| {
                let (service, stop) = (service.clone()?, Rc::clone(&stop));
                let request = self.request();
                Some(tokio::task::spawn_local(async move {
                    while !stop.get() {
                        black_box(service.clone().oneshot(request.clone()).await.is_ok());
                        tokio::task::yield_now().await;
                    }
                }))
            });
            let calls: Vec<_> = calls.collect();
            let mut late = Vec::with_capacity(TICKS);
            for _ in 0..TICKS {
                let due = Instant::now() + TICK;
                tokio::time::sleep_until(due).await;
                late.push(due.elapsed());
            }
            stop.set(true);
            for call in calls {
                let _ = call.await;
            }
            late.sort_unstable();
            let worst = &late[TICKS - TICKS / 20..];
            worst.iter().sum::<Duration>() / u32::try_from(worst.len()).unwrap_or(1)
        })
    }
}

fn signing(criterion: &mut Criterion) {
    let setting = match Setting::new() {
        Ok(setting) => setting,
        Err(error) => return eprintln!("the bench could not be set up: {error}"),
    };
    criterion.bench_function("sign/bare", |bencher| {
        // As long as a token's first two parts.
        let message = [b'a'; 480];
        let mut signature = [0; 256];
        bencher.iter(|| {
            let random = SystemRandom::new();
            let signed = setting.pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature);
            black_box((signed.is_ok(), &signature));
        });
    });
    for (name, in_place) in [("sign/request", true), ("sign/elsewhere", false)] {
        let service = setting.service(in_place);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let call = service.clone().oneshot(setting.request());
                black_box(setting.runtime.block_on(call).is_ok())
            });
        });
    }
    for (name, in_place) in [
        ("neighbour/alone", None),
        ("neighbour/of_calls_signed_in_place", Some(true)),
        ("neighbour/of_calls_signed_elsewhere", Some(false)),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| setting.lateness(in_place)).sum());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = signing
}
criterion_main!(benches);
