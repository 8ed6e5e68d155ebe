//! A configuration changes while calls go on.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::config::GatewayConfig;
use twilio_proxy::gateway::{ErrorKind, GatewayExt};
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{Settings, Simulator};

use crate::world::service;
use crate::{config, deploy};

#[tokio::test(start_paused = true)]
async fn a_new_quota_holds_for_calls_that_wait_already_and_drops_none() {
    let simulator = Simulator::with(Settings::default().without_rate_limit());
    let deployment = deploy("[rate_limit]\nquota = \"1/s\"\nburst = 1", &simulator);
    let gateway = deployment.gateway();
    let begun = Instant::now();
    let calls = (0..30).map(|number| {
        gateway.send(CreateSession::new(service(1)).unique_name(format!("order-{number}")))
    });
    let change = async {
        sleep(Duration::from_secs(3)).await;
        deployment.reload(&config("[rate_limit]\nquota = \"100/s\"\nburst = 1")).unwrap()
    };
    let (outcomes, reloaded) = tokio::join!(join_all(calls), change);
    assert_eq!(reloaded.changed, ["rate_limit.quota"]);
    assert!(reloaded.needs_restart.is_empty());
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    // Thirty seconds at the old quota; three at it, and less than two at the new one.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn limits_and_timeouts_change_for_the_calls_that_begin() {
    let simulator = Simulator::with(Settings::default().latency(Duration::from_secs(3)));
    let deployment = deploy("", &simulator);
    let gateway = deployment.gateway().clone();
    let fetch = || gateway.send(FetchSession::by_name(service(1), "order-1"));
    // Under way before the change: it ends as it began.
    let (before, ()) = tokio::join!(fetch(), async {
        sleep(Duration::from_secs(1)).await;
        deployment.reload(&config("[deadline]\nwithin = \"2s\"")).unwrap();
    });
    assert_eq!(before.unwrap_err().kind(), ErrorKind::Refused, "there is no such session");
    let after = fetch().await.unwrap_err();
    assert_eq!((after.kind(), after.effect()), (ErrorKind::Deadline, Effect::Unknown));
    assert_eq!(deployment.config().deadline.within.map(|time| time.0.as_secs()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn credentials_change_without_a_restart() {
    let other = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    let settings = Settings::default().account(other.parse().unwrap(), "new-token");
    let simulator = Simulator::with(settings);
    let deployment = deploy("", &simulator);
    let gateway = deployment.gateway();
    let fetch = || gateway.send(FetchSession::by_name(service(1), "order-1"));
    let status = |error: twilio_proxy::gateway::Error| error.status().map(|it| it.as_u16());

    let with = |token: &str| {
        GatewayConfig::from_toml(&format!(
            "[credentials]\nfrom = \"auth_token\"\naccount_sid = \"{other}\"\nauth_token = \"{token}\""
        ))
        .unwrap()
    };
    assert_eq!(status(fetch().await.unwrap_err()), Some(404));
    assert_eq!(deployment.reload(&with("wrong")).unwrap().changed, ["credentials"]);
    assert_eq!(status(fetch().await.unwrap_err()), Some(401));
    assert_eq!(deployment.reload(&with("new-token")).unwrap().changed, ["credentials"]);
    assert_eq!(status(fetch().await.unwrap_err()), Some(404));
    assert!(deployment.reload(&with("new-token")).unwrap().changed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_restart_is_said_and_left() {
    let simulator = Simulator::new();
    let deployment = deploy("", &simulator);
    let new =
        config("stack = [\"deadline\", \"auth\", \"collect\"]\n[transport]\nprotocol = \"http1\"");
    let reloaded = deployment.reload(&new).unwrap();
    assert_eq!(reloaded.needs_restart, ["stack", "transport.protocol"]);
    assert!(deployment.config().stack.is_none());
    // And said again, until it is done.
    assert_eq!(deployment.reload(&new).unwrap(), reloaded);
    let elsewhere = GatewayConfig::from_toml(
        "[credentials]\nfrom = \"oauth\"\nclient_id = \"a\"\nclient_secret = \"b\"",
    );
    assert_eq!(deployment.reload(&elsewhere.unwrap()).unwrap().needs_restart, ["credentials"]);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_is_wrong_changes_nothing() {
    let simulator = Simulator::new();
    let deployment = deploy("[deadline]\nwithin = \"9s\"", &simulator);
    let mut new = config("[deadline]\nwithin = \"8s\"");
    new.stack = Some(Vec::new());
    assert!(deployment.reload(&new).is_err());
    assert_eq!(deployment.config().deadline.within.map(|time| time.0.as_secs()), Some(9));
    // Half of it is fine, the other half is a file that is not there.
    let new = GatewayConfig::from_toml(
        "[credentials]\nfrom = \"none\"\n[deadline]\nwithin = \"8s\"\n[signing]\nkey_file = \"no/such.pem\"\n\
         credential_sid = \"CRaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n\
         api_key_sid = \"SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n\
         account_sid = \"ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    )
    .unwrap();
    let said = deployment.reload(&new).unwrap_err().to_string();
    assert!(said.contains("signing.key_file = \"no/such.pem\""), "{said}");
    assert_eq!(deployment.config().deadline.within.map(|time| time.0.as_secs()), Some(9));
}

/// A layer that the new stack would have is not there yet, and nothing holds that is said of it.
#[tokio::test(start_paused = true)]
async fn what_is_for_a_layer_that_does_not_run_holds_after_a_restart() {
    let simulator = Simulator::with(Settings::default().without_authentication());
    let old = "stack = [\"deadline\", \"collect\"]\n[credentials]\nfrom = \"none\"";
    let old = GatewayConfig::from_toml(old).unwrap();
    let deployment = old.clone().over(simulator).unwrap();
    let new = config("[hedge]\nenabled = true\n[deadline]\nwithin = \"9s\"");
    let reloaded = deployment.reload(&new).unwrap();
    assert_eq!(reloaded.changed, ["deadline.within"]);
    assert_eq!(reloaded.needs_restart, ["hedge.enabled", "stack", "credentials"]);
    let running = deployment.config();
    assert!(running.check().is_ok(), "{:?}", running.check());
    assert_eq!(running.credentials, old.credentials);
    assert_eq!(deployment.reload(&new).unwrap().needs_restart, reloaded.needs_restart);
}

#[cfg(feature = "redis")]
#[tokio::test(start_paused = true)]
async fn a_fleet_that_does_not_run_has_no_processes() {
    let deployment = deploy("", &Simulator::new());
    let new = config("[fleet]\nredis = \"redis://127.0.0.1\"\nprocesses = 3");
    let reloaded = deployment.reload(&new).unwrap();
    assert_eq!(reloaded.needs_restart, ["fleet.processes", "fleet.redis"]);
    assert!(reloaded.changed.is_empty(), "{reloaded:?}");
}

/// Each half was right with the other half of its own file, and not with what ran.
#[tokio::test(start_paused = true)]
async fn what_contradicts_a_setting_that_stays_changes_nothing() {
    let text = |deadline: &str, headroom: &str| {
        config(&format!(
            "[deadline]\nwithin = \"{deadline}\"\n[rate_limit]\nheadroom = \"{headroom}\""
        ))
    };
    let deployment = text("60s", "30s").over(Simulator::new()).unwrap();
    let said = deployment.reload(&text("10s", "1s")).unwrap_err().to_string();
    assert!(said.contains("rate_limit.headroom = \"30s\""), "{said}");
    assert!(said.contains("after a restart"), "{said}");
    assert_eq!(deployment.config(), text("60s", "30s"));
}

/// Layers that have a handle of their own.
#[tokio::test(start_paused = true)]
async fn coalescing_and_the_bounds_of_concurrency_change_while_running() {
    let simulator = Simulator::with(Settings::default().latency(Duration::from_secs(1)));
    let deployment = deploy("", &simulator);
    let gateway = deployment.gateway();
    let both = async || {
        let fetch = || gateway.send(FetchSession::by_name(service(1), "order-1"));
        let before = simulator.stats().received();
        let _ = tokio::join!(fetch(), fetch());
        simulator.stats().received() - before
    };
    assert_eq!(both().await, 2);
    deployment.reload(&config("[coalesce]\nenabled = true")).unwrap();
    assert_eq!(both().await, 1);
    let before = Instant::now();
    deployment.reload(&config("[concurrency]\nmax = 1\nmin = 1")).unwrap();
    assert_eq!(both().await, 2);
    assert!(before.elapsed() >= Duration::from_secs(2), "one after the other");
}
