//! The look for a lost create, when it fails itself: the call stays unknown, and says why.

use std::error::Error as _;
use std::time::Duration;

use http::{Response, StatusCode, header};
use tokio::time::{Instant, advance};
use tower::ServiceBuilder;
use twilio_proxy::call::{CallOptions, Collected, Effect};
use twilio_proxy::gateway::{Error, ErrorKind, GatewayExt};
use twilio_proxy::sessions::{CreateSession, SessionMode};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};
use twilio_proxy::wire::{Operation, codes};

use crate::world::{BACKOFF, builder, clock, service, settings, steady, world};

fn order() -> CreateSession {
    CreateSession::new(service(1)).unique_name("order-1").mode(SessionMode::MessageOnly)
}

fn lost() -> FaultPlan {
    FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter)
}

/// The refusal stands, nothing is claimed of the effect; the error of the look, if there was one.
fn cause(error: &Error) -> Option<&Error> {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(codes::UNIQUE_NAME_TAKEN)));
    assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
    error.source().map(|source| source.downcast_ref().expect("an error of the gateway"))
}

fn looks(simulator: &Simulator) -> u64 {
    simulator.stats().of(Action::Fetch).received
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_the_source_of_the_refusal() {
    let server_error = StatusCode::INTERNAL_SERVER_ERROR;
    for (mishap, kind) in [
        (Mishap::ErrorBefore(server_error), ErrorKind::Server),
        (Mishap::ResetAfter, ErrorKind::Interrupted),
        (Mishap::Rejected(StatusCode::NOT_FOUND, 20404), ErrorKind::Refused),
        (Mishap::GarbledBody, ErrorKind::Decode),
    ] {
        let (simulator, gateway) = world(lost().next_of(Action::Fetch, 9, mishap));
        let error = gateway.send(order()).await.unwrap_err();
        assert_eq!(cause(&error).map(Error::kind), Some(kind));
        assert!(looks(&simulator) >= 1);
        assert_eq!(simulator.sessions().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_is_tried_again_like_any_fetch() {
    let (simulator, gateway) = world(lost().next_of(Action::Fetch, 3, Mishap::ResetBefore));
    let reply = gateway.send(order().detailed()).await.unwrap();
    assert!(reply.recovered);
    assert_eq!((reply.attempts, looks(&simulator)), (6, 4));
}

/// Without the server's own clock nothing proves that the session is not an older one.
#[tokio::test(start_paused = true)]
async fn without_a_date_it_stays_unknown() {
    let clock = clock();
    let simulator = Simulator::with(settings(clock, 1));
    simulator.set_faults(lost());
    let timeless = ServiceBuilder::new()
        .map_response(|mut response: Response<Collected>| {
            response.headers_mut().remove(header::DATE);
            response
        })
        .service(simulator.clone());
    let gateway = steady(builder(clock, 2)).over(timeless).unwrap();
    let error = gateway.send(order()).await.unwrap_err();
    assert!(cause(&error).is_none());
    assert_eq!((looks(&simulator), simulator.sessions().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_look_has_what_is_left_of_the_deadline() {
    let (_, gateway) = world(lost().next_of(Action::Fetch, 9, Mishap::StallBefore));
    let begun = Instant::now();
    let options = CallOptions::new().deadline(Duration::from_secs(5));
    let error = gateway.send(order().with(options)).await.unwrap_err();
    assert_eq!(cause(&error).map(Error::kind), Some(ErrorKind::Deadline));
    assert_eq!(begun.elapsed().as_millis(), 5_000);
}

/// The default deadline, which no option names, is inherited as well.
#[tokio::test(start_paused = true)]
async fn the_look_inherits_the_layers_deadline_too() {
    let (_, gateway) = world(lost().next_of(Action::Fetch, 9, Mishap::StallBefore));
    let begun = Instant::now();
    let error = gateway.send(order()).await.unwrap_err();
    assert_eq!(cause(&error).map(Error::kind), Some(ErrorKind::Deadline));
    assert_eq!(begun.elapsed().as_millis(), 35_000);
}

/// The refusal comes in the very moment of the deadline.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_just_up_leaves_no_time_to_look() {
    let wait = Duration::from_millis(900);
    let plan = lost().next_of(Action::Create, 1, Mishap::Latency(wait));
    let (simulator, gateway) = world(plan);
    let options = CallOptions::new().deadline(BACKOFF + wait);
    let error = gateway.send(order().with(options)).await.unwrap_err();
    assert_eq!(cause(&error).map(Error::kind), Some(ErrorKind::Deadline));
    assert_eq!(looks(&simulator), 0);
}

/// A caller who was kept from polling until the deadline was over gets the refusal that had come.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_leaves_no_time_to_look() {
    let plan = lost().next_of(Action::Create, 1, Mishap::Latency(Duration::from_millis(500)));
    let (simulator, gateway) = world(plan);
    let options = CallOptions::new().deadline(Duration::from_secs(1));
    let mut call = tokio_test::task::spawn(gateway.send(order().with(options)));
    assert!(call.poll().is_pending());
    advance(BACKOFF).await;
    assert!(call.poll().is_pending());
    advance(Duration::from_secs(5)).await;
    let error = call.await.unwrap_err();
    assert!(cause(&error).is_none());
    assert_eq!(looks(&simulator), 0);
}

/// Twilio takes such names, and there is no URL that leads to them.
#[tokio::test(start_paused = true)]
async fn a_name_that_no_url_can_hold_stays_unknown() {
    for name in [".", ".."] {
        let (simulator, gateway) = world(lost());
        let error = gateway.send(CreateSession::new(service(1)).unique_name(name)).await;
        let error = error.unwrap_err();
        assert_eq!(cause(&error).map(Error::kind), Some(ErrorKind::Encode), "{name}");
        assert_eq!(simulator.stats().received(), 2, "{name}");
        assert_eq!(simulator.sessions()[0].unique_name.as_deref(), Some(name));
    }
}
