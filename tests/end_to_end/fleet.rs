//! Four gateways on one account: each keeps to a quota of its own, or all to one.

use std::time::Duration;

use futures_util::future::try_join_all;
use http::StatusCode;
use tokio::time::Instant;
use twilio_proxy::call::Rng;
use twilio_proxy::gateway::{DefaultGateway, GatewayExt};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::limit::fleet::{FleetLimiter, FleetSettings, MemoryStore};
use twilio_proxy::middleware::limit::rate::Limiter;
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::{FaultPlan, Mishap, Simulator};

use crate::world::{builder, clock, service, settings, steady};

const GATEWAYS: usize = 4;
const CALLS: usize = 100;

fn shared(store: &MemoryStore, number: u64) -> FleetLimiter<MemoryStore> {
    let settings = FleetSettings::new(Quota::default()).processes(GATEWAYS as u32);
    FleetLimiter::new(store.clone(), settings.rng(Rng::seeded(number)))
}

fn fleet(simulator: &Simulator) -> Vec<DefaultGateway<Simulator, FleetLimiter<MemoryStore>>> {
    let store = MemoryStore::new();
    store.set_takes(Duration::from_millis(2));
    let gateway = |number| {
        let builder = steady(builder(clock(), number));
        builder.over_limited_by(simulator.clone(), shared(&store, number)).unwrap()
    };
    (0..GATEWAYS as u64).map(gateway).collect()
}

/// As many creates from each, all at once.
async fn crowd<L: Limiter>(gateways: &[DefaultGateway<Simulator, L>]) {
    let calls = gateways
        .iter()
        .flat_map(|gateway| (0..CALLS).map(|_| gateway.send(CreateSession::new(service(1)))));
    try_join_all(calls).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_shares_its_quota_never_meets_a_429() {
    let simulator = Simulator::with(settings(clock(), 1));
    let gateways = fleet(&simulator);
    let begun = Instant::now();
    crowd(&gateways).await;
    let rate = (GATEWAYS * CALLS) as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(simulator.stats().answered(429), 0);
    assert!((28.5..29.5).contains(&rate), "{rate} calls a second");
    let health = gateways[0].health().rate_limit.unwrap().fleet.unwrap();
    assert!(health.connected && health.alone == 0, "{health:?}");
    // A hundred calls in its questions' leases.
    assert_eq!((health.used, health.expired), (CALLS as u64, 0));
    assert!(health.round_trips <= 15, "{health:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_share_it_does() {
    let simulator = Simulator::with(settings(clock(), 1));
    let gateways: Vec<_> = (0..GATEWAYS as u64)
        .map(|number| steady(builder(clock(), number)).over(simulator.clone()).unwrap())
        .collect();
    crowd(&gateways).await;
    assert!(simulator.stats().answered(429) > 0);
    assert!(gateways[0].health().rate_limit.unwrap().fleet.is_none());
}

/// The monitor looks at the limiter that the builder was given, not at the one it would have made.
#[tokio::test(start_paused = true)]
async fn a_throttle_shows_in_the_health_of_the_gateway_that_met_it() {
    let simulator = Simulator::with(settings(clock(), 1));
    let gateways = fleet(&simulator);
    let throttled = Mishap::ErrorBefore(StatusCode::TOO_MANY_REQUESTS);
    simulator.set_faults(FaultPlan::none().next(1, throttled));
    gateways[0].send(CreateSession::new(service(1))).await.unwrap();
    let cut = |number: usize| gateways[number].health().rate_limit.unwrap().throttled_keys;
    assert_eq!((cut(0), cut(1)), (1, 0));
    gateways[1].send(CreateSession::new(service(1))).await.unwrap();
    assert_eq!((cut(0), cut(1)), (1, 0));
}
