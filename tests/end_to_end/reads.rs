//! Reads that are hedged and reads that share an answer, as the builder switches them on; and what
//! the picture of health says of it all.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};
use twilio_proxy::call::Origin;
use twilio_proxy::gateway::{DefaultGateway, GatewayBuilder, GatewayExt};
use twilio_proxy::middleware::hedge::{Delay, HedgeSettings};
use twilio_proxy::sessions::{CreateSession, FetchSession, UpdateSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};

use crate::world::{service, world, world_with};

const SLOW: Duration = Duration::from_secs(4);
const DELAY: Duration = Duration::from_millis(100);

fn fetch() -> FetchSession {
    FetchSession::by_name(service(1), "order-1")
}

fn create() -> CreateSession {
    CreateSession::new(service(1)).unique_name("order-1")
}

/// Hedges after [`DELAY`], pays for each, and doesn't remember a 429 by itself.
fn hedged(builder: GatewayBuilder) -> GatewayBuilder {
    let settings = HedgeSettings::new().delay(Delay::Fixed(DELAY)).percent(100);
    builder.hedge(settings.suspend_for(Duration::ZERO))
}

/// How long a fetch takes whose first request is slow, and how many requests it makes.
async fn slow_fetch(
    simulator: &Simulator,
    gateway: &DefaultGateway<Simulator>,
    meanwhile: impl FnOnce(),
) -> (Duration, u64) {
    simulator.set_faults(FaultPlan::none().next_of(Action::Fetch, 1, Mishap::Latency(SLOW)));
    let (begun, before) = (Instant::now(), simulator.stats().of(Action::Fetch).received);
    let (outcome, ()) = tokio::join!(gateway.send(fetch()), async {
        sleep(DELAY / 2).await;
        meanwhile();
    });
    outcome.unwrap();
    (begun.elapsed(), simulator.stats().of(Action::Fetch).received - before)
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_is_hedged_where_the_builder_says_so() {
    let (simulator, gateway) = world(FaultPlan::none());
    gateway.send(create()).await.unwrap();
    assert_eq!(slow_fetch(&simulator, &gateway, || ()).await, (SLOW, 1), "off by default");
    assert!(!gateway.health().hedging.unwrap().on);

    let (simulator, gateway) = world_with(FaultPlan::none(), hedged);
    gateway.send(create()).await.unwrap();
    assert_eq!(slow_fetch(&simulator, &gateway, || ()).await, (DELAY, 2));
    let hedging = gateway.health().hedging.unwrap();
    assert_eq!((hedging.on, hedging.fired, hedging.won), (true, 1, 1));
}

/// Any circuit: where one server is down, the others have its load as well.
#[tokio::test(start_paused = true)]
async fn no_read_is_hedged_while_a_circuit_is_not_closed() {
    let (send, receive) = std::sync::mpsc::channel();
    let (simulator, gateway) = world_with(FaultPlan::none(), |builder| {
        hedged(builder).layers(move |layers| {
            send.send(layers.breaker.circuits().clone()).unwrap();
            layers
        })
    });
    let circuits = receive.recv().unwrap();
    gateway.send(create()).await.unwrap();
    let elsewhere: Origin = Origin::of(&"https://elsewhere.test".parse().unwrap()).unwrap();
    let open = || circuits.force_open(&elsewhere);
    assert_eq!(slow_fetch(&simulator, &gateway, open).await, (SLOW, 1));
    assert_eq!(gateway.health().hedging.unwrap().held_back, 1);
    circuits.release(&elsewhere);
    circuits.force_closed(&elsewhere);
    assert_eq!(slow_fetch(&simulator, &gateway, || ()).await, (DELAY, 2));
}

/// The rate limit that has slowed down for a 429 says so, whoever got it.
#[tokio::test(start_paused = true)]
async fn no_read_is_hedged_while_the_rate_limit_is_throttled() {
    let (simulator, gateway) = world_with(FaultPlan::none(), hedged);
    let session = gateway.send(create()).await.unwrap().sid.unwrap();
    simulator.set_faults(FaultPlan::none().next(1, Mishap::Throttled(None)));
    let update = UpdateSession::new(service(1), session).ttl(Duration::from_secs(60));
    gateway.send(update).await.unwrap();
    assert_eq!(gateway.health().rate_limit.unwrap().throttled_keys, 1);
    assert!(!gateway.health().hedging.unwrap().suspended, "not by its own memory");
    assert_eq!(slow_fetch(&simulator, &gateway, || ()).await, (SLOW, 1));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(slow_fetch(&simulator, &gateway, || ()).await, (DELAY, 2));
}

#[tokio::test(start_paused = true)]
async fn equal_reads_share_a_request_where_the_builder_says_so() {
    for (on, requests) in [(false, 3), (true, 1)] {
        let (simulator, gateway) = world_with(FaultPlan::none(), |builder| builder.coalesce(on));
        gateway.send(create()).await.unwrap();
        simulator.set_faults(FaultPlan::none().next(3, Mishap::Latency(SLOW)));
        let others = async {
            sleep(DELAY).await;
            let seen = gateway.health().coalescing.unwrap();
            let waiting = if on { (1, 3, 2) } else { (0, 0, 0) };
            assert_eq!((seen.in_flight, seen.waiting, seen.joined as usize), waiting);
        };
        let (one, two, three, ()) = tokio::join!(
            gateway.send(fetch()),
            gateway.send(fetch()),
            gateway.send(fetch()),
            others
        );
        assert_eq!(one.unwrap().sid, two.unwrap().sid);
        assert!(three.is_ok());
        assert_eq!(simulator.stats().of(Action::Fetch).received, requests);
    }
}

/// Every part of it is there, filled from the layer that it speaks of, and plain JSON.
#[tokio::test(start_paused = true)]
async fn health_shows_every_layer() {
    let (_, gateway) =
        world(FaultPlan::none().next(1, Mishap::ErrorBefore(StatusCode::BAD_GATEWAY)));
    gateway.send(create()).await.unwrap();
    let health = serde_json::to_value(gateway.health()).unwrap();
    let at =
        |pointer: &str| health.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}: {health}"));
    assert_eq!((at("/in_flight"), at("/closed")), (&0.into(), &false.into()));
    assert_eq!(at("/retry_budget/available"), at("/retry_budget/capacity"), "the retry won");
    assert_eq!(
        (at("/endpoints/0/state"), at("/endpoints/0/pending")),
        (&"serving".into(), &0.into())
    );
    assert_eq!(at("/endpoints/0/base"), at("/circuits/0/origin"));
    assert_eq!((at("/circuits/0/state"), at("/circuits/0/calls")), (&"closed".into(), &2.into()));
    assert_eq!(at("/circuits/0/failure_rate"), &serde_json::json!(0.5));
    assert_eq!((at("/rate_limit/keys"), at("/rate_limit/throttled_keys")), (&1.into(), &0.into()));
    assert_eq!((at("/concurrency/limit"), at("/concurrency/in_flight")), (&295.into(), &0.into()));
    assert_eq!((at("/hedging/on"), at("/coalescing/on")), (&false.into(), &false.into()));

    gateway.shutdown(Duration::ZERO).await;
    assert!(gateway.health().closed);
}
