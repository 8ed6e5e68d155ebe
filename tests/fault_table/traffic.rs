//! Callers that come whether or not the others are done, and what they were told.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::{HeaderName, HeaderValue};
use tokio::time::{Instant, sleep_until, timeout};
use tower::Service;
use twilio_proxy::call::{CallOptions, Effect, ServiceSid};
use twilio_proxy::gateway::{Error, GatewayExt};
use twilio_proxy::sessions::{CreateSession, FetchSession, Session};
use twilio_proxy::simulator::{Action, created_twice};
use twilio_proxy::wire::{Configured, Operation};

use crate::edges::Edges;
use crate::faults::Fault;

/// Any typed gateway.
pub(crate) trait Front:
    GatewayExt
    + Service<Configured<CreateSession>, Response = Session, Error = Error>
    + Service<Configured<FetchSession>, Response = Session, Error = Error>
{
}

impl<G> Front for G where
    G: GatewayExt
        + Service<Configured<CreateSession>, Response = Session, Error = Error>
        + Service<Configured<FetchSession>, Response = Session, Error = Error>
{
}

/// A caller that nobody answers goes away after so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Calls a second, all Services together.
const RATE: u32 = 16;
const SERVICES: u32 = 2;
const FAULT_FROM: Duration = Duration::from_secs(10);
const FAULT_UNTIL: Duration = Duration::from_secs(40);
const END: Duration = Duration::from_secs(45);

/// What became of the calls that began while the fault lasted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) calls: usize,
    pub(crate) fetches: Share,
    pub(crate) named: Share,
    pub(crate) unnamed: Share,
    /// Failed, and may have acted.
    pub(crate) unknown: usize,
    pub(crate) waits: Waits,
    /// Requests that the server got for each call.
    pub(crate) requests: f64,
    pub(crate) doubled: usize,
    /// Done, and said to have had no effect.
    pub(crate) denied: usize,
}

/// How long callers waited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    pub(crate) median: Duration,
    pub(crate) p99_of_fetches: Duration,
    pub(crate) p99_of_creates: Duration,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) good: usize,
    pub(crate) all: usize,
}

struct Report {
    number: u32,
    took: Duration,
    effect: Option<Effect>,
}

impl Report {
    fn is_fetch(&self) -> bool {
        kind(self.number) == 0
    }
}

/// Fetch, create with a name, create without.
fn kind(number: u32) -> u32 {
    (number / SERVICES) % 3
}

fn service(number: u32) -> ServiceSid {
    format!("KS{:032x}", number % SERVICES).parse().unwrap()
}

async fn call<G: Front>(gateway: &G, number: u32) -> Report {
    let id = HeaderValue::try_from(number.to_string()).unwrap();
    let options = CallOptions::new().header(HeaderName::from_static("x-request-id"), id);
    let begun = Instant::now();
    let create = CreateSession::new(service(number));
    let outcome = timeout(PATIENCE, async {
        match kind(number) {
            // Under no name of its own: all fetches of a Service are the same read.
            0 => {
                let fetch = FetchSession::by_name(service(number), "there");
                gateway.send(fetch.with(CallOptions::new())).await
            }
            1 => gateway.send(create.unique_name(format!("order-{number}")).with(options)).await,
            _ => gateway.send(create.with(options)).await,
        }
    });
    let effect = match outcome.await {
        Ok(outcome) => outcome.err().map(|error| error.effect()),
        Err(_) => Some(Effect::Unknown),
    };
    Report { number, took: begun.elapsed(), effect }
}

pub(crate) async fn run<G: Front>(gateway: G, edges: &Edges, fault: &Fault) -> Summary {
    for number in 0..SERVICES {
        let create = CreateSession::new(service(number)).unique_name("there");
        gateway.send(create.with(CallOptions::new())).await.unwrap();
    }
    let begun = Instant::now();
    let at = |number: u32| begun + Duration::from_secs(1) * number / RATE;
    let calls = (0..END.as_secs() as u32 * RATE).map(|number| {
        let gateway = &gateway;
        async move {
            sleep_until(at(number)).await;
            call(gateway, number).await
        }
    });
    let weather = async {
        sleep_until(begun + FAULT_FROM).await;
        let before = edges.simulator.stats().received();
        (fault.begin)(edges);
        sleep_until(begun + FAULT_UNTIL).await;
        fault.end(edges);
        edges.simulator.stats().received() - before
    };
    let (reports, received) = tokio::join!(join_all(calls), weather);
    let in_fault = |report: &&Report| {
        let at = at(report.number);
        at >= begun + FAULT_FROM && at < begun + FAULT_UNTIL
    };
    summary(&reports.iter().filter(in_fault).collect::<Vec<_>>(), edges, received)
}

fn summary(reports: &[&Report], edges: &Edges, received: u64) -> Summary {
    let commits = edges.simulator.commits();
    let mut done: HashMap<&str, usize> = HashMap::new();
    for commit in commits.iter().filter(|commit| commit.action == Action::Create) {
        *done.entry(commit.call_id.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let mut summary = Summary {
        calls: reports.len(),
        doubled: created_twice(&commits).len(),
        requests: received as f64 / reports.len().max(1) as f64,
        ..Summary::default()
    };
    let of = |percent: usize, wanted: fn(&Report) -> bool| {
        let wanted = reports.iter().filter(|report| wanted(report));
        let mut took: Vec<Duration> = wanted.map(|report| report.took).collect();
        took.sort_unstable();
        took[took.len() * percent / 100]
    };
    summary.waits = Waits {
        median: of(50, |_| true),
        p99_of_fetches: of(99, Report::is_fetch),
        p99_of_creates: of(99, |report| !report.is_fetch()),
    };
    for report in reports {
        let share = match kind(report.number) {
            0 => &mut summary.fetches,
            1 => &mut summary.named,
            _ => &mut summary.unnamed,
        };
        share.all += 1;
        match report.effect {
            None => share.good += 1,
            Some(Effect::None) => {
                let was_done = done.contains_key(report.number.to_string().as_str());
                summary.denied += usize::from(was_done);
            }
            Some(_) => summary.unknown += 1,
        }
    }
    summary
}
