//! A great many creates under mixed faults: each is answered in time, none is done twice, and none
//! is said to be undone that was done.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;
use twilio_proxy::call::{CallOptions, Effect};
use twilio_proxy::gateway::{DefaultGateway, Error, GatewayExt};
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};
use twilio_proxy::wire::Operation;

use crate::world::{DEADLINE, builder, clock, service, settings};

/// How many creates, unless `CREATES` says otherwise. The whole crowd of 200,000 takes
/// most of a minute, so it comes once in CI, and not with every set of features.
const CREATES: u64 = 5_000;
const AT_ONCE: usize = 64;
/// Proxy limits each Service, and each has its line here.
const SERVICES: u64 = 64;

struct Told {
    created: Option<String>,
    effect: Option<Effect>,
    took: Duration,
}

async fn create(gateway: &DefaultGateway<Simulator>, number: u64) -> Told {
    let mut create = CreateSession::new(service(number % SERVICES));
    // Half of them can be found again, half are never repeated once they may have acted.
    create.unique_name = number.is_multiple_of(2).then(|| format!("Order #{number}"));
    let id = HeaderValue::try_from(number.to_string()).unwrap();
    let options = CallOptions::new().header(HeaderName::from_static("x-request-id"), id);
    let begun = Instant::now();
    let outcome: Result<_, Error> = gateway.send(create.with(options)).await;
    Told {
        effect: outcome.as_ref().err().map(Error::effect),
        created: outcome.ok().and_then(|session| session.sid).map(|sid| sid.to_string()),
        took: begun.elapsed(),
    }
}

/// One request in ten meets one of these, stalls and answers after the time-out among them.
fn faults() -> Vec<(Mishap, u32)> {
    super::never_twice::everything()
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_of_creates_every_one_is_answered_and_none_is_done_twice() {
    let creates = std::env::var("CREATES").map_or(CREATES, |text| text.parse().unwrap());
    let clock = clock();
    let simulator = Simulator::with(settings(clock, 1).latency(Duration::from_millis(20)));
    simulator.set_faults(FaultPlan::random(1).rate(0.1).mix(faults()));
    let gateway = builder(clock, 1).over(simulator.clone()).unwrap();
    let begun = Instant::now();
    let told: Vec<(u64, Told)> = futures_util::stream::iter(0..creates)
        .map(|number| {
            let gateway = &gateway;
            async move { (number, create(gateway, number).await) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;

    let commits = simulator.commits();
    let mut done: HashMap<u64, Vec<String>> = HashMap::new();
    for commit in commits.iter().filter(|commit| commit.action == Action::Create) {
        let id = commit.call_id.as_deref().unwrap().parse().unwrap();
        done.entry(id).or_default().push(commit.sid.to_string());
    }
    let (mut created, mut none, mut unknown) = (0_u64, 0_u64, 0_u64);
    for (number, told) in &told {
        let sids = done.get(number).map(Vec::as_slice).unwrap_or_default();
        assert!(sids.len() <= 1, "create {number} was done {} times", sids.len());
        let late = DEADLINE + Duration::from_millis(1);
        assert!(told.took <= late, "create {number} took {:?}", told.took);
        match (&told.created, told.effect) {
            (Some(sid), _) => {
                assert_eq!(sids, std::slice::from_ref(sid), "create {number} names another");
                created += 1;
            }
            (None, Some(Effect::None)) => {
                assert!(sids.is_empty(), "create {number} was done, and said not to be");
                none += 1;
            }
            (None, _) => unknown += 1,
        }
    }
    assert_eq!(told.len() as u64, creates);
    assert_eq!(gateway.in_flight(), 0);
    let struck: u64 = simulator.stats().mishaps.values().sum();
    assert!(struck > creates / 12, "fair weather: only {struck} mishaps");
    println!(
        "{creates} creates, {struck} mishaps, in {:?} of their time: {created} created, \
         {none} failed with no effect, {unknown} of unknown effect",
        begun.elapsed()
    );
    // What retries can mend is mended: what is left is nearly all creates without a name that may
    // have acted, and those answers that make no sense.
    assert!(created * 100 >= creates * 95, "only {created} of {creates}");
}
