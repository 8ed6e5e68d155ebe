//! Every optional layer at once: two edges that fail in turn, hedges, coalesced reads, names made up
//! for creates, participants compared. What holds for each by itself holds for all together.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join;
use futures_util::{FutureExt, TryStreamExt};
use tokio::time::{Instant, sleep, timeout};
use twilio_proxy::call::Rng;
use twilio_proxy::gateway::{DefaultGateway, GatewayExt, Health, ReconcileLayer, StackLayers};
use twilio_proxy::middleware::breaker;
use twilio_proxy::middleware::hedge::{Delay, HedgeSettings};
use twilio_proxy::middleware::retry::Budget;
use twilio_proxy::simulator::{FaultPlan, Simulator};

use crate::edges::{DUBLIN, Edge, Edges, FRANKFURT, QUICK};
use crate::ledger::{complaints, late};
use crate::never_twice::everything;
use crate::traffic::{Report, Traffic};
use crate::world::{DEADLINE, builder, clock, service, settings};

const SEEDS: u64 = 100;
const VISITS: u64 = 12;
const AT_ONCE: usize = 6;

fn open(edges: &Edges, seed: u64) -> DefaultGateway<Edges> {
    let hedge = HedgeSettings::new().delay(Delay::Fixed(Duration::from_millis(100))).percent(50);
    let mut reconcile = ReconcileLayer::new().compare_participants(true);
    // Not in every run: a create with a name can't be done twice, whatever the layers do.
    if seed.is_multiple_of(2) {
        reconcile = reconcile.name_unnamed("made-up-");
    }
    builder(clock(), seed)
        .region("ie1")
        .edge("dublin")
        .failover_edge("frankfurt")
        .coalesce(true)
        .hedge(hedge)
        .reconcile(reconcile)
        // So few calls as there are here shall open a circuit too.
        .breaker(breaker::Settings::new().min_calls(5).open_for(Duration::from_secs(1)))
        .layers(|layers| StackLayers { retry: layers.retry.budget(Budget::new(1 << 20)), ..layers })
        .over(edges.clone())
        .unwrap()
}

/// Each edge fails in turn, in one way or the other, for some seconds; at times both work.
async fn trouble(edges: &Edges, seed: u64) {
    let rng = Rng::seeded(seed ^ 0xed6e);
    for host in [DUBLIN, FRANKFURT].into_iter().cycle() {
        let fails = match rng.bits() % 3 {
            0 => Edge::Down,
            1 => Edge::Breaks,
            _ => Edge::Up(Duration::from_secs(4)),
        };
        for edge in [fails, QUICK] {
            *edges.edge(host).lock().unwrap() = edge;
            sleep(Duration::from_millis(rng.bits() % 6_000)).await;
        }
    }
}

/// Callers who ask for the same at the same moment, until the others are done. One of them gives up at
/// any moment, and so does one who creates.
async fn hasty(gateway: &DefaultGateway<Edges>, seed: u64, done: &Cell<bool>) {
    let rng = Rng::seeded(seed ^ 0x4a57);
    let sessions = gateway.sessions(service(1));
    let soon = || Duration::from_millis(rng.bits() % 500);
    let read = async || {
        let begun = Instant::now();
        // How it ends is the weather's; that it ends is ours.
        let _ = sessions.list(|list| list.limit(3)).try_collect::<Vec<_>>().await;
        assert!(begun.elapsed() <= DEADLINE + Duration::from_millis(1));
    };
    while !done.get() {
        let patience = (soon(), soon());
        let create = async { sessions.create(|create| create).await.is_ok() };
        let hasty = join(timeout(patience.0, read()), timeout(patience.1, create));
        let _ = join(hasty, join(read(), read())).await;
        sleep(Duration::from_millis(700)).await;
    }
}

struct Run {
    simulator: Simulator,
    reports: Vec<Report>,
    health: Health,
    seen: Vec<String>,
}

async fn run(seed: u64) -> Run {
    let simulator = Simulator::with(settings(clock(), seed).latency(Duration::from_millis(5)));
    simulator.set_faults(FaultPlan::random(seed).rate(0.2).mix(everything()));
    let edges = Edges::to(simulator.clone());
    let gateway = open(&edges, seed);
    let traffic = Traffic { seed, visits: VISITS, at_once: AT_ONCE, replay: false };
    let done = Cell::new(false);
    let callers = traffic.run(&gateway).inspect(|_| done.set(true));
    let all = join(callers, hasty(&gateway, seed, &done));
    let reports = tokio::select! {
        ended = timeout(Duration::from_secs(86_400), all) => {
            ended.unwrap_or_else(|_| panic!("seed {seed}: a call never ended")).0
        }
        () = trouble(&edges, seed) => unreachable!("there is always trouble"),
    };
    Run { simulator, reports, health: gateway.health(), seen: edges.seen() }
}

/// What is still going on, where nothing should.
fn unrest(health: &Health) -> Vec<String> {
    let mut unrest = Vec::new();
    let mut quiet = |what: &str, count: usize| {
        if count > 0 {
            unrest.push(format!("{count} {what}"));
        }
    };
    quiet("calls in flight", health.in_flight);
    for endpoint in &health.endpoints {
        quiet(&format!("pending at {}", endpoint.base), endpoint.pending as usize);
    }
    for circuit in &health.circuits {
        quiet(&format!("probes of {}", circuit.origin), circuit.probes as usize);
    }
    quiet("waiting for the rate", health.rate_limit.unwrap().waiting);
    let concurrency = health.concurrency.unwrap();
    quiet("permits held", concurrency.in_flight);
    quiet("waiting for a permit", concurrency.waiting);
    let coalescing = health.coalescing.unwrap();
    quiet("reads shared", coalescing.in_flight);
    quiet("waiting for another's read", coalescing.waiting);
    unrest
}

#[tokio::test(start_paused = true)]
async fn with_every_layer_on_nothing_is_done_twice_and_no_report_is_wrong() {
    let (mut recovered, mut named, mut fired, mut won, mut joined) = (0, 0, 0, 0, 0);
    let (mut opened, mut failures, mut frankfurt_writes) = (0, 0, 0);
    for seed in 0..SEEDS {
        let Run { simulator, reports, health, seen } = run(seed).await;
        let commits = simulator.commits();
        let complaints = complaints(&reports, &commits);
        assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
        let late = late(&reports);
        assert!(late.is_empty(), "seed {seed}: late: {late:#?}");
        assert_eq!(unrest(&health), Vec::<String>::new(), "seed {seed}");

        recovered +=
            reports.iter().flat_map(|report| &report.outcome).filter(|told| told.recovered).count();
        let is_made_up = |name: &String| name.starts_with("made-up-");
        named += commits
            .iter()
            .filter_map(|commit| commit.unique_name.as_ref())
            .filter(|name| is_made_up(name))
            .count();
        let hedging = health.hedging.unwrap();
        (fired, won) = (fired + hedging.fired, won + hedging.won);
        joined += health.coalescing.unwrap().joined;
        opened += health.circuits.iter().map(|circuit| circuit.opened).sum::<u64>();
        failures += health.endpoints.iter().filter(|endpoint| endpoint.state != "serving").count();
        frankfurt_writes += seen.iter().filter(|line| *line == "POST frankfurt").count();
    }
    // Each layer had something to do, or its part in this proves nothing.
    let met = [
        ("recovered", recovered),
        ("names made up", named),
        ("hedges", fired as usize),
        ("hedges that won", won as usize),
        ("reads that joined another", joined as usize),
        ("circuits that opened", opened as usize),
        ("edges left out at the end", failures),
        ("writes by the second edge", frankfurt_writes),
    ];
    assert!(met.iter().all(|(_, times)| *times > 20), "{met:?}");
}
