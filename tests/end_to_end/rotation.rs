//! Credentials that are replaced while calls go on.

use std::path::PathBuf;
use std::time::Duration;

use tokio_test::task;
use twilio_proxy::call::{Authorization, Live};
use twilio_proxy::gateway::{Gateway, GatewayExt};
use twilio_proxy::middleware::auth::{Credentials, FileCredentials};
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::Simulator;
use twilio_proxy::wire::Operation;

use crate::world::{builder, clock, service, settings};

const SECOND: Duration = Duration::from_secs(1);

fn with_token(token: &str) -> Option<Authorization> {
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    Credentials::auth_token(account, token.to_owned()).authorization()
}

/// A mounted secret, taken down with the test.
struct Secret(PathBuf);

impl Secret {
    fn of(token: &str) -> Self {
        let secret = Self(std::env::temp_dir().join(format!("rotation-{}", std::process::id())));
        secret.holds(token);
        secret
    }

    fn holds(&self, token: &str) {
        let account = Simulator::ACCOUNT_SID;
        let text = format!("TWILIO_ACCOUNT_SID={account}\nTWILIO_AUTH_TOKEN={token}\n");
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &self.0).unwrap();
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The key was revoked before anybody looked at the file: not even a create without a name is lost.
#[tokio::test(start_paused = true)]
async fn a_file_that_was_replaced_in_time_costs_one_more_attempt() {
    let secret = Secret::of("revoked");
    let simulator = Simulator::with(settings(clock(), 1));
    let file = FileCredentials::open(&secret.0).unwrap();
    let gateway = builder(clock(), 2).credentials_from(file).over(simulator.clone()).unwrap();
    secret.holds(Simulator::AUTH_TOKEN);
    let create = || CreateSession::new(service(1)).detailed();
    assert_eq!(gateway.send(create()).await.unwrap().attempts, 2);
    assert_eq!(gateway.send(create()).await.unwrap().attempts, 1);
    assert_eq!((simulator.sessions().len(), simulator.stats().answered(401)), (2, 1));
    let health = gateway.health().credentials.unwrap();
    assert_eq!((health.source, health.failures, health.expires_in_ms), ("file", 0, None));
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_goes_on_with_what_it_was_sent_with() {
    let simulator = Simulator::with(settings(clock(), 1).latency(SECOND));
    let live = Live::new(with_token(Simulator::AUTH_TOKEN));
    let gateway = builder(clock(), 2).authorization(live.clone()).over(simulator.clone()).unwrap();
    let mut in_flight = task::spawn(gateway.send(CreateSession::new(service(1)).detailed()));
    assert!(in_flight.poll().is_pending());
    live.set(with_token("wrong"));
    let refused = gateway.send(CreateSession::new(service(1))).await.unwrap_err();
    // Fixed credentials have nobody to ask for others.
    assert!(refused.is_unauthorized() && refused.attempts() == 1);
    assert_eq!(in_flight.await.unwrap().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_set_by_hand_goes_before_a_provider() {
    let simulator = Simulator::with(settings(clock(), 1));
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let broken = Credentials::auth_token(account, "broken");
    let (send, handle) = std::sync::mpsc::channel();
    let gateway = Gateway::builder(Credentials::none())
        .credentials_from(broken)
        .layers(move |layers| {
            send.send(layers.auth.live()).unwrap();
            layers
        })
        .over(simulator)
        .unwrap();
    let live = handle.recv().unwrap();
    let create = || gateway.send(CreateSession::new(service(1)));
    assert!(create().await.unwrap_err().is_unauthorized());
    live.set(with_token(Simulator::AUTH_TOKEN));
    create().await.unwrap();
    live.set(None);
    assert!(create().await.unwrap_err().is_unauthorized());
}
