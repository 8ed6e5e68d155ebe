//! A trace context goes on with every attempt of a call, and each attempt is a span of its own.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Service, ServiceExt, service_fn};
use twilio_proxy::call::{BoxError, CallOptions, Collected, TraceContext};
use twilio_proxy::gateway::{DefaultGateway, GatewayBuilder, GatewayExt};
use twilio_proxy::middleware::hedge::{Delay, HedgeSettings};
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};
use twilio_proxy::wire::Operation;

use crate::world::{builder, clock, service, settings};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

type Seen = Arc<Mutex<Vec<HeaderMap>>>;

/// A gateway over a simulator, and the headers of every request that goes there.
fn world(
    plan: FaultPlan,
    change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> (Seen, DefaultGateway<impl Wire>) {
    let seen = Seen::default();
    let simulator = Simulator::with(settings(clock(), 1));
    simulator.set_faults(plan);
    let wire = {
        let seen = Arc::clone(&seen);
        service_fn(move |request: Request<Full<Bytes>>| {
            seen.lock().unwrap().push(request.headers().clone());
            let answer = simulator.clone().oneshot(request);
            async move { answer.await.map_err(BoxError::from) }
        })
    };
    (seen, change(builder(clock(), 2)).over(wire).unwrap())
}

trait Wire:
    Service<Request<Full<Bytes>>, Response = Response<Collected>, Error = BoxError, Future: Send>
    + Clone
{
}

impl<S> Wire for S where
    S: Service<
            Request<Full<Bytes>>,
            Response = Response<Collected>,
            Error = BoxError,
            Future: Send,
        > + Clone
{
}

fn context() -> TraceContext {
    let mut headers = HeaderMap::new();
    headers.insert(TraceContext::PARENT, HeaderValue::from_static(PARENT));
    headers.insert(TraceContext::STATE, HeaderValue::from_static(STATE));
    TraceContext::of(&headers).unwrap()
}

/// The trace and the span of each request.
fn spans(seen: &Seen) -> Vec<(String, String)> {
    let seen = seen.lock().unwrap();
    seen.iter()
        .map(|headers| {
            let context = TraceContext::of(headers).expect("a context");
            (context.trace_id().to_string(), context.span_id().to_string())
        })
        .collect()
}

/// All of one trace, no two of one span, none of the caller's own.
fn are_spans_of_one_trace(spans: &[(String, String)]) {
    for (at, (trace, span)) in spans.iter().enumerate() {
        assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(span, "00f067aa0ba902b7", "the caller's span is not the attempt's");
        assert!(spans[..at].iter().all(|(_, other)| other != span), "{spans:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_of_a_call_and_its_look_are_spans_of_its_trace() {
    let plan = FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter);
    let (seen, gateway) = world(plan, |builder| builder);
    let options = CallOptions::new().trace_context(&context());
    let create = CreateSession::new(service(1)).unique_name("order-1").with(options);
    gateway.send(create).await.unwrap();
    let spans = spans(&seen);
    assert_eq!(spans.len(), 3, "a create, its replay, and a look");
    are_spans_of_one_trace(&spans);
    for headers in seen.lock().unwrap().iter() {
        assert_eq!(headers[TraceContext::STATE], STATE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_try_of_a_read_is_a_span_of_its_own() {
    let plan = FaultPlan::none().next(1, Mishap::Latency(Duration::from_secs(2)));
    let settings =
        HedgeSettings::new().delay(Delay::Fixed(Duration::from_millis(100))).percent(100);
    let (seen, gateway) = world(plan, move |builder| builder.hedge(settings));
    let options = CallOptions::new().trace_context(&context());
    let _ = gateway.send(FetchSession::by_name(service(1), "a").with(options)).await;
    let spans = spans(&seen);
    assert_eq!(spans.len(), 2);
    are_spans_of_one_trace(&spans);
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_none_is_not_passed_on() {
    let header =
        |name: HeaderName, value| CallOptions::new().header(name, HeaderValue::from_static(value));
    for (options, is_there) in [
        (CallOptions::new(), false),
        (header(TraceContext::PARENT, PARENT), true),
        (header(TraceContext::PARENT, "00-garbage"), false),
        (header(TraceContext::STATE, STATE), false),
    ] {
        let (seen, gateway) = world(FaultPlan::none(), |builder| builder);
        let _ = gateway.send(FetchSession::by_name(service(1), "a").with(options)).await;
        let headers = seen.lock().unwrap()[0].clone();
        assert_eq!(headers.contains_key(TraceContext::PARENT), is_there, "{headers:?}");
        assert!(!headers.contains_key(TraceContext::STATE), "alone it says nothing: {headers:?}");
    }
}

/// Wishes said twice are one: a trace and the state of another must not be mixed.
#[tokio::test(start_paused = true)]
async fn a_later_context_takes_nothing_of_an_earlier_one() {
    let other = TraceContext::new([9; 16], [9; 8], true).unwrap();
    let earlier = CallOptions::new().trace_context(&context());
    let later = CallOptions::new().trace_context(&other);
    let (seen, gateway) = world(FaultPlan::none(), |builder| builder);
    let fetch = FetchSession::by_name(service(1), "a").with(later.or(earlier));
    let _ = gateway.send(fetch).await;
    let headers = seen.lock().unwrap()[0].clone();
    assert_eq!(TraceContext::of(&headers).unwrap().trace_id().to_string(), "09".repeat(16));
    assert!(!headers.contains_key(TraceContext::STATE), "{headers:?}");
}

/// What the program's own tracing says is the attempt's span, and goes out as it is.
#[tokio::test(start_paused = true)]
async fn the_programs_own_context_goes_out_where_a_call_brings_none() {
    let asked = Arc::new(AtomicU32::new(0));
    let hook = {
        let asked = Arc::clone(&asked);
        move || {
            let number = asked.fetch_add(1, Relaxed) + 1;
            TraceContext::new([7; 16], u64::from(number).to_be_bytes(), true)
        }
    };
    let down = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
    let (seen, gateway) = world(FaultPlan::none().next(1, down), |it| it.trace_context(hook));
    let _ = gateway.send(FetchSession::by_name(service(1), "a")).await;
    let told: Vec<String> = spans(&seen).into_iter().map(|(_, span)| span).collect();
    assert_eq!(told, ["0000000000000001", "0000000000000002"]);
    let options = CallOptions::new().trace_context(&context());
    let _ = gateway.send(FetchSession::by_name(service(1), "a").with(options)).await;
    assert_eq!(asked.load(Relaxed), 2, "a call's own goes before it");
    are_spans_of_one_trace(&spans(&seen)[2..]);
}

/// In a traced backend every call has a context of its own; equal reads share all the same.
#[tokio::test(start_paused = true)]
async fn reads_of_two_traces_share_one_request() {
    let plan = FaultPlan::none().next(1, Mishap::Latency(Duration::from_secs(1)));
    let (seen, gateway) = world(plan, |builder| builder.coalesce(true));
    let other = TraceContext::new([9; 16], [9; 8], true).unwrap();
    let read = |context: &TraceContext| {
        let options = CallOptions::new().trace_context(context);
        gateway.send(FetchSession::by_name(service(1), "a").with(options))
    };
    let (one, two, three) = tokio::join!(
        read(&context()),
        read(&other),
        gateway.send(FetchSession::by_name(service(1), "a"))
    );
    assert!(one.is_err() && two.is_err() && three.is_err(), "there is no such session");
    assert_eq!(seen.lock().unwrap().len(), 1);
    are_spans_of_one_trace(&spans(&seen));
}
