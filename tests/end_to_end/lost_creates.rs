//! A create whose answer was lost is found again by its name, and only if it is this call's own.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use twilio_proxy::call::{CallOptions, Effect};
use twilio_proxy::gateway::{DefaultGateway, Error, ErrorKind, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::sessions::{CreateSession, Session, SessionMode, UpdateSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};
use twilio_proxy::wire::{Operation, codes};

use crate::world::{builder, clock, service, settings, steady, world};

const NAME: &str = "Order #1234/ä";
const SERVER_ERROR: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

fn order() -> CreateSession {
    CreateSession::new(service(1)).unique_name(NAME)
}

fn lost(mishap: Mishap) -> FaultPlan {
    FaultPlan::none().next_of(Action::Create, 1, mishap)
}

fn looks(simulator: &Simulator) -> u64 {
    simulator.stats().of(Action::Fetch).received
}

fn expiry() -> Timestamp {
    "2026-02-01T00:00:00.999Z".parse().unwrap()
}

/// The error of a create that is refused because the name is another's, as a caller sees it.
fn assert_anothers(error: &Error) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(codes::UNIQUE_NAME_TAKEN)));
    assert_eq!(error.effect(), Effect::None, "{error:?}");
    assert_eq!(error.to_string(), "the UniqueName is taken by another session");
}

#[tokio::test(start_paused = true)]
async fn whatever_lost_the_answer_the_session_is_found_again() {
    for mishap in [
        Mishap::ResetAfter,
        Mishap::ErrorAfter(SERVER_ERROR),
        Mishap::Truncated,
        Mishap::GarbledWire,
        Mishap::StallAfter,
        Mishap::Latency(Duration::from_secs(12)),
    ] {
        let (simulator, gateway) = world(lost(mishap));
        let create = order()
            .mode(SessionMode::MessageOnly)
            .ttl(Duration::from_secs(3600))
            .date_expiry(expiry());
        let reply = gateway.send(create.detailed()).await.unwrap();
        assert!(reply.recovered, "{mishap:?}");
        // Two creates, the second of them refused, and the look.
        assert_eq!((reply.attempts, reply.status), (3, StatusCode::OK), "{mishap:?}");
        let made = simulator.sessions();
        assert_eq!(made.len(), 1);
        assert_eq!(reply.output.sid, Some(made[0].sid));
        assert_eq!(reply.output.unique_name.as_deref(), Some(NAME));
    }
}

#[tokio::test(start_paused = true)]
async fn without_metadata_the_session_comes_all_the_same() {
    let (simulator, gateway) = world(lost(Mishap::ResetAfter));
    let session = gateway.sessions(service(1)).create(|new| new.unique_name(NAME)).await.unwrap();
    assert_eq!(session.sid, Some(simulator.sessions()[0].sid));
    assert_eq!(looks(&simulator), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_not_done_is_done_by_the_retry_and_not_called_recovered() {
    let (simulator, gateway) = world(lost(Mishap::ResetBefore));
    let reply = gateway.send(order().detailed()).await.unwrap();
    assert_eq!((reply.recovered, reply.attempts), (false, 2));
    assert_eq!(reply.status, StatusCode::CREATED);
    assert_eq!(looks(&simulator), 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_at_the_first_attempt_is_not_looked_for() {
    let (simulator, gateway) = world(FaultPlan::none());
    gateway.send(order()).await.unwrap();
    let error = gateway.send(order()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(codes::UNIQUE_NAME_TAKEN)));
    assert_eq!((error.effect(), error.attempts()), (Effect::None, 1));
    assert_eq!(looks(&simulator), 0);
}

/// A refused connection and a 429 did nothing: the name was somebody else's before.
#[tokio::test(start_paused = true)]
async fn after_attempts_that_did_nothing_there_is_nothing_to_look_for() {
    for mishap in [Mishap::Refused, Mishap::Throttled(None)] {
        let (simulator, gateway) = world(FaultPlan::none());
        gateway.send(order()).await.unwrap();
        simulator.set_faults(lost(mishap));
        let error = gateway.send(order()).await.unwrap_err();
        assert_eq!((error.effect(), error.attempts()), (Effect::None, 2), "{mishap:?}");
        assert_eq!(looks(&simulator), 0, "{mishap:?}");
    }
}

/// A world where somebody made a session of this name so long ago, and where the first attempt of
/// the next create breaks off before Proxy acts.
async fn taken(
    theirs: CreateSession,
    ago: Duration,
) -> (Simulator, DefaultGateway<Simulator>, Session) {
    let (simulator, gateway) = world(FaultPlan::none());
    let theirs = gateway.send(theirs).await.unwrap();
    tokio::time::advance(ago).await;
    simulator.set_faults(lost(Mishap::ResetBefore));
    (simulator, gateway, theirs)
}

#[tokio::test(start_paused = true)]
async fn a_session_from_before_the_call_is_anothers() {
    for ago in [Duration::from_secs(8), Duration::from_secs(3600)] {
        let (simulator, gateway, _) = taken(order(), ago).await;
        let error = gateway.send(order()).await.unwrap_err();
        assert_anothers(&error);
        assert_eq!(looks(&simulator), 1);
        assert_eq!(simulator.stats().of(Action::Create).committed, 1);
    }
}

/// The long way of a create that was under way for a minute: what counts is when the call began,
/// not when it was refused.
#[tokio::test(start_paused = true)]
async fn a_session_made_early_in_a_long_call_is_found_again() {
    let hang = Mishap::StallBefore;
    let plan = lost(Mishap::ResetAfter).next_of(Action::Create, 5, hang);
    let (_, gateway) = world(plan);
    let minutes = CallOptions::new().deadline(Duration::from_secs(180)).max_attempts(9);
    let reply = gateway.send(order().detailed().with(minutes)).await.unwrap();
    assert!(reply.recovered);
    assert!(reply.elapsed > Duration::from_secs(50), "{:?}", reply.elapsed);
}

/// What the documentation says can't be proven: the same name, the same wishes, the same seconds.
#[tokio::test(start_paused = true)]
async fn a_namesake_of_the_same_seconds_looks_like_our_own() {
    let (_, gateway, theirs) = taken(order(), Duration::from_secs(2)).await;
    let ours = gateway.send(order()).await.unwrap();
    assert_eq!(ours.sid, theirs.sid);
}

/// The mode is set once and for all, so a session of another mode is not this call's.
#[tokio::test(start_paused = true)]
async fn a_session_of_another_mode_is_anothers() {
    let ours = order().mode(SessionMode::MessageOnly);
    for theirs in [order(), order().mode(SessionMode::VoiceOnly)] {
        let (simulator, gateway, _) = taken(theirs, Duration::from_secs(1)).await;
        let error = gateway.send(ours.clone()).await.unwrap_err();
        assert_anothers(&error);
        assert_eq!(simulator.stats().of(Action::Create).committed, 1);
    }
}

/// TTL and expiry may have been changed since by whoever saw the session: that they differ from what
/// was asked for proves nothing.
///
/// A create timed out; while it did, a worker found the session that it had made and gave it more
/// time. The create was then told that its name was taken by another session, effect none: its
/// caller chose another name, and one order had two sessions.
#[tokio::test(start_paused = true)]
async fn a_session_that_was_changed_meanwhile_is_not_said_to_be_anothers() {
    let order = || order().ttl(Duration::from_secs(60)).date_expiry(expiry());
    let later = expiry() + SignedDuration::from_hours(1);
    for change in 0..2 {
        let (simulator, gateway) = world(lost(Mishap::StallAfter));
        let worker = async {
            sleep(Duration::from_secs(5)).await;
            let update = UpdateSession::new(service(1), simulator.sessions()[0].sid);
            let update = match change {
                0 => update.ttl(Duration::from_secs(120)),
                _ => update.date_expiry(later),
            };
            gateway.send(update).await.unwrap();
        };
        let (created, ()) = tokio::join!(gateway.send(order()), worker);
        let error = created.unwrap_err();
        assert_eq!(error.code(), Some(codes::UNIQUE_NAME_TAKEN));
        assert_eq!(error.effect(), Effect::Unknown, "{error}");
        assert_eq!(simulator.stats().of(Action::Create).committed, 1);
    }
}

/// Nor is such a session taken for this call's own.
#[tokio::test(start_paused = true)]
async fn a_session_of_another_ttl_or_expiry_is_not_returned() {
    let ttl = |seconds| order().ttl(Duration::from_secs(seconds));
    let earlier = Timestamp::from_second(expiry().as_second() - 1).unwrap();
    for (theirs, ours) in [
        (ttl(60), ttl(61)),
        (order(), ttl(60)),
        (order().date_expiry(earlier), order().date_expiry(expiry())),
        (order(), order().date_expiry(expiry())),
    ] {
        let (simulator, gateway, _) = taken(theirs, Duration::from_secs(1)).await;
        let error = gateway.send(ours).await.unwrap_err();
        assert_eq!(error.code(), Some(codes::UNIQUE_NAME_TAKEN));
        assert_eq!(error.effect(), Effect::Unknown, "{error}");
        assert_eq!(looks(&simulator), 1);
    }
}

/// The create and the look speak for the account that the caller named: in the gateway's own
/// account there is no such session.
#[tokio::test(start_paused = true)]
async fn the_look_uses_the_credentials_of_the_call() {
    let (clock, subaccount) = (clock(), format!("AC{:032x}", 7).parse().unwrap());
    let simulator = Simulator::with(settings(clock, 1).account(subaccount, "their-token"));
    simulator.set_faults(lost(Mishap::ResetAfter));
    let gateway = steady(builder(clock, 2)).over(simulator.clone()).unwrap();
    let theirs = Credentials::auth_token(subaccount, "their-token").authorization().unwrap();
    let options = CallOptions::new().authorization(theirs);
    let reply = gateway.send(order().detailed().with(options)).await.unwrap();
    assert!(reply.recovered);
    assert_eq!(reply.output.account_sid, Some(subaccount));
    assert_eq!(simulator.sessions()[0].account_sid, subaccount);
}

/// Wishes that were said inside count as they do for the create: the look once forgot them.
#[tokio::test(start_paused = true)]
async fn the_look_uses_credentials_that_were_said_inside_too() {
    let (clock, subaccount) = (clock(), format!("AC{:032x}", 7).parse().unwrap());
    let simulator = Simulator::with(settings(clock, 1).account(subaccount, "their-token"));
    simulator.set_faults(lost(Mishap::ResetAfter));
    let gateway = steady(builder(clock, 2)).over(simulator.clone()).unwrap();
    let theirs = Credentials::auth_token(subaccount, "their-token").authorization().unwrap();
    let inside = CallOptions::new().authorization(theirs).form("More", "x");
    let outside = CallOptions::new().max_attempts(3);
    let reply = gateway.send(order().with(inside).detailed().with(outside)).await.unwrap();
    assert!(reply.recovered);
    assert_eq!(simulator.sessions()[0].account_sid, subaccount);
}

/// Which of the two Proxy looks at first, the name or the participants, is not documented: a replay
/// may be told that its participants are taken, namely by the session that it has made itself.
#[tokio::test(start_paused = true)]
async fn a_replay_that_meets_its_own_participants_is_looked_for_as_well() {
    for (status, code) in [
        (StatusCode::BAD_REQUEST, codes::PROXY_IDENTIFIER_IN_USE),
        (StatusCode::CONFLICT, codes::PARTICIPANT_CONFLICT),
    ] {
        let refused = Mishap::Rejected(status, code);
        let plan = || FaultPlan::none().next_of(Action::Create, 1, refused);
        let (simulator, gateway) =
            world(lost(Mishap::ResetAfter).next_of(Action::Create, 1, refused));
        assert!(gateway.send(order().detailed()).await.unwrap().recovered, "{code}");
        assert_eq!(looks(&simulator), 1);
        // Nothing was made, and nothing is found.
        let (simulator, gateway) =
            world(lost(Mishap::ResetBefore).next_of(Action::Create, 1, refused));
        let error = gateway.send(order()).await.unwrap_err();
        assert_eq!((error.code(), error.effect()), (Some(code), Effect::Unknown));
        assert_eq!((looks(&simulator), simulator.sessions().len()), (1, 0));
        // At the first attempt it is what it says.
        let (simulator, gateway) = world(plan());
        let error = gateway.send(order()).await.unwrap_err();
        assert_eq!((error.code(), error.effect()), (Some(code), Effect::None));
        assert_eq!(looks(&simulator), 0);
    }
}

/// A parameter added to the form has no place in a fetch, and a header has.
#[tokio::test(start_paused = true)]
async fn wishes_for_the_create_do_not_hinder_the_look() {
    let (simulator, gateway) = world(lost(Mishap::ResetAfter));
    let id = HeaderName::from_static("x-request-id");
    let options = CallOptions::new()
        .form("FailOnParticipantConflict", "true")
        .header(id, HeaderValue::from_static("the-call"));
    let reply = gateway.send(order().with(options).detailed()).await.unwrap();
    assert!(reply.recovered);
    assert_eq!(simulator.commits()[0].call_id.as_deref(), Some("the-call"));
}

/// Without a name there is nothing to look for, and nothing is repeated.
#[tokio::test(start_paused = true)]
async fn a_nameless_create_stays_unknown() {
    let (simulator, gateway) = world(lost(Mishap::ResetAfter));
    let error = gateway.send(CreateSession::new(service(1))).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Interrupted, Effect::Unknown));
    assert_eq!(error.attempts(), 1);
    assert_eq!((looks(&simulator), simulator.sessions().len()), (0, 1));
}
