//! What one call may ask for that differs from the settings.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tokio_test::{assert_ready, task};
use twilio_proxy::call::{CallOptions, Effect, Priority, Rejection, WhenLimited};
use twilio_proxy::gateway::{ErrorKind, GatewayExt, StackLayers};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap};
use twilio_proxy::wire::Operation;

use crate::world::{DEADLINE, service, world, world_with};

fn order() -> CreateSession {
    CreateSession::new(service(1)).unique_name("order-1")
}

fn fetch() -> FetchSession {
    FetchSession::by_name(service(1), "order-1")
}

/// Shorter than the default, or longer.
#[tokio::test(start_paused = true)]
async fn a_deadline_of_its_own() {
    for deadline in [Duration::from_millis(1), Duration::from_secs(300)] {
        let (_, gateway) = world(FaultPlan::none().next(99, Mishap::StallBefore));
        let begun = Instant::now();
        let options = CallOptions::new().deadline(deadline).max_attempts(99);
        let error = gateway.send(fetch().with(options)).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::Deadline, deadline));
        // The settings are as they were for the next call.
        let begun = Instant::now();
        gateway.send(fetch()).await.unwrap_err();
        assert_eq!(begun.elapsed(), DEADLINE);
    }
}

/// Fewer than the default of four, or more; zero is as good as one.
#[tokio::test(start_paused = true)]
async fn a_number_of_attempts_of_its_own() {
    for (wanted, made) in [(None, 4), (Some(0), 1), (Some(1), 1), (Some(2), 2), (Some(7), 7)] {
        let broken = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
        let (simulator, gateway) = world(FaultPlan::none().next(99, broken));
        let options = CallOptions::new();
        let options = wanted.map_or(options.clone(), |wanted| options.max_attempts(wanted));
        let error = gateway.send(fetch().with(options)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, made));
        assert_eq!(simulator.stats().of(Action::Fetch).received, u64::from(made));
    }
}

/// The setting of the gateway gives way to the wish of the call.
#[tokio::test(start_paused = true)]
async fn its_number_of_attempts_replaces_the_gateways() {
    let plan = FaultPlan::none().next(99, Mishap::ResetBefore);
    let (_, gateway) = world_with(plan, |builder| builder.max_attempts(2));
    assert_eq!(gateway.send(fetch()).await.unwrap_err().attempts(), 2);
    let options = CallOptions::new().max_attempts(3);
    assert_eq!(gateway.send(fetch().with(options)).await.unwrap_err().attempts(), 3);
}

/// The other way round as for creates without a name: what may be repeated is not.
#[tokio::test(start_paused = true)]
async fn not_to_be_replayed() {
    let plan = FaultPlan::none().next(1, Mishap::ResetAfter);
    let (simulator, gateway) = world(plan);
    let error = gateway.send(order().with(CallOptions::new().replay(false))).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Interrupted, Effect::Unknown));
    assert_eq!((error.attempts(), simulator.stats().received()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn to_be_refused_at_the_rate_limit() {
    let quota = Quota::per_second(1);
    let (simulator, gateway) = world_with(FaultPlan::none(), |builder| builder.quota(quota));
    gateway.send(order()).await.unwrap();
    let refuse = CallOptions::new().when_limited(WhenLimited::Refuse);
    let begun = Instant::now();
    let error = gateway.send(order().with(refuse)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Rejected, Effect::None));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!((begun.elapsed(), simulator.stats().received()), (Duration::ZERO, 1));
}

/// Refused before its second attempt, a call is as unknown as its first attempt left it.
#[tokio::test(start_paused = true)]
async fn to_be_refused_at_the_rate_limit_says_nothing_of_earlier_attempts() {
    let plan = FaultPlan::none().next(1, Mishap::ResetAfter);
    let (simulator, gateway) = world_with(plan, |builder| builder.quota(Quota::per_second(1)));
    let refuse = CallOptions::new().when_limited(WhenLimited::Refuse);
    let error = gateway.send(order().with(refuse)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Rejected, Effect::Unknown));
    assert_eq!((error.attempts(), simulator.sessions().len()), (2, 1));
}

/// The gateway refuses by its settings, and the call would rather wait.
#[tokio::test(start_paused = true)]
async fn to_wait_at_the_rate_limit() {
    let (_, gateway) = world_with(FaultPlan::none(), |builder| {
        builder.quota(Quota::per_second(1)).when_limited(WhenLimited::Refuse)
    });
    gateway.send(order()).await.unwrap();
    gateway.send(fetch()).await.unwrap();
    assert_eq!(gateway.send(fetch()).await.unwrap_err().kind(), ErrorKind::Rejected);
    let wait = CallOptions::new().when_limited(WhenLimited::Wait);
    let begun = Instant::now();
    gateway.send(fetch().with(wait)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

/// Of ten places in a line, calls of low priority may see five taken, normal ones nine, high ones
/// all but the last. Where there is none left, who came last of the lowest has to go.
#[tokio::test(start_paused = true)]
async fn a_priority() {
    let (simulator, gateway) =
        world_with(FaultPlan::none().next(1, Mishap::Latency(DEADLINE / 10)), |builder| {
            builder.quota(Quota::per_second(1_000).burst(1_000)).max_in_flight(1).layers(|layers| {
                StackLayers { concurrency: layers.concurrency.max_waiting(10), ..layers }
            })
        });
    let send = |priority| {
        let options = CallOptions::new().priority(priority);
        let mut call =
            task::spawn(gateway.send(FetchSession::by_name(service(1), "none").with(options)));
        let outcome = call.poll();
        (call, outcome)
    };
    let (mut goes, mut shed) = (Vec::new(), Vec::new());
    goes.push(send(Priority::Normal).0);
    for (priority, joins) in [(Priority::Low, 5), (Priority::Normal, 4), (Priority::High, 1)] {
        for _ in 0..joins {
            let calls = if priority == Priority::Low { &mut shed } else { &mut goes };
            calls.push(send(priority).0);
        }
    }
    let line = || gateway.health().concurrency.unwrap();
    assert_eq!(line().waiting, 10);
    let (_, outcome) = send(Priority::Low);
    let refused = assert_ready!(outcome).unwrap_err();
    assert_eq!((refused.kind(), refused.effect()), (ErrorKind::Rejected, Effect::None));
    assert_eq!(refused.rejection(), Some(Rejection::QueueFull));

    // Five more of high priority take the places of the five low ones, the youngest first.
    for _ in 0..5 {
        goes.push(send(Priority::High).0);
        let error = assert_ready!(shed.pop().unwrap().poll()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Rejected, Effect::None));
        assert_eq!(error.rejection(), Some(Rejection::Shed));
    }
    assert_eq!((line().waiting, line().shed), (10, 5));
    for call in goes {
        assert!(call.await.unwrap_err().is_not_found());
    }
    assert_eq!(simulator.stats().of(Action::Fetch).received, 11);
}
