mod arithmetic;
mod learning;
mod shedding;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt};
use tower_test::mock::{Handle, Mock, SendResponse, pair};

use super::{ConcurrencyLimit, ConcurrencyLimitLayer, Fixed, LimitPolicy, ResponseFuture};
use crate::call::{
    BoxError, CallFacts, CallOptions, Effect, Fault, FaultKind, Idempotency, Priority, Rejection,
};

type Inner = Mock<Request<u32>, Response<()>>;
type Calling<P = Fixed> = task::Spawn<ResponseFuture<Inner, u32, P>>;

fn request(number: u32, priority: Priority) -> Request<u32> {
    request_with(number, CallOptions::new().priority(priority))
}

fn request_with(number: u32, options: CallOptions) -> Request<u32> {
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe);
    let mut request = Request::new(number);
    request.extensions_mut().insert(Arc::new(facts.with_options(Some(Box::new(options)))));
    request
}

/// A service, its clones' calls, and the far side of the mock below it.
struct Bench<P = Fixed> {
    layer: ConcurrencyLimitLayer<P>,
    service: ConcurrencyLimit<Inner, P>,
    handle: Handle<Request<u32>, Response<()>>,
}

impl<P: LimitPolicy> Bench<P> {
    fn new(layer: ConcurrencyLimitLayer<P>) -> Self {
        let (mock, handle) = pair();
        Self { service: layer.layer(mock), layer, handle }
    }

    fn call(&mut self, number: u32) -> Calling<P> {
        self.call_as(number, Priority::High)
    }

    /// Calls a clone that is readied first: `Mock` panics if another instance is called.
    fn call_as(&mut self, number: u32, priority: Priority) -> Calling<P> {
        self.send(request(number, priority))
    }

    fn send(&mut self, request: Request<u32>) -> Calling<P> {
        let mut call = self.fresh(request);
        let _ = call.poll();
        call
    }

    /// A call that was not polled yet.
    fn fresh(&mut self, request: Request<u32>) -> Calling<P> {
        let mut service = self.service.clone();
        assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        task::spawn(service.call(request))
    }

    /// The number of the call that has reached the inner service, and how to answer it.
    async fn reached(&mut self) -> (u32, SendResponse<Response<()>>) {
        // Nothing else uses the clock: a call that never comes fails the test at once.
        let next = tokio::time::timeout(Duration::from_secs(1), self.handle.next_request());
        let (request, send) = next.await.expect("a call reaches the service").expect("a service");
        (request.into_body(), send)
    }

    fn nothing_reached(&mut self) {
        assert_pending!(task::spawn(self.handle.next_request()).poll());
    }
}

/// The fault of a call that was refused, which can have done nothing.
fn fault(outcome: Poll<Result<Response<()>, BoxError>>) -> Fault {
    let error = assert_ready!(outcome).expect_err("refused");
    let fault = Fault::find(error.as_ref()).expect("a fault");
    assert_eq!(fault.effect(), Effect::None);
    fault.clone()
}

#[tokio::test(start_paused = true)]
async fn so_many_go_at_once_and_the_rest_in_order() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(2));
    let mut calls: Vec<_> = (0..5).map(|number| bench.call(number)).collect();
    let (first, send_first) = bench.reached().await;
    let (second, send_second) = bench.reached().await;
    assert_eq!((first, second), (0, 1));
    assert_eq!((bench.layer.in_flight(), bench.layer.waiting()), (2, 3));

    // The second ends first: the slot is the third's, and a newcomer's behind all.
    send_second.send_response(Response::new(()));
    assert_ready!(calls[1].poll()).expect("an answer");
    calls.push(bench.call(5));
    assert!(calls[2].is_woken() && !calls[3].is_woken());
    // Polled out of order, they still go in order.
    for call in calls[3..].iter_mut() {
        assert_pending!(call.poll());
    }
    bench.nothing_reached();
    assert_pending!(calls[2].poll());
    let (third, _send_third) = bench.reached().await;
    assert_eq!(third, 2);
    bench.nothing_reached();
    send_first.send_response(Response::new(()));
    assert_ready!(calls[0].poll()).expect("an answer");
    assert_pending!(calls[3].poll());
    assert_eq!(bench.reached().await.0, 3);
}

#[tokio::test(start_paused = true)]
async fn an_ended_call_gives_its_slot_back_though_its_future_is_kept() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let mut ended = bench.call(0);
    let (_, send) = bench.reached().await;
    send.send_error("broken");
    let error = assert_ready!(ended.poll()).expect_err("broken");
    assert_eq!(error.to_string(), "broken");
    assert_eq!(bench.layer.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaks_neither_slot_nor_place() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let under_way = bench.call(0);
    let (_, _send) = bench.reached().await;
    let in_line = bench.call(1);
    let given = bench.call(2);
    let mut last = bench.call(3);
    drop(in_line);
    assert_eq!(bench.layer.waiting(), 2);
    drop(under_way);
    // Dropped between being given the slot and going.
    assert!(given.is_woken());
    drop(given);
    assert!(last.is_woken());
    assert_pending!(last.poll());
    let (number, send) = bench.reached().await;
    assert_eq!(number, 3);
    send.send_response(Response::new(()));
    assert_ready!(last.poll()).expect("an answer");
    assert_eq!((bench.layer.in_flight(), bench.layer.waiting()), (0, 0));
}

/// tower's layer makes a semaphore for each service, and its clones hold a permit once readied.
#[tokio::test(start_paused = true)]
async fn every_service_of_a_layer_and_its_clones_shares_the_limit_and_readiness_holds_nothing() {
    let layer = ConcurrencyLimitLayer::new(1);
    let mut one = Bench::new(layer.clone());
    let mut other = Bench::new(layer.clone());
    let mut idle = one.service.clone();
    idle.ready().await.expect("ready");
    other.service.ready().await.expect("ready");
    assert_eq!(layer.in_flight(), 0);
    let first = one.call(0);
    let mut second = other.call(1);
    assert_eq!((layer.in_flight(), layer.waiting()), (1, 1));
    other.nothing_reached();
    drop(first);
    assert_pending!(second.poll());
    assert_eq!(other.reached().await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    bench.handle.allow(0);
    let mut service = bench.service.clone();
    let mut ready = task::spawn(async { service.ready().await.map(|_| ()) });
    assert_pending!(ready.poll());
    bench.handle.allow(1);
    assert_ready!(ready.poll()).expect("ready");
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_lets_those_who_wait_go_now() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let mut calls: Vec<_> = (0..4).map(|number| bench.call(number)).collect();
    bench.layer.clone().set_limit(3);
    assert_eq!((bench.layer.limit(), bench.layer.in_flight(), bench.layer.waiting()), (3, 3, 1));
    assert!(calls[1].is_woken() && calls[2].is_woken() && !calls[3].is_woken());
    for call in calls.iter_mut() {
        assert_pending!(call.poll());
    }
    for expected in 0..3 {
        assert_eq!(bench.reached().await.0, expected);
    }
    bench.nothing_reached();
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_interrupts_nothing_and_holds_as_calls_end() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(3));
    let mut calls: Vec<_> = (0..5).map(|number| bench.call(number)).collect();
    bench.layer.set_limit(0);
    assert_eq!((bench.layer.limit(), bench.layer.in_flight()), (1, 3), "never below one");
    for left in [2, 1] {
        drop(calls.remove(0));
        assert_eq!((bench.layer.in_flight(), bench.layer.waiting()), (left, 2));
    }
    let (_, _last_of_three) = (bench.reached().await, bench.reached().await);
    bench.reached().await;
    drop(calls.remove(0));
    assert_pending!(calls[0].poll());
    assert_eq!(bench.reached().await.0, 3);
    assert_eq!((bench.layer.in_flight(), bench.layer.waiting()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_line_has_an_end_and_sooner_for_lower_priorities() {
    for (priority, places) in [(Priority::Low, 5), (Priority::Normal, 9), (Priority::High, 10)] {
        let mut bench = Bench::new(ConcurrencyLimitLayer::new(1).max_waiting(10));
        let _calls: Vec<_> = (0..=places).map(|_| bench.call_as(0, priority)).collect();
        assert_eq!(bench.layer.waiting(), places as usize);
        let refused = fault(bench.fresh(request(0, priority)).poll());
        assert_eq!(refused.kind(), FaultKind::Rejected(Rejection::QueueFull));
        // Nobody has come back yet: it is not known when there will be a place.
        assert_eq!(refused.retry_after(), None);
        assert_eq!((bench.layer.stats().refused, bench.layer.stats().shed), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_in_line_is_known_to_have_done_nothing() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let under_way = bench.call(0);
    let request = request(1, Priority::Normal);
    let facts = Arc::clone(CallFacts::of(request.extensions()).expect("facts"));
    assert_eq!(facts.effect(), Effect::Unknown);
    let service = bench.service.clone();
    let waits = tokio::spawn(service.oneshot(request));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(facts.effect(), Effect::None);
    drop(under_way);
    tokio::time::sleep(Duration::from_millis(1)).await;
    // Gone on to a service that says nothing of what it sent.
    assert_eq!(facts.effect(), Effect::Unknown);
    waits.abort();
}

#[tokio::test(start_paused = true)]
async fn a_request_without_facts_is_a_call_like_any_other() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let bare = |number| bench.service.clone().oneshot(Request::new(number));
    let (first, second) = (tokio::spawn(bare(0)), tokio::spawn(bare(1)));
    for expected in 0..2 {
        let (number, send) = bench.reached().await;
        assert_eq!(number, expected);
        send.send_response(Response::new(()));
    }
    first.await.expect("no panic").expect("an answer");
    second.await.expect("no panic").expect("an answer");
}
