//! A gateway with the default stack over a simulator, both on one clock and one seed each.

use std::time::Duration;

use backoff::backoff::Constant;
use twilio_proxy::call::{Clock, Rng, ServiceSid};
use twilio_proxy::gateway::{DefaultGateway, Gateway, GatewayBuilder, StackLayers};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

/// The delay of every retry in a [`steady`] gateway: no jitter, so that a script knows the times.
pub(crate) const BACKOFF: Duration = Duration::from_millis(100);

/// The deadline of a call that was given no other, and the longest that an attempt may take: the
/// builder's defaults, said again because tests count with them.
pub(crate) const DEADLINE: Duration = Duration::from_secs(35);
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn service(number: u64) -> ServiceSid {
    format!("KS{number:032x}").parse().unwrap()
}

pub(crate) fn clock() -> Clock {
    Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap())
}

pub(crate) fn settings(clock: Clock, seed: u64) -> Settings {
    Settings::default().clock(clock).rng(Rng::seeded(seed))
}

pub(crate) fn builder(clock: Clock, seed: u64) -> GatewayBuilder {
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let credentials = Credentials::auth_token(account, Simulator::AUTH_TOKEN);
    Gateway::builder(credentials).clock(clock).rng(Rng::seeded(seed))
}

/// Every retry after the same delay.
pub(crate) fn steady(builder: GatewayBuilder) -> GatewayBuilder {
    builder.layers(|layers| StackLayers {
        retry: layers.retry.schedule(|| Constant::new(BACKOFF)),
        ..layers
    })
}

/// A simulator under this plan, and a steady gateway over it.
pub(crate) fn world(plan: FaultPlan) -> (Simulator, DefaultGateway<Simulator>) {
    world_with(plan, |builder| builder)
}

/// The same with some settings changed.
pub(crate) fn world_with(
    plan: FaultPlan,
    change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> (Simulator, DefaultGateway<Simulator>) {
    let clock = clock();
    let simulator = Simulator::with(settings(clock, 1));
    simulator.set_faults(plan);
    let gateway = change(steady(builder(clock, 2))).over(simulator.clone()).unwrap();
    (simulator, gateway)
}
