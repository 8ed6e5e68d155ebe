//! Whatever order a configuration is allowed to have, nothing is done twice and no report is wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, timeout};
use twilio_proxy::call::Rng;
use twilio_proxy::gateway::config::LayerName;
use twilio_proxy::gateway::{GatewayBuilder, GatewayExt};
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};

use crate::ledger::{complaints, late};
use crate::traffic::Traffic;
use crate::world::{clock, service, settings};
use crate::{config, deploy};

const SEEDS: u64 = 150;

/// An order that the rules let pass: the default one with layers left out and neighbours swapped by
/// chance.
fn order(rng: &Rng) -> Vec<LayerName> {
    let mut config = config("");
    let mut order = LayerName::DEFAULT_ORDER.to_vec();
    order.retain(|layer| *layer == LayerName::Auth || !rng.bits().is_multiple_of(6));
    for _ in 0..200 {
        let mut other = order.clone();
        let at = (rng.bits() % (other.len() as u64 - 1)) as usize;
        other.swap(at, at + 1);
        config.stack = Some(other.clone());
        if config.check().is_ok() {
            order = other;
        }
    }
    order
}

/// Whether it has all that no stack can do without.
fn is_allowed(order: &[LayerName]) -> bool {
    let mut config = config("");
    config.stack = Some(order.to_vec());
    config.check().is_ok()
}

#[tokio::test(start_paused = true)]
async fn no_order_that_is_allowed_does_a_create_twice() {
    let mut orders = BTreeSet::new();
    for seed in 0..SEEDS {
        let order = order(&Rng::seeded(seed));
        if !is_allowed(&order) {
            continue;
        }
        orders.insert(format!("{order:?}"));
        let clock = clock();
        let simulator = Simulator::with(settings(clock, seed).latency(Duration::from_millis(5)));
        simulator.set_faults(FaultPlan::random(seed).rate(0.3));
        let mut config = config("");
        config.stack = Some(order.clone());
        let deployment = config
            .over_with(simulator.clone(), |builder| builder.clock(clock).rng(Rng::seeded(seed)))
            .unwrap();
        let traffic = Traffic { seed, visits: 24, at_once: 16, replay: false };
        let reports = timeout(Duration::from_secs(86_400), traffic.run(deployment.gateway())).await;
        let reports =
            reports.unwrap_or_else(|_| panic!("seed {seed}: a call never ended: {order:?}"));
        let complaints = complaints(&reports, &simulator.commits());
        assert!(complaints.is_empty(), "seed {seed}: {order:?}: {complaints:#?}");
        if order.contains(&LayerName::Deadline) {
            assert!(late(&reports).is_empty(), "seed {seed}: {order:?}");
        }
        assert_eq!(deployment.gateway().in_flight(), 0, "seed {seed}");
    }
    assert!(orders.len() as u64 > SEEDS * 2 / 3, "chance made {} orders only", orders.len());
}

/// The default order, said or not, is the same stack; a swapped one is another in kind, not in effect.
#[tokio::test(start_paused = true)]
async fn a_stack_by_name_does_what_the_default_one_does() {
    let default: Vec<String> =
        LayerName::DEFAULT_ORDER.iter().map(|layer| format!("\"{layer}\"")).collect();
    let said = format!("stack = [{}]", default.join(", "));
    let swapped = said.replace("\"breaker\", \"rate_limit\"", "\"rate_limit\", \"breaker\"");
    assert_ne!(said, swapped);
    for text in ["", &said, &swapped] {
        let simulator = Simulator::new();
        simulator.set_faults(
            FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter).next_of(
                Action::Fetch,
                2,
                Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE),
            ),
        );
        let gateway = deploy(text, &simulator).gateway().clone();
        let created = gateway.send(CreateSession::new(service(1)).unique_name("order-1")).await;
        let fetched = gateway.send(FetchSession::by_name(service(1), "order-1")).await.unwrap();
        assert_eq!(created.unwrap().sid, fetched.sid);
        assert_eq!(simulator.commits().len(), 1, "{text}");
        // A create and its replay, a look that met two 503s before it was answered, and a fetch.
        let stats = simulator.stats();
        assert_eq!(stats.received(), 6, "{text}: {stats:?}");
        let health = gateway.health();
        assert!(health.rate_limit.is_some() && health.circuits.len() == 1, "{health:?}");
    }
}

/// What was left out of a stack is not there.
#[tokio::test(start_paused = true)]
async fn a_stack_without_retry_tries_once() {
    let simulator = Simulator::new();
    let mishap = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
    simulator.set_faults(FaultPlan::none().next_of(Action::Fetch, 1, mishap));
    let text = "stack = [\"deadline\", \"auth\", \"attempt_timeout\", \"collect\"]";
    let gateway = deploy(text, &simulator).gateway().clone();
    let error = gateway.send(FetchSession::by_name(service(1), "order-1")).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(simulator.stats().received(), 1);
}

/// Three pauses of a twentieth of a second at first, or of ten seconds at most.
#[tokio::test(start_paused = true)]
async fn attempts_are_spaced_as_the_configuration_says() {
    let elapsed = async |text: &str| {
        let simulator = Simulator::new();
        let mishap = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
        simulator.set_faults(FaultPlan::none().next_of(Action::Fetch, 9, mishap));
        let change = |builder: GatewayBuilder| builder.rng(Rng::seeded(1));
        let deployment = config(text).over_with(simulator, change).unwrap();
        let begun = Instant::now();
        let fetch = FetchSession::by_name(service(1), "order-1");
        deployment.gateway().send(fetch).await.unwrap_err();
        begun.elapsed()
    };
    assert!(elapsed("").await < Duration::from_millis(400));
    let slow = elapsed("[retry]\nbase = \"10s\"\ncap = \"10s\"").await;
    assert!(slow > Duration::from_secs(1), "{slow:?}");
}
