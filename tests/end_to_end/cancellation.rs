//! Calls that are dropped, at any moment and in the middle of anything: nothing stays behind.

use std::time::Duration;

use futures_util::StreamExt;
use http::StatusCode;
use tokio::time::{advance, timeout};
use tokio_test::task;
use tower::Service;
use twilio_proxy::call::{Rng, SessionSid};
use twilio_proxy::gateway::{DefaultGateway, Error, GatewayExt};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::retry::Budget;
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, SessionStatus, UpdateSession,
};
use twilio_proxy::simulator::{FaultPlan, Mishap, RetryAfter, Simulator, created_twice};
use twilio_proxy::wire::Operation;

use crate::never_twice::everything;
use crate::world::{builder, clock, service, settings, steady};

/// A gateway whose limits can be looked at.
struct Watched {
    simulator: Simulator,
    gateway: DefaultGateway<Simulator>,
}

impl Watched {
    fn new(seed: u64, permits: usize, quota: Quota) -> Self {
        let clock = clock();
        let work = Duration::from_millis(30);
        let simulator = Simulator::with(settings(clock, seed).latency(work));
        let gateway = steady(builder(clock, seed))
            .max_in_flight(permits)
            .quota(quota)
            .over(simulator.clone())
            .unwrap();
        Self { simulator, gateway }
    }

    fn tokens(&self) -> u32 {
        self.gateway.health().retry_budget.unwrap().available
    }

    /// Nobody is on the way or in a line, on either side, and a new call finds its way.
    async fn assert_nothing_left(&self, what: &str) {
        let health = self.gateway.health();
        let (concurrency, rate) = (health.concurrency.unwrap(), health.rate_limit.unwrap());
        assert_eq!(health.in_flight, 0, "{what}: calls");
        assert_eq!(concurrency.in_flight, 0, "{what}: permits");
        assert_eq!(concurrency.waiting, 0, "{what}: waiting for permits");
        assert_eq!(rate.waiting, 0, "{what}: waiting for cells");
        assert_eq!(health.endpoints[0].pending, 0, "{what}: attempts at the endpoint");
        self.simulator.set_faults(FaultPlan::none());
        // So many faults open the circuit, and throttles slow the rate limit down: they get over it.
        tokio::time::sleep(Duration::from_secs(120)).await;
        let create = CreateSession::new(service(1)).detailed();
        let reply = self.gateway.send(create).await.expect(what);
        assert_eq!(reply.concurrent_requests(), Some(1), "{what}: in flight at the server");
    }
}

/// Makes a call wait everywhere: for its cell, its permit, its answer, in back-off, for the look.
fn hurdles() -> FaultPlan {
    let soon = Mishap::Throttled(Some(RetryAfter::Seconds(1)));
    FaultPlan::none()
        .request(1, Mishap::Latency(Duration::from_millis(200)))
        .request(2, soon)
        .request(3, Mishap::ResetAfter)
        .request(4, Mishap::Latency(Duration::from_millis(200)))
        .request(5, Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE))
        .request(6, Mishap::Latency(Duration::from_millis(100)))
}

async fn first_session(gateway: &DefaultGateway<Simulator>) -> SessionSid {
    gateway.send(CreateSession::new(service(1))).await.unwrap().sid.unwrap()
}

/// Drops calls of one operation after one poll, two, three… until one has come to its end.
async fn drop_at_every_poll<O>(what: &str, operation: impl Fn(SessionSid, &str) -> O)
where
    O: Operation,
    DefaultGateway<Simulator>: Service<O, Error = Error>,
{
    for polls in 0.. {
        let watched = Watched::new(1, 1, Quota::per_second(2));
        let gateway = &watched.gateway;
        let sid = first_session(gateway).await;
        watched.simulator.set_faults(hurdles());
        // Another caller, who is there first and takes cell and permit.
        let mut other = task::spawn(gateway.send(operation(sid, "theirs")));
        assert!(other.poll().is_pending());
        let mut call = task::spawn(gateway.send(operation(sid, "ours")));
        let mut ended = false;
        for _ in 0..polls {
            ended = call.poll().is_ready();
            if ended {
                break;
            }
            // The other is polled until it is over too, or it would hold its place for ever.
            if !other.is_woken() || other.poll().is_pending() {
                advance(Duration::from_millis(25)).await;
            }
        }
        drop(call);
        drop(other);
        watched.assert_nothing_left(&format!("{what}, dropped after {polls} polls")).await;
        if ended {
            assert!(polls > 20, "{what} ended after {polls} polls: it met no hurdle");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_at_any_poll_leaves_nothing_behind() {
    let create = |_, name: &str| CreateSession::new(service(1)).unique_name(name).detailed();
    drop_at_every_poll("create", create).await;
    let close = |sid, _: &str| UpdateSession::new(service(1), sid).status(SessionStatus::Closed);
    drop_at_every_poll("update", close).await;
    drop_at_every_poll("fetch", |sid, _| FetchSession::new(service(1), sid)).await;
    drop_at_every_poll("list", |_, _| ListSessions::new(service(1))).await;
    drop_at_every_poll("delete", |sid, _| DeleteSession::new(service(1), sid)).await;
}

/// A call that is dropped while it backs off has not made the retry, and gives its tokens back.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_in_back_off_costs_no_retry() {
    let watched = Watched::new(1, 1, Quota::default());
    watched.simulator.set_faults(FaultPlan::none().next(1, Mishap::Refused));
    let mut call = task::spawn(watched.gateway.send(ListSessions::new(service(1))));
    assert!(call.poll().is_pending());
    assert!(watched.tokens() < Budget::CAPACITY);
    drop(call);
    assert_eq!(watched.tokens(), Budget::CAPACITY);
    watched.assert_nothing_left("dropped in back-off").await;
}

/// Callers lose patience at random, side by side, under every mishap.
#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_at_random_leave_nothing_behind() {
    let (mut dropped, mut ended) = (0, 0);
    for seed in 0..60 {
        let watched = Watched::new(seed, 4, Quota::per_second(20).burst(2));
        let faults = FaultPlan::random(seed).rate(0.4).mix(everything());
        watched.simulator.set_faults(faults);
        let rng = Rng::seeded(seed);
        let calls = (0..40).map(|number| {
            let create = CreateSession::new(service(1));
            let create = match number % 2 {
                0 => create.unique_name(format!("order-{number}")),
                _ => create,
            };
            let patience = rng.up_to(Duration::from_millis(4_000));
            timeout(patience, watched.gateway.send(create))
        });
        let outcomes: Vec<_> =
            futures_util::stream::iter(calls).buffer_unordered(16).collect().await;
        dropped += outcomes.iter().filter(|outcome| outcome.is_err()).count();
        ended += outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        watched.assert_nothing_left(&format!("seed {seed}")).await;
        assert_eq!(created_twice(&watched.simulator.commits()), [""; 0], "seed {seed}");
    }
    assert!(dropped > 400 && ended > 400, "{dropped} dropped, {ended} ended");
}
