//! Creates that were given no name, and are given one.

use std::collections::HashSet;
use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;
use twilio_proxy::call::{CallOptions, Effect, Rng};
use twilio_proxy::gateway::{DefaultGateway, ErrorKind, GatewayExt, ReconcileLayer, StackLayers};
use twilio_proxy::middleware::retry::Budget;
use twilio_proxy::sessions::{CreateSession, FetchSession, Session};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};
use twilio_proxy::wire::{Operation, codes};

use crate::ledger::{complaints, late};
use crate::never_twice::everything;
use crate::traffic::Traffic;
use crate::world::{builder, clock, service, settings, world, world_with};

const SERVER_ERROR: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

fn naming(plan: FaultPlan) -> (Simulator, DefaultGateway<Simulator>) {
    world_with(plan, |builder| builder.reconcile(ReconcileLayer::new().name_unnamed("made-up-")))
}

fn nameless() -> CreateSession {
    CreateSession::new(service(1))
}

fn lost() -> FaultPlan {
    FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter)
}

fn name(session: &Session) -> &str {
    session.unique_name.as_deref().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_create_without_a_name_is_tried_again_and_found_again_too() {
    for mishap in [Mishap::ResetAfter, Mishap::ErrorAfter(SERVER_ERROR), Mishap::StallAfter] {
        let (simulator, gateway) = naming(FaultPlan::none().next_of(Action::Create, 1, mishap));
        let reply = gateway.send(nameless().detailed()).await.unwrap();
        assert_eq!((reply.recovered, reply.attempts), (true, 3), "{mishap:?}");
        assert!(name(&reply.output).starts_with("made-up-"));
        assert_eq!(simulator.sessions().len(), 1);
    }
    let (simulator, gateway) =
        naming(FaultPlan::none().next_of(Action::Create, 2, Mishap::ResetBefore));
    let reply = gateway.send(nameless().detailed()).await.unwrap();
    assert_eq!((reply.recovered, reply.attempts, simulator.sessions().len()), (false, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn however_it_is_sent() {
    let (simulator, gateway) = naming(FaultPlan::none());
    let options = || CallOptions::new().max_attempts(2);
    simulator.set_faults(lost());
    gateway.send(nameless()).await.unwrap();
    simulator.set_faults(lost());
    gateway.send(nameless().with(options())).await.unwrap();
    simulator.set_faults(lost());
    gateway.send(nameless().with(options()).detailed().with(options())).await.unwrap();
    simulator.set_faults(lost());
    gateway.sessions(service(1)).create(|new| new).await.unwrap();
    simulator.set_faults(lost());
    gateway.boxed().send(nameless()).await.unwrap();
    let sessions = simulator.sessions();
    let names: HashSet<_> = sessions.iter().filter_map(|it| it.unique_name.clone()).collect();
    assert_eq!((sessions.len(), names.len()), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_given_name_is_kept_and_by_default_none_is_made_up() {
    let (_, gateway) = naming(FaultPlan::none());
    let session = gateway.send(nameless().unique_name("order-1")).await.unwrap();
    assert_eq!(name(&session), "order-1");
    let by_form = nameless().with(CallOptions::new().form("UniqueName", "order-2"));
    assert_eq!(name(&gateway.send(by_form).await.unwrap()), "order-2");
    let empty = gateway.send(nameless().unique_name("")).await.unwrap_err();
    assert_eq!((empty.kind(), empty.generated_name()), (ErrorKind::Encode, None));
    let (_, gateway) = world(FaultPlan::none());
    assert_eq!(gateway.send(nameless()).await.unwrap().unique_name, None);
}

/// A caller can't look for a name that he was never told.
#[tokio::test(start_paused = true)]
async fn an_error_says_what_name_to_look_for() {
    let plan = lost().next_of(Action::Create, 9, Mishap::ErrorBefore(SERVER_ERROR));
    let (simulator, gateway) = naming(plan.clone());
    let error = gateway.send(nameless()).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Server, Effect::Unknown));
    let name = error.generated_name().unwrap();
    assert_eq!(simulator.sessions()[0].unique_name.as_deref(), Some(name));
    assert!(gateway.send(FetchSession::by_name(service(1), name)).await.is_ok());
    // It is nobody's secret, but no log's either.
    assert!(!format!("{error} {error:?}").contains(name));
    // Whoever gave a name knows it.
    simulator.set_faults(plan);
    let error = gateway.send(nameless().unique_name("order-1")).await.unwrap_err();
    assert_eq!(error.generated_name(), None);
}

/// Also where the look failed, and where it found no telling whose the session is.
#[tokio::test(start_paused = true)]
async fn so_does_one_after_a_look() {
    let plan = lost().next_of(Action::Fetch, 9, Mishap::ErrorBefore(SERVER_ERROR));
    let (simulator, gateway) = naming(plan);
    let error = gateway.send(nameless()).await.unwrap_err();
    assert_eq!((error.code(), error.effect()), (Some(codes::UNIQUE_NAME_TAKEN), Effect::Unknown));
    assert_eq!(error.generated_name(), simulator.sessions()[0].unique_name.as_deref());
}

/// A seed replays a run, names and all; a layer's own generator goes before the builder's.
#[tokio::test(start_paused = true)]
async fn a_seed_replays_the_names() {
    async fn name_of(layer: ReconcileLayer, seed: u64) -> Option<String> {
        let simulator = Simulator::with(settings(clock(), 1));
        let gateway = builder(clock(), seed).reconcile(layer).over(simulator).unwrap();
        gateway.send(nameless()).await.unwrap().unique_name
    }
    let layer = || ReconcileLayer::new().name_unnamed("n");
    assert_eq!(name_of(layer(), 1).await, name_of(layer(), 1).await);
    assert_ne!(name_of(layer(), 1).await, name_of(layer(), 2).await);
    let own = || layer().rng(Rng::seeded(7));
    assert_eq!(name_of(own(), 1).await, name_of(own(), 2).await);
    assert_ne!(name_of(own(), 1).await, name_of(layer(), 1).await);
}

/// All that the faults can do, to callers of whom every second one gives no name: with participants
/// compared and names made up, nothing is done twice and nothing is said that isn't so.
#[tokio::test(start_paused = true)]
async fn no_create_is_done_twice_and_no_report_is_wrong() {
    let mut recovered = 0;
    for seed in 0..60 {
        let clock = clock();
        let simulator = Simulator::with(settings(clock, seed).latency(Duration::from_millis(5)));
        simulator.set_faults(FaultPlan::random(seed).rate(0.3).mix(everything()));
        let layer = ReconcileLayer::new().compare_participants(true).name_unnamed("made-up-");
        let gateway = builder(clock, seed)
            .reconcile(layer)
            .layers(|layers| StackLayers {
                retry: layers.retry.budget(Budget::new(1 << 20)),
                ..layers
            })
            .over(simulator.clone())
            .unwrap();
        let traffic = Traffic { seed, visits: 24, at_once: 16, replay: false };
        let reports = timeout(Duration::from_secs(86_400), traffic.run(&gateway)).await.unwrap();
        let complaints = complaints(&reports, &simulator.commits());
        assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
        assert!(late(&reports).is_empty(), "seed {seed}");
        assert_eq!(gateway.in_flight(), 0, "seed {seed}");
        recovered += reports
            .iter()
            .filter(|it| it.action == Action::Create)
            .filter(|it| it.outcome.as_ref().is_ok_and(|told| told.recovered))
            .count();
        assert!(simulator.sessions().iter().all(|session| session.unique_name.is_some()));
    }
    assert!(recovered > 60, "{recovered}");
}
