//! The layer's part: who is told of what, and how those who wait fare.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::sync::Notify;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::super::super::{Quota, RateLimitLayer};
use super::super::*;
use crate::call::{BoxError, Class, Classifier, FaultKind, Rejection, WhenLimited};

const SECOND: Duration = Duration::from_secs(1);

/// A service that answers with what the request asks for: a status, and a `Retry-After` in seconds.
async fn echo(request: Request<(u16, u32)>) -> Result<Response<()>, BoxError> {
    let (status, after) = request.into_body();
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status)?;
    if after > 0 {
        response.headers_mut().insert("retry-after", after.into());
    }
    Ok(response)
}

fn request(status: u16, after: u32) -> Request<(u16, u32)> {
    Request::new((status, after))
}

#[tokio::test(start_paused = true)]
async fn only_what_the_classifier_calls_a_throttle_is_one() {
    let layer = RateLimitLayer::new(Quota::per_second(10).burst(10));
    let service = layer.layer(service_fn(echo));
    for status in [200, 302, 404, 409, 500, 503] {
        service.clone().oneshot(request(status, 9)).await.expect("goes");
        assert!(!layer.is_throttled(), "{status}");
    }
    service.clone().oneshot(request(429, 0)).await.expect("goes");
    assert!(layer.is_throttled());
    assert_eq!(layer.throttled_keys(), 1);

    #[derive(Clone)]
    struct Unavailable;
    impl<B> Classifier<B> for Unavailable {
        fn classify(&self, response: &Response<B>) -> Class {
            match response.status().as_u16() {
                503 => Class::Throttled,
                _ => Class::Success,
            }
        }
    }
    let layer = RateLimitLayer::default().classifier(Unavailable);
    let service = layer.layer(service_fn(echo));
    service.clone().oneshot(request(429, 0)).await.expect("goes");
    assert!(!layer.is_throttled());
    service.clone().oneshot(request(503, 0)).await.expect("goes");
    assert!(layer.is_throttled());
}

#[tokio::test(start_paused = true)]
async fn a_throttle_cuts_its_own_key() {
    let layer = RateLimitLayer::new(Quota::per_second(10).burst(10))
        .key_by(|head| Key::Named(head.method.to_string().into()));
    let service = layer.layer(service_fn(echo));
    let mut put = request(200, 0);
    *put.method_mut() = http::Method::PUT;
    service.clone().oneshot(put).await.expect("goes");
    service.clone().oneshot(request(429, 0)).await.expect("goes");
    let cut: Vec<_> = layer.rates().into_iter().filter(|(_, rate)| rate.is_cut).collect();
    assert_eq!(layer.rates().len(), 2);
    assert_eq!(cut.len(), 1);
    assert_eq!(cut[0].0, Key::Named("GET".into()));
    assert!(cut[0].1.granted < 10.0 && cut[0].1.quota == 10.0);
}

#[tokio::test(start_paused = true)]
async fn refusals_up_front_know_of_the_hold() {
    let layer = RateLimitLayer::new(Quota::per_second(10)).when_limited(WhenLimited::Refuse);
    let service = layer.layer(service_fn(echo));
    service.clone().oneshot(request(429, 5)).await.expect("goes");
    let error = service.clone().oneshot(request(200, 0)).await.expect_err("held");
    assert_eq!(fault(&error).kind(), FaultKind::Rejected(Rejection::RateLimited));
    assert_eq!(fault(&error).retry_after(), Some(SECOND * 5));
}

/// A service that answers 429 when it is told to, so that calls can be under way together.
#[derive(Clone, Default)]
struct Gate(Arc<Notify>, Arc<AtomicUsize>);

impl Gate {
    fn service(
        &self,
    ) -> impl Service<
        Request<u32>,
        Response = Response<()>,
        Error = BoxError,
        Future = impl Future<Output = Result<Response<()>, BoxError>> + Send + use<>,
    > + Clone
    + use<> {
        let gate = self.clone();
        service_fn(move |request: Request<u32>| {
            let gate = gate.clone();
            async move {
                gate.1.fetch_add(1, SeqCst);
                let mut response = Response::new(());
                if request.into_body() == 429 {
                    gate.0.notified().await;
                    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    response.headers_mut().insert("retry-after", 3.into());
                }
                Ok(response)
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn calls_refused_together_are_one_throttle() {
    let gate = Gate::default();
    let layer = RateLimitLayer::new(Quota::per_second(100).burst(10));
    let mut service = layer.layer(gate.service());
    let mut calls: Vec<_> = (0..5).map(|_| task::spawn(service.call(Request::new(429)))).collect();
    calls.iter_mut().for_each(|call| assert_pending!(call.poll()));
    let mut rates = Vec::new();
    for mut call in calls {
        tokio::time::advance(MS * 20).await;
        gate.0.notify_one();
        assert_ready!(call.poll()).expect("an answer");
        rates.push(layer.rates()[0].1.granted);
    }
    assert_eq!(rates, [rates[0]; 5], "four of them were granted before the cut");
}

/// The limiter of the SDKs sleeps with its lock in hand: whoever brings the news waits for the sleeper.
#[tokio::test(start_paused = true)]
async fn news_come_in_while_others_wait_and_the_head_looks_again() {
    let gate = Gate::default();
    let layer = RateLimitLayer::new(Quota::per_second(10));
    let mut service = layer.layer(gate.service());
    let mut refused = task::spawn(service.call(Request::new(429)));
    assert_pending!(refused.poll());
    let mut head = task::spawn(service.call(Request::new(200)));
    let mut next = task::spawn(service.call(Request::new(200)));
    assert_pending!(head.poll());
    assert_pending!(next.poll());
    tokio::time::advance(MS * 50).await;
    gate.0.notify_one();
    assert_ready!(refused.poll()).expect("an answer");
    // The head was to go after 100 ms. It looks, and finds that the key is held.
    tokio::time::advance(MS * 60).await;
    assert_pending!(head.poll());
    assert_eq!((gate.1.load(SeqCst), layer.waiting()), (1, 2));
    for _ in 0..3 {
        tokio::time::advance(MS * 960).await;
        assert_pending!(head.poll());
    }
    tokio::time::advance(MS * 70).await;
    assert_ready!(head.poll()).expect("goes");
    drop(head);
    next.await.expect("goes");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_hold_passes_ends_the_wait_at_once() {
    let gate = Gate::default();
    let mut service = RateLimitLayer::new(Quota::per_second(10)).layer(gate.service());
    let mut refused = task::spawn(service.call(plain(429)));
    assert_pending!(refused.poll());
    let waiting = plain(200);
    facts(&waiting).tighten_deadline(Instant::now() + SECOND);
    let mut head = task::spawn(service.call(waiting));
    assert_pending!(head.poll());
    gate.0.notify_one();
    assert_ready!(refused.poll()).expect("an answer");
    tokio::time::advance(MS * 101).await;
    let error = assert_ready!(head.poll()).expect_err("3 s are too long");
    assert_eq!(fault(&error).kind(), FaultKind::Rejected(Rejection::RateLimited));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_says_nothing_and_holds_nothing() {
    let gate = Gate::default();
    let layer = RateLimitLayer::new(Quota::per_second(10).burst(10));
    let mut service = layer.layer(gate.service());
    let shares = Arc::strong_count(&gate.0);
    let mut called = task::spawn(service.call(Request::new(429)));
    assert_pending!(called.poll());
    drop(called);
    gate.0.notify_one();
    assert!(!layer.is_throttled());
    assert_eq!(Arc::strong_count(&gate.0), shares);
    // Nor does one that waited, once it is dropped.
    let mut slow = RateLimitLayer::new(Quota::per_minute(1)).layer(gate.service());
    slow.call(Request::new(200)).await.expect("goes");
    let mut waits = task::spawn(slow.call(Request::new(200)));
    assert_pending!(waits.poll());
    drop(waits);
    assert_eq!(Arc::strong_count(&gate.0), shares + 1);
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_does_not_listen_is_told_nothing_and_carries_nothing() {
    let (limiter, _) = Counting::new(Quota::per_second(10).burst(10));
    let layer = RateLimitLayer::with_limiter(limiter);
    let service = layer.layer(service_fn(echo));
    service.clone().oneshot(request(429, 5)).await.expect("goes");
    service.clone().oneshot(request(200, 0)).await.expect("goes at once");
    assert!(!layer.is_throttled() && layer.rates().is_empty());
    assert_eq!(layer.throttled_keys(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_429_for_a_key_that_is_forgotten_is_no_harm() {
    let gate = Gate::default();
    let layer = RateLimitLayer::new(Quota::per_second(1000))
        .key_by(|head| Key::Named(head.uri.path().to_owned().into()));
    let mut service = layer.layer(gate.service());
    let mut called = task::spawn(service.call(Request::new(429)));
    assert_pending!(called.poll());
    tokio::time::advance(SECOND * 10).await;
    for number in 0..5000 {
        let mut request = Request::new(200);
        *request.uri_mut() = format!("http://api.test/{number}").parse().expect("a URI");
        service.call(request).await.expect("goes");
        tokio::time::advance(MS).await;
    }
    gate.0.notify_one();
    assert_ready!(called.poll()).expect("an answer");
    assert!(!layer.is_throttled());
}

/// Keeps what is logged from a level on.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Diary {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Words(String);
        impl tracing::field::Visit for Words {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 += &format!("{value:?}");
                }
            }
        }
        let mut words = Words(format!("{} ", event.metadata().level()));
        event.record(&mut words);
        self.0.lock().expect("unpoisoned").push(words.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_warned_of_once_and_its_end_is_told() {
    let diary = Diary::default();
    let _guard = tracing::subscriber::set_default(diary.clone());
    let layer = RateLimitLayer::new(Quota::per_second(10).burst(10));
    let service = layer.layer(service_fn(echo));
    for status in [200, 429, 429, 200] {
        tokio::time::advance(SECOND).await;
        service.clone().oneshot(request(status, 0)).await.expect("goes");
    }
    tokio::time::advance(SECOND * 60).await;
    service.clone().oneshot(request(200, 0)).await.expect("goes");
    let told = diary.0.lock().expect("unpoisoned").clone();
    assert_eq!(
        told,
        [
            "WARN the server throttles: the rate limit slows down",
            "DEBUG the server still throttles",
            "INFO the rate limit is back at its quota",
        ]
    );
}

/// The limit in a stack of the crate's own simulator, with all its rules.
#[cfg(feature = "simulator")]
#[tokio::test(start_paused = true)]
async fn the_simulated_proxy_is_used_to_97_percent_and_1_call_in_100_is_refused() {
    use bytes::Bytes;
    use http_body_util::Full;

    use crate::call::Collected;
    use crate::simulator::{Settings, Simulator};

    for says_when in [false, true] {
        let settings = Settings::default().without_authentication().retry_after(says_when);
        let simulator = Simulator::with(settings);
        let far = {
            let simulator = simulator.clone();
            service_fn(move |request: Request<Full<Bytes>>| {
                let simulator = simulator.clone();
                async move {
                    tokio::time::sleep(MS * 50).await;
                    let response = simulator.oneshot(request).await?;
                    tokio::time::sleep(MS * 50).await;
                    Ok::<Response<Collected>, BoxError>(response)
                }
            })
        };
        let service = RateLimitLayer::new(Quota::per_second(100).burst(20)).layer(far);
        let (mut before, begun) = ((0, 0), Instant::now());
        for call in 0..60 * 130_u32 {
            tokio::time::sleep_until(begun + SECOND * call / 60).await;
            let uri = format!("http://api.test/v1/Services/{}/Sessions", Simulator::SERVICE_SID);
            let request = Request::get(uri).body(Full::default()).expect("a request");
            let calling = service.clone().call(request);
            tokio::spawn(async move { calling.await.is_ok() });
            if call == 600 {
                before = (simulator.stats().answered(200), simulator.stats().answered(429));
            }
        }
        let (taken, refused) = (simulator.stats().answered(200), simulator.stats().answered(429));
        let (taken, refused) = ((taken - before.0) as f64, (refused - before.1) as f64);
        println!("{taken} taken, {refused} refused; says when: {says_when}");
        assert!(taken >= 0.97 * 150.0 * 24.0, "{taken} taken");
        assert!(refused <= 0.01 * (taken + refused), "{refused} refused");
    }
}
