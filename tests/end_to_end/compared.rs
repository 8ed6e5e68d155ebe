//! A lost create whose participants are compared as well, with one more read.

use std::error::Error as _;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, advance, sleep};
use tokio_test::task;
use twilio_proxy::call::{CallOptions, Effect};
use twilio_proxy::gateway::{DefaultGateway, Error, ErrorKind, GatewayExt, ReconcileLayer};
use twilio_proxy::sessions::{CreateSession, Participant, SessionMode};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};
use twilio_proxy::wire::{Operation, codes};

use crate::world::{service, world, world_with};

const ANN: &str = "+15550001111";
const BOB: &str = "+15550002222";
const CARL: &str = "+15550003333";

fn order(identifiers: &[&str]) -> CreateSession {
    let order = CreateSession::new(service(1)).unique_name("order-1");
    let someone = |identifier: &&str| Participant::new(*identifier);
    identifiers.iter().map(someone).fold(order, CreateSession::participant)
}

fn lost() -> FaultPlan {
    FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter)
}

fn comparing(plan: FaultPlan) -> (Simulator, DefaultGateway<Simulator>) {
    let layer = ReconcileLayer::new().compare_participants(true);
    world_with(plan, |builder| builder.reconcile(layer))
}

fn reads(simulator: &Simulator) -> (u64, u64) {
    let received = |action| simulator.stats().of(action).received;
    (received(Action::Fetch), received(Action::Participants))
}

/// The refusal stands and nothing is claimed of the effect; why the session could not be told.
#[track_caller]
fn assert_unclear(error: &Error, why: &str) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(codes::UNIQUE_NAME_TAKEN)));
    assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
    assert!(error.to_string().ends_with(why), "{error}");
    for phone in [ANN, BOB, CARL] {
        assert!(!format!("{error} {error:?}").contains(&phone[1..]), "{error:?}");
    }
}

const OTHERS: &str = "its participants are not those asked for";

#[tokio::test(start_paused = true)]
async fn a_session_of_the_same_participants_is_found_again_at_one_more_read() {
    for identifiers in [&[ANN][..], &[ANN, BOB]] {
        let slow = Mishap::Latency(Duration::from_millis(200));
        let (simulator, gateway) = comparing(lost().next_of(Action::Participants, 1, slow));
        let begun = Instant::now();
        let reply = gateway.send(order(identifiers).detailed()).await.unwrap();
        assert!(reply.recovered);
        // Two creates, the look, and the list; and the time that they took together.
        assert_eq!((reply.attempts, reply.elapsed), (4, begun.elapsed()));
        assert_eq!(reads(&simulator), (1, 1));
        assert_eq!(reply.output.sid, Some(simulator.sessions()[0].sid));
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_was_asked_of_a_participant_is_compared() {
    let sid = "PN0123456789abcdef0123456789abcdef".parse().unwrap();
    let ann = Participant::new(ANN).friendly_name("Ann").proxy_identifier("+15559990000");
    let bob = Participant::new(BOB).proxy_identifier_sid(sid);
    let (simulator, gateway) = comparing(lost());
    let both = order(&[]).participant(ann).participant(bob);
    assert!(gateway.send(both.detailed()).await.unwrap().recovered);
    assert_eq!(reads(&simulator), (1, 1));
}

/// Two callers raced with one name. Without a look at the participants each was given the one
/// session, and one of them connected two people of the other's.
#[tokio::test(start_paused = true)]
async fn a_namesake_with_other_participants_is_not_taken_for_ours() {
    let named = |name| order(&[]).participant(Participant::new(ANN).friendly_name(name));
    for (theirs, ours) in [
        (order(&[CARL]), order(&[ANN])),
        (order(&[ANN, CARL]), order(&[ANN, BOB])),
        (order(&[ANN, BOB]), order(&[ANN])),
        (order(&[ANN]), order(&[ANN, BOB])),
        (order(&[]), order(&[ANN])),
        (named("Ann"), named("Anna")),
    ] {
        let (simulator, gateway) = comparing(FaultPlan::none());
        gateway.send(theirs).await.unwrap();
        simulator.set_faults(FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetBefore));
        let error = gateway.send(ours).await.unwrap_err();
        assert_unclear(&error, OTHERS);
        assert!(error.source().is_none());
        assert_eq!(reads(&simulator), (1, 1));
        assert_eq!(simulator.stats().of(Action::Create).committed, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_being_asked_nobody_reads_them() {
    let (simulator, gateway) = world(lost());
    assert!(gateway.send(order(&[ANN]).detailed()).await.unwrap().recovered);
    assert_eq!(reads(&simulator), (1, 0));
    // Nor where the create named none.
    let (simulator, gateway) = comparing(lost());
    assert!(gateway.send(order(&[]).detailed()).await.unwrap().recovered);
    assert_eq!(reads(&simulator), (1, 0));
}

/// One read is enough to know that a session is another's, or not to know whose it is.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_ours_is_not_looked_into() {
    let ours = order(&[ANN]).mode(SessionMode::MessageOnly).ttl(Duration::from_secs(60));
    let other_mode = ours.clone().mode(SessionMode::VoiceOnly);
    let other_ttl = ours.clone().ttl(Duration::from_secs(61));
    for (theirs, ago, effect) in [
        (ours.clone(), 3600, Effect::None),
        (other_mode, 1, Effect::None),
        (other_ttl, 1, Effect::Unknown),
    ] {
        let (simulator, gateway) = comparing(FaultPlan::none());
        // Long enough to be there still.
        gateway.send(theirs.date_expiry("2026-02-01T00:00:00Z".parse().unwrap())).await.unwrap();
        advance(Duration::from_secs(ago)).await;
        simulator.set_faults(FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetBefore));
        let error = gateway.send(ours.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.effect()), (Some(codes::UNIQUE_NAME_TAKEN), effect));
        assert_eq!(reads(&simulator), (1, 0));
    }
}

/// What others do to the session while its create does not know yet that it was made.
async fn meanwhile(
    ours: CreateSession,
    act: impl FnOnce(&Simulator),
) -> (Simulator, Result<bool, Error>) {
    let (simulator, gateway) =
        comparing(FaultPlan::none().next_of(Action::Create, 1, Mishap::StallAfter));
    let others = async {
        sleep(Duration::from_secs(5)).await;
        act(&simulator);
    };
    let (created, ()) = tokio::join!(gateway.send(ours.detailed()), others);
    (simulator.clone(), created.map(|reply| reply.recovered))
}

/// That others take part by now does not make it another's: it was this call that made it.
#[tokio::test(start_paused = true)]
async fn participants_who_changed_since_leave_it_open_whose_it_is() {
    let join = |simulator: &Simulator, who: &str| {
        let session = simulator.sessions()[0].sid;
        simulator.join(&session, who).unwrap();
    };
    let (simulator, joined) = meanwhile(order(&[ANN]), |simulator| join(simulator, BOB)).await;
    assert_unclear(&joined.unwrap_err(), OTHERS);
    assert_eq!(simulator.sessions().len(), 1);
    let (simulator, replaced) = meanwhile(order(&[ANN, BOB]), |simulator| {
        assert!(simulator.leave(&simulator.sessions()[0].participants[0].sid));
        join(simulator, CARL);
    })
    .await;
    assert_unclear(&replaced.unwrap_err(), OTHERS);
    assert_eq!(simulator.sessions().len(), 1);
}

/// Who was removed is in the list still, and tells whose session it is.
#[tokio::test(start_paused = true)]
async fn a_session_is_ours_though_somebody_has_left_it() {
    let (_, left) = meanwhile(order(&[ANN, BOB]), |simulator| {
        assert!(simulator.leave(&simulator.sessions()[0].participants[1].sid));
    })
    .await;
    assert!(left.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_is_the_source_of_the_refusal() {
    for (mishap, kind) in [
        (Mishap::ErrorBefore(StatusCode::INTERNAL_SERVER_ERROR), ErrorKind::Server),
        (Mishap::ResetAfter, ErrorKind::Interrupted),
        (Mishap::Rejected(StatusCode::NOT_FOUND, codes::NOT_FOUND), ErrorKind::Refused),
        (Mishap::GarbledBody, ErrorKind::Decode),
    ] {
        let (simulator, gateway) = comparing(lost().next_of(Action::Participants, 9, mishap));
        let error = gateway.send(order(&[ANN])).await.unwrap_err();
        assert_unclear(&error, "");
        let cause: &Error = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(cause.kind(), kind);
        assert_eq!(simulator.sessions().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_again_like_any() {
    let (simulator, gateway) =
        comparing(lost().next_of(Action::Participants, 3, Mishap::ResetBefore));
    let reply = gateway.send(order(&[ANN]).detailed()).await.unwrap();
    assert_eq!((reply.recovered, reply.attempts, reads(&simulator)), (true, 7, (1, 4)));
}

#[tokio::test(start_paused = true)]
async fn both_reads_share_what_is_left_of_the_deadline() {
    let slow = Mishap::Latency(Duration::from_secs(3));
    let plan = lost().next_of(Action::Fetch, 1, slow).next_of(Action::Participants, 9, slow);
    let (simulator, gateway) = comparing(plan);
    let begun = Instant::now();
    let options = CallOptions::new().deadline(Duration::from_secs(5));
    let error = gateway.send(order(&[ANN]).with(options)).await.unwrap_err();
    assert_unclear(&error, "");
    let cause: &Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), ErrorKind::Deadline);
    assert_eq!(begun.elapsed().as_millis(), 5_000);
    assert_eq!(reads(&simulator), (1, 1));
}

/// The look came back, and by the time that its caller got to poll the deadline was over.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_leaves_no_time_for_the_second_read() {
    let plan = lost().next_of(Action::Fetch, 1, Mishap::Latency(Duration::from_millis(500)));
    let (simulator, gateway) = comparing(plan);
    let options = CallOptions::new().deadline(Duration::from_secs(1));
    let mut call = task::spawn(gateway.send(order(&[ANN]).with(options)));
    assert!(call.poll().is_pending());
    advance(Duration::from_millis(100)).await;
    assert!(call.poll().is_pending());
    assert_eq!(reads(&simulator), (1, 0));
    advance(Duration::from_secs(5)).await;
    let error = call.await.unwrap_err();
    assert_unclear(&error, "no time was left to read its participants");
    assert!(error.source().is_none());
    assert_eq!(reads(&simulator), (1, 0));
}

/// The call was in time for the shutdown, so all that it needs is let through.
#[tokio::test(start_paused = true)]
async fn both_reads_are_let_through_a_shutdown() {
    let plan = FaultPlan::none().next_of(Action::Create, 1, Mishap::StallAfter);
    let (simulator, gateway) = comparing(plan);
    let mut call = task::spawn(gateway.send(order(&[ANN]).detailed()));
    assert!(call.poll().is_pending());
    assert_eq!(gateway.shutdown(Duration::ZERO).await.cut_off, 1);
    assert!(call.await.unwrap().recovered);
    assert_eq!(reads(&simulator), (1, 1));
    assert!(gateway.send(order(&[ANN])).await.is_err());
}

/// It once was over as soon as the create was refused, with the look under way.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_both_reads() {
    let slow = Mishap::Latency(Duration::from_secs(2));
    let plan = lost().next_of(Action::Fetch, 1, slow).next_of(Action::Participants, 1, slow);
    let (simulator, gateway) = comparing(plan);
    let call = gateway.send(order(&[ANN]).detailed());
    let closing = async {
        sleep(Duration::from_millis(50)).await;
        gateway.shutdown(Duration::from_secs(60)).await
    };
    let begun = Instant::now();
    let (created, drained) = tokio::join!(call, closing);
    assert!(created.unwrap().recovered);
    assert_eq!((drained.cut_off, reads(&simulator)), (0, (1, 1)));
    assert_eq!(begun.elapsed().as_millis(), 4_100);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_looks_it_leaves_nothing_behind() {
    for action in [Action::Fetch, Action::Participants] {
        let (simulator, gateway) = comparing(lost().next_of(action, 1, Mishap::StallBefore));
        let mut call = task::spawn(gateway.send(order(&[ANN])));
        assert!(call.poll().is_pending());
        advance(Duration::from_millis(100)).await;
        assert!(call.poll().is_pending());
        assert_eq!((simulator.stats().of(action).received, gateway.in_flight()), (1, 1));
        drop(call);
        assert_eq!(gateway.in_flight(), 0);
        // Nor is anybody in flight at the server; and what was made is there to be found.
        let fetch = twilio_proxy::sessions::FetchSession::by_name(service(1), "order-1");
        let reply = gateway.send(fetch.detailed()).await.unwrap();
        assert_eq!(reply.concurrent_requests(), Some(1), "{action:?}");
    }
}
