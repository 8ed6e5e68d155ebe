//! Updates and deletes whose answers were lost.

use std::time::Duration;

use http::StatusCode;
use twilio_proxy::call::{Effect, SessionSid};
use twilio_proxy::gateway::{DefaultGateway, ErrorKind, GatewayExt};
use twilio_proxy::sessions::{CreateSession, DeleteSession, SessionStatus, UpdateSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator, Status};
use twilio_proxy::wire::{Operation, codes};

use crate::world::{service, world};

/// A world with one session in it, where from now on this plan holds.
async fn one(plan: FaultPlan) -> (Simulator, DefaultGateway<Simulator>, SessionSid) {
    let (simulator, gateway) = world(FaultPlan::none());
    let session = gateway.send(CreateSession::new(service(1))).await.unwrap();
    simulator.set_faults(plan);
    (simulator, gateway, session.sid.unwrap())
}

fn update(session: SessionSid) -> UpdateSession {
    UpdateSession::new(service(1), session)
}

fn lost(action: Action, mishap: Mishap) -> FaultPlan {
    FaultPlan::none().next_of(action, 1, mishap)
}

#[tokio::test(start_paused = true)]
async fn a_close_that_has_closed_the_session_is_found_to_have_done_so() {
    for mishap in [Mishap::ResetAfter, Mishap::StallAfter, Mishap::Truncated] {
        let (simulator, gateway, sid) = one(lost(Action::Update, mishap)).await;
        let close = update(sid).status(SessionStatus::Closed).ttl(Duration::from_secs(60));
        let reply = gateway.send(close.detailed()).await.unwrap();
        assert!(reply.recovered, "{mishap:?}");
        assert_eq!(reply.attempts, 3);
        assert_eq!(reply.output.status, Some(SessionStatus::Closed));
        assert_eq!(simulator.stats().of(Action::Update).committed, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_opens_the_session_again() {
    let (simulator, gateway, sid) = one(FaultPlan::none()).await;
    gateway.send(update(sid).status(SessionStatus::Closed)).await.unwrap();
    simulator.set_faults(lost(Action::Update, Mishap::ResetAfter));
    // The second attempt is refused with 80608: what is in progress can't be set in progress.
    let session = gateway.send(update(sid).status(SessionStatus::InProgress)).await.unwrap();
    assert_eq!(session.status, Some(SessionStatus::InProgress));
    assert_eq!(simulator.sessions()[0].status, Status::InProgress);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_can_be_repeated_needs_no_look() {
    let (simulator, gateway, sid) = one(lost(Action::Update, Mishap::ResetAfter)).await;
    let ttl = Duration::from_secs(77);
    let reply = gateway.send(update(sid).ttl(ttl).detailed()).await.unwrap();
    assert_eq!((reply.recovered, reply.attempts), (false, 2));
    assert_eq!(reply.output.ttl, Some(ttl));
    assert_eq!(simulator.stats().of(Action::Fetch).received, 0);
}

/// The session is closed, but not by this call: it has none of the values that were asked for.
#[tokio::test(start_paused = true)]
async fn an_update_of_a_session_that_was_changed_otherwise_has_failed() {
    let (simulator, gateway, sid) = one(FaultPlan::none()).await;
    gateway.send(update(sid).status(SessionStatus::Closed)).await.unwrap();
    let ttl = Duration::from_secs(60);
    for ours in [update(sid).ttl(ttl), update(sid).status(SessionStatus::Closed).ttl(ttl)] {
        simulator.set_faults(lost(Action::Update, Mishap::ResetBefore));
        let error = gateway.send(ours).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(codes::SESSION_CLOSED)));
        assert_eq!(error.effect(), Effect::Unknown);
    }
    assert_eq!(simulator.stats().of(Action::Fetch).received, 2);
    assert_eq!(simulator.sessions()[0].ttl, 0);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_refused_at_the_first_attempt_has_failed() {
    let (simulator, gateway, sid) = one(FaultPlan::none()).await;
    let close = update(sid).status(SessionStatus::Closed);
    gateway.send(close.clone()).await.unwrap();
    let error = gateway.send(close).await.unwrap_err();
    assert_eq!((error.code(), error.effect()), (Some(codes::SESSION_CLOSED), Effect::None));
    assert_eq!(simulator.stats().of(Action::Fetch).received, 0);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_has_deleted_the_session_has_succeeded() {
    let server_error = Mishap::ErrorAfter(StatusCode::INTERNAL_SERVER_ERROR);
    for mishap in [Mishap::ResetAfter, server_error, Mishap::StallAfter] {
        let (simulator, gateway, sid) = one(lost(Action::Delete, mishap)).await;
        let reply = gateway.send(DeleteSession::new(service(1), sid).detailed()).await.unwrap();
        // The answer that proves it is a 404.
        assert_eq!((reply.status, reply.attempts), (StatusCode::NOT_FOUND, 2));
        assert!(simulator.sessions().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_no_session_is_not_found() {
    let (simulator, gateway, sid) = one(FaultPlan::none()).await;
    gateway.send(DeleteSession::new(service(1), sid)).await.unwrap();
    // Attempts that are known to have done nothing change nothing about it.
    for mishap in [Mishap::Refused, Mishap::Throttled(None)] {
        simulator.set_faults(lost(Action::Delete, mishap));
        let error = gateway.send(DeleteSession::new(service(1), sid)).await.unwrap_err();
        assert!(error.is_not_found());
        assert_eq!((error.effect(), error.attempts()), (Effect::None, 2));
    }
}
