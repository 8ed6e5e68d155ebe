//! Where a call stands when its time is up, and what may have come of it by then.

use std::time::Duration;

use backoff::backoff::Constant;
use http::StatusCode;
use tokio::time::Instant;
use tokio_test::task;
use twilio_proxy::call::{CallOptions, Effect, Live};
use twilio_proxy::gateway::{DefaultGateway, Error, ErrorKind, GatewayExt, StackLayers};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{CreateSession, FetchSession, Session};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, RetryAfter, Simulator};
use twilio_proxy::wire::Operation;

use crate::world::{ATTEMPT_TIMEOUT, BACKOFF, DEADLINE, service, world, world_with};

const SECOND: Duration = Duration::from_secs(1);

fn nameless() -> CreateSession {
    CreateSession::new(service(1))
}

fn order(number: u32) -> CreateSession {
    nameless().unique_name(format!("order-{number}"))
}

fn within(deadline: Duration) -> CallOptions {
    CallOptions::new().deadline(deadline)
}

/// How a create ended that may take a second, and that it took as long as it says.
async fn in_a_second(gateway: &DefaultGateway<Simulator>, create: CreateSession) -> Error {
    let begun = Instant::now();
    let ended = gateway.send(create.with(within(SECOND))).await;
    assert!(begun.elapsed() <= SECOND, "{:?}", begun.elapsed());
    ended.unwrap_err()
}

fn end(error: &Error) -> (ErrorKind, Effect) {
    (error.kind(), error.effect())
}

#[tokio::test(start_paused = true)]
async fn while_the_server_stalls_the_effect_is_unknown() {
    for stall in [Mishap::StallBefore, Mishap::StallAfter, Mishap::Latency(DEADLINE)] {
        let (simulator, gateway) = world(FaultPlan::none().next(9, stall));
        let begun = Instant::now();
        let error = in_a_second(&gateway, order(1)).await;
        assert_eq!(end(&error), (ErrorKind::Deadline, Effect::Unknown), "{stall:?}");
        assert_eq!((error.attempts(), begun.elapsed()), (1, SECOND));
        assert_eq!(simulator.stats().received(), 1);
    }
}

/// The place of a call in a line that does not move: its head is kept and never polled.
#[tokio::test(start_paused = true)]
async fn in_the_queue_of_the_rate_limit_nothing_has_happened() {
    let quota = Quota::per_second(10);
    let (simulator, gateway) = world_with(FaultPlan::none(), |builder| builder.quota(quota));
    gateway.send(order(1)).await.unwrap();
    let mut head = task::spawn(gateway.send(order(2)));
    assert!(head.poll().is_pending());
    let error = in_a_second(&gateway, nameless()).await;
    assert_eq!(end(&error), (ErrorKind::Deadline, Effect::None));
    assert_eq!(simulator.sessions().len(), 1);
    assert!(head.await.is_ok());
}

/// A wait that is known to be too long is not begun.
#[tokio::test(start_paused = true)]
async fn a_queue_that_is_too_long_for_the_deadline_is_refused_at_once() {
    let quota = Quota::per(10 * SECOND, 1);
    let (_, gateway) = world_with(FaultPlan::none(), |builder| builder.quota(quota));
    gateway.send(order(1)).await.unwrap();
    let begun = Instant::now();
    let error = in_a_second(&gateway, order(2)).await;
    assert_eq!(end(&error), (ErrorKind::Rejected, Effect::None));
    assert!(error.is_throttled());
    assert_eq!((error.retry_after(), begun.elapsed()), (Some(10 * SECOND), Duration::ZERO));
}

/// The quota is lowered while a call waits: it finds out, and is refused with nothing done.
#[tokio::test(start_paused = true)]
async fn a_queue_that_becomes_too_long_is_left() {
    let quota = Live::new(Quota::per(30 * SECOND, 1));
    let live = quota.clone();
    let (_, gateway) = world_with(FaultPlan::none(), |builder| builder.quota(live));
    gateway.send(order(1)).await.unwrap();
    let mut waiting = task::spawn(gateway.send(order(2)));
    assert!(waiting.poll().is_pending());
    quota.set(Quota::per(600 * SECOND, 1));
    let error = waiting.await.unwrap_err();
    assert_eq!(end(&error), (ErrorKind::Rejected, Effect::None));
}

/// A gateway of one permit, and a call that holds it for longer than a second.
async fn occupied(
    plan: FaultPlan,
) -> (Simulator, DefaultGateway<Simulator>, task::Spawn<impl Future<Output = Outcome>>) {
    let plan = plan.next_of(Action::Fetch, 1, Mishap::Latency(5 * SECOND));
    let (simulator, gateway) = world_with(plan, |builder| builder.max_in_flight(1));
    let slow = task::spawn(gateway.send(FetchSession::by_name(service(1), "none")));
    (simulator, gateway, slow)
}

type Outcome = Result<Session, Error>;

#[tokio::test(start_paused = true)]
async fn in_the_queue_of_the_concurrency_limit_nothing_has_happened() {
    let (simulator, gateway, mut slow) = occupied(FaultPlan::none()).await;
    assert!(slow.poll().is_pending());
    let error = in_a_second(&gateway, nameless()).await;
    assert_eq!(end(&error), (ErrorKind::Deadline, Effect::None));
    assert_eq!(simulator.stats().of(Action::Create).received, 0);
    assert!(slow.await.unwrap_err().is_not_found());
}

/// The second attempt waits in a queue: what the first may have done is what the call may have done.
#[tokio::test(start_paused = true)]
async fn in_a_queue_before_another_attempt_the_first_one_counts() {
    for (mishap, effect) in [
        (Mishap::Refused, Effect::None),
        (Mishap::Throttled(None), Effect::None),
        (Mishap::ResetBefore, Effect::Unknown),
        (Mishap::ResetAfter, Effect::Unknown),
        (Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE), Effect::Unknown),
    ] {
        let plan = FaultPlan::none().next_of(Action::Create, 1, mishap);
        let (_, gateway, mut slow) = occupied(plan).await;
        let mut call = task::spawn(gateway.send(order(1).with(within(SECOND))));
        // The first attempt is over; while the call backs off, another takes the permit.
        assert!(call.poll().is_pending());
        assert!(slow.poll().is_pending());
        let begun = Instant::now();
        let error = call.await.unwrap_err();
        assert_eq!(end(&error), (ErrorKind::Deadline, effect), "{mishap:?}");
        assert_eq!((error.attempts(), begun.elapsed()), (2, SECOND), "{mishap:?}");
    }
}

/// A back-off that would end after the deadline is not begun: the last answer is the call's, now.
#[tokio::test(start_paused = true)]
async fn without_the_time_to_back_off_the_last_attempt_is_the_answer() {
    for (mishap, kind, effect) in [
        (Mishap::Refused, ErrorKind::Connect, Effect::None),
        (Mishap::Throttled(None), ErrorKind::Throttled, Effect::None),
        (Mishap::ResetAfter, ErrorKind::Interrupted, Effect::Unknown),
        (Mishap::Truncated, ErrorKind::Incomplete, Effect::Unknown),
        (Mishap::Html(StatusCode::BAD_GATEWAY), ErrorKind::Server, Effect::Unknown),
    ] {
        let slow = || Constant::new(2 * SECOND);
        let (simulator, gateway) = world_with(FaultPlan::none().next(1, mishap), |builder| {
            builder
                .layers(move |layers| StackLayers { retry: layers.retry.schedule(slow), ..layers })
        });
        let begun = Instant::now();
        let error = in_a_second(&gateway, order(1)).await;
        assert_eq!((end(&error), error.attempts()), ((kind, effect), 1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(simulator.sessions().len(), usize::from(mishap.acts()));
    }
}

#[tokio::test(start_paused = true)]
async fn nor_is_a_wait_that_the_server_asks_for() {
    for when in [RetryAfter::Seconds(3), RetryAfter::DateIn(3 * SECOND)] {
        let (_, gateway) = world(FaultPlan::none().next(1, Mishap::Throttled(Some(when))));
        let begun = Instant::now();
        let error = in_a_second(&gateway, order(1)).await;
        assert_eq!(end(&error), (ErrorKind::Throttled, Effect::None));
        assert_eq!((error.retry_after(), error.attempts()), (Some(3 * SECOND), 1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // With the time for it, the same call waits as long as it was asked to, and succeeds.
        gateway.send(order(1).with(within(5 * SECOND))).await.unwrap();
        let begun = Instant::now();
        let again = FaultPlan::none().next(1, Mishap::Throttled(Some(when)));
        let (_, gateway) = world(again);
        gateway.send(order(1).with(within(5 * SECOND))).await.unwrap();
        assert_eq!(begun.elapsed(), 3 * SECOND + BACKOFF);
    }
}

/// By default there is time for three attempts that hang, and what is left of a fourth.
#[tokio::test(start_paused = true)]
async fn the_default_deadline_covers_attempts_and_back_off() {
    let (simulator, gateway) = world(FaultPlan::none().next(9, Mishap::StallAfter));
    let begun = Instant::now();
    let error = gateway.send(order(1)).await.unwrap_err();
    assert_eq!(end(&error), (ErrorKind::Deadline, Effect::Unknown));
    assert_eq!((error.attempts(), begun.elapsed()), (4, DEADLINE));
    assert_eq!(simulator.sessions().len(), 1);

    // A create without a name is not repeated: its attempt's timeout is its end.
    let begun = Instant::now();
    let error = gateway.send(nameless()).await.unwrap_err();
    assert_eq!(end(&error), (ErrorKind::AttemptTimeout, Effect::Unknown));
    assert_eq!((error.attempts(), begun.elapsed()), (1, ATTEMPT_TIMEOUT));
}
