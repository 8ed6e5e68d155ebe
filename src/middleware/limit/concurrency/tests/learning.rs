//! What a policy is told, and what comes of what it says.

use std::sync::Mutex;

use http::{HeaderName, HeaderValue, StatusCode};
use tower::service_fn;

use super::super::{Aimd, Attempt, End};
use super::*;
use crate::call::{Class, Classifier};

const MS: Duration = Duration::from_millis(1);

/// Writes down what it is told, and says what it is bidden.
#[derive(Clone)]
struct Diary {
    limit: Arc<Mutex<usize>>,
    pages: Arc<Mutex<Vec<Attempt>>>,
}

impl Diary {
    fn new(limit: usize) -> Self {
        Self { limit: Arc::new(Mutex::new(limit)), pages: Arc::default() }
    }

    fn ends(&self) -> Vec<(End, Duration, usize)> {
        let pages = self.pages.lock().expect("unpoisoned");
        pages.iter().map(|one| (one.end, one.took, one.in_flight)).collect()
    }

    fn last(&self) -> Attempt {
        *self.pages.lock().expect("unpoisoned").last().expect("an attempt")
    }
}

impl LimitPolicy for Diary {
    fn limit(&self) -> usize {
        *self.limit.lock().expect("unpoisoned")
    }

    fn set_limit(&mut self, limit: usize) {
        *self.limit.lock().expect("unpoisoned") = limit;
    }

    fn learn(&mut self, attempt: &Attempt) {
        self.pages.lock().expect("unpoisoned").push(*attempt);
    }
}

#[tokio::test(start_paused = true)]
async fn each_end_is_told_with_its_time_and_its_company() {
    let diary = Diary::new(2);
    let mut bench = Bench::new(ConcurrencyLimitLayer::adaptive(diary.clone()));
    let mut first = bench.call(0);
    tokio::time::advance(10 * MS).await;
    let mut second = bench.call(1);
    let mut third = bench.call(2);
    let (_, send_first) = bench.reached().await;
    let (_, send_second) = bench.reached().await;
    tokio::time::advance(10 * MS).await;
    send_first.send_response(Response::new(()));
    assert_ready!(first.poll()).expect("an answer");
    tokio::time::advance(5 * MS).await;
    // The time in line is not the server's.
    assert_pending!(third.poll());
    tokio::time::advance(20 * MS).await;
    let mut no = Response::new(());
    *no.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    send_second.send_response(no);
    assert_ready!(second.poll()).expect("an answer");
    drop(third);
    assert_eq!(
        diary.ends(),
        [(End::Served, 20 * MS, 1), (End::Throttled, 35 * MS, 2), (End::Dropped, 20 * MS, 2)]
    );
    assert_eq!(diary.last().usual, Some(20 * MS));
}

#[tokio::test(start_paused = true)]
async fn who_never_went_is_no_attempt() {
    let diary = Diary::new(1);
    let mut bench = Bench::new(ConcurrencyLimitLayer::adaptive(diary.clone()).max_waiting(1));
    let under_way = bench.call(0);
    let waits = bench.call(1);
    fault(bench.fresh(request(2, Priority::High)).poll());
    drop(waits);
    assert_eq!(diary.ends(), []);
    let given = bench.call(3);
    drop(under_way);
    drop(given);
    assert_eq!(diary.ends(), [(End::Dropped, Duration::ZERO, 1)]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_told_apart_by_their_kind() {
    let diary = Diary::new(9);
    let layer = ConcurrencyLimitLayer::adaptive(diary.clone());
    for (kind, end) in [
        (FaultKind::AttemptTimeout, End::TimedOut),
        (FaultKind::Connect, End::Other),
        (FaultKind::Interrupted, End::Other),
    ] {
        let service = layer.layer(service_fn(move |_: Request<()>| async move {
            Err::<Response<()>, _>(BoxError::from(Fault::new(kind, "a fault")))
        }));
        service.oneshot(Request::new(())).await.expect_err("a fault");
        assert_eq!(diary.last().end, end);
    }
    for (status, end) in [(200, End::Served), (404, End::Other), (503, End::Other)] {
        let service = layer.layer(service_fn(move |_: Request<()>| async move {
            let response = Response::builder().status(status).body(());
            response.map_err(BoxError::from)
        }));
        service.oneshot(Request::new(())).await.expect("an answer");
        assert_eq!(diary.last().end, end);
    }
}

/// Says "too much at once" with a status of its own.
#[derive(Clone)]
struct Teapot;

impl<B> Classifier<B> for Teapot {
    fn classify(&self, response: &Response<B>) -> Class {
        if response.status() == StatusCode::IM_A_TEAPOT { Class::Throttled } else { Class::Refused }
    }
}

#[tokio::test(start_paused = true)]
async fn the_classifier_and_the_headers_name_come_from_outside() {
    let diary = Diary::new(9);
    let layer = ConcurrencyLimitLayer::adaptive(diary.clone())
        .classifier(Teapot)
        .concurrency_header(HeaderName::from_static("at-once"));
    let answer = |status: u16, at_once: Option<&'static str>| {
        let service = layer.layer(service_fn(move |_: Request<()>| async move {
            let mut response = Response::builder().status(status).body(())?;
            if let Some(text) = at_once {
                response.headers_mut().insert("at-once", HeaderValue::from_static(text));
            }
            Ok::<_, BoxError>(response)
        }));
        service.oneshot(Request::new(()))
    };
    answer(418, Some("12")).await.expect("an answer");
    assert_eq!((diary.last().end, diary.last().account), (End::Throttled, Some(12)));
    // What says nothing or makes no sense leaves the last number as it is, for the gauge: a quiet
    // hour's number once halved the limit at the first throttle that had none.
    for at_once in [None, Some("many"), Some("-1"), Some("99999999999")] {
        answer(429, at_once).await.expect("an answer");
        assert_eq!((diary.last().end, diary.last().account), (End::Other, None));
    }
    assert_eq!(layer.stats().account, Some(12));
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_says_is_the_limit_and_wakes_who_waits() {
    let diary = Diary::new(1);
    let mut bench = Bench::new(ConcurrencyLimitLayer::adaptive(diary.clone()));
    let mut calls: Vec<_> = (0..5).map(|number| bench.call(number)).collect();
    let (_, send) = bench.reached().await;
    *diary.limit.lock().expect("unpoisoned") = 3;
    send.send_response(Response::new(()));
    assert_ready!(calls[0].poll()).expect("an answer");
    assert_eq!((bench.layer.limit(), bench.layer.in_flight(), bench.layer.waiting()), (3, 3, 1));
    assert!(calls[1].is_woken() && calls[3].is_woken() && !calls[4].is_woken());
    // 0 is 1, or nobody would ever come back to raise it.
    *diary.limit.lock().expect("unpoisoned") = 0;
    assert_pending!(calls[1].poll());
    drop(calls.remove(1));
    assert_eq!((bench.layer.limit(), bench.layer.in_flight(), bench.layer.waiting()), (1, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_be_set_by_hand_and_the_policy_be_exchanged() {
    let layer = ConcurrencyLimitLayer::adaptive(Aimd::new(20).bounds(10, 40));
    layer.clone().set_limit(30);
    assert_eq!(layer.limit(), 30);
    layer.set_limit(0);
    assert_eq!(layer.limit(), 10);
    layer.set_policy(Aimd::new(100).bounds(1, 15));
    assert_eq!(layer.limit(), 10, "goes on from where the other was");
    layer.set_limit(100);
    assert_eq!(layer.limit(), 15);
}

/// A clock read costs as much as all else that this layer does.
#[tokio::test(start_paused = true)]
async fn a_fixed_limit_measures_only_who_had_to_wait() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let mut first = bench.call(0);
    let mut second = bench.call(1);
    let (_, send) = bench.reached().await;
    tokio::time::advance(10 * MS).await;
    send.send_response(Response::new(()));
    assert_ready!(first.poll()).expect("an answer");
    assert_eq!(bench.layer.stats().hold, None);
    assert_pending!(second.poll());
    let (_, send) = bench.reached().await;
    tokio::time::advance(30 * MS).await;
    send.send_response(Response::new(()));
    assert_ready!(second.poll()).expect("an answer");
    let stats = bench.layer.stats();
    assert_eq!((stats.hold, stats.latency, stats.min_latency), (Some(30 * MS), None, None));
}
