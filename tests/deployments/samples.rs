//! The sample deployments: each loads, builds and works.

use std::path::PathBuf;
use std::time::Duration;

use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::gateway::config::{ConfigSources, CredentialsFrom, GatewayConfig};
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator};

use crate::credentials;
use crate::world::service;

const SAMPLES: [&str; 3] = ["high_throughput", "batch", "regulated"];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("examples/deployments/{name}.toml"))
}

#[test]
fn every_sample_loads_and_there_is_no_other() {
    for name in SAMPLES {
        let read = ConfigSources::new().file(path(name)).read();
        read.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let folder = path("").parent().unwrap().read_dir().unwrap();
    let files = folder.filter(|file| {
        file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|it| it == "toml"))
    });
    assert_eq!(files.count(), SAMPLES.len(), "a sample is in no test");
}

/// The samples as they stand, but for secrets that this machine does not have.
fn sample(name: &str) -> GatewayConfig {
    let mut config = ConfigSources::new().file(path(name)).read().unwrap();
    let simulated = GatewayConfig::from_toml(&credentials()).unwrap();
    config.credentials = simulated.credentials;
    config.signing = Default::default();
    config.transport.roots_file = None;
    config
}

#[tokio::test(start_paused = true)]
async fn every_sample_finds_a_lost_create_again_and_keeps_its_deadline() {
    for name in SAMPLES {
        let simulator = Simulator::new();
        simulator.set_faults(FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter));
        let config = sample(name);
        let deadline = config.deadline.within.map_or(Duration::MAX, |time| time.0);
        let gateway = config.over(simulator.clone()).unwrap().gateway().clone();
        let created = gateway.send(CreateSession::new(service(1)).unique_name("order-1")).await;
        let sid = created.unwrap_or_else(|error| panic!("{name}: {error}")).sid;
        assert_eq!(simulator.commits().len(), 1, "{name}");

        simulator.set_faults(FaultPlan::none().next_of(Action::Fetch, 100, Mishap::StallBefore));
        let begun = tokio::time::Instant::now();
        let fetched = gateway.send(FetchSession::by_name(service(1), "order-1")).await;
        fetched.expect_err("the server stalls");
        assert!(begun.elapsed() <= deadline + Duration::from_millis(2), "{name}");

        simulator.set_faults(FaultPlan::none());
        tokio::time::sleep(Duration::from_secs(180)).await;
        let fetched = gateway.send(FetchSession::by_name(service(1), "order-1")).await;
        assert_eq!(fetched.unwrap_or_else(|error| panic!("{name}: {error}")).sid, sid);
    }
}

/// Over real transports too, as far as that goes without an account: only the secrets are missing.
#[tokio::test]
async fn what_a_sample_lacks_on_this_machine_is_said() {
    let mut config = ConfigSources::new().file(path("regulated")).read().unwrap();
    config.credentials.file = Some("no/such/secrets".to_owned());
    config.signing = Default::default();
    let said = config.clone().build().unwrap_err().to_string();
    assert!(said.contains("transport.roots_file"), "{said}");
    config.transport.roots_file = None;
    let said = config.build().unwrap_err().to_string();
    assert!(said.contains("credentials.file = \"no/such/secrets\""), "{said}");
    let batch = ConfigSources::new().file(path("batch")).read().unwrap();
    assert_eq!(batch.credentials.from, Some(CredentialsFrom::Environment));
}
