//! A gateway that comes with tokens, over a simulator that gives them out.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use twilio_proxy::call::{Effect, Rng};
use twilio_proxy::gateway::{DefaultGateway, ErrorKind, Gateway, GatewayBuilder, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::auth::oauth::Client;
use twilio_proxy::middleware::retry::Budget;
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, RetryAfter, Settings, Simulator};
use twilio_proxy::wire::{Operation, TOKEN_URL};

use crate::world::{clock, service, settings};

pub(crate) const CLIENT: &str = "OQ0123456789abcdef0123456789abcdef";
pub(crate) const SECRET: &str = "s3cret of the client & more";
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn giving_tokens(settings: Settings) -> Settings {
    settings.oauth_client(CLIENT, SECRET, Simulator::ACCOUNT_SID.parse().unwrap())
}

fn client() -> Client {
    let account: twilio_proxy::call::AccountSid = Simulator::ACCOUNT_SID.parse().unwrap();
    Client::new(TOKEN_URL, CLIENT, SECRET.to_owned()).account(account)
}

fn with_client(
    plan: FaultPlan,
    client: Client,
    change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> (Simulator, DefaultGateway<Simulator>) {
    let clock = clock();
    let simulator = Simulator::with(giving_tokens(settings(clock, 1)));
    simulator.set_faults(plan);
    let builder = Gateway::builder(Credentials::none())
        .clock(clock)
        .rng(Rng::seeded(2))
        .oauth_client(client)
        .token_transport(simulator.clone());
    let gateway = change(builder).over(simulator.clone()).unwrap();
    (simulator, gateway)
}

fn world(plan: FaultPlan) -> (Simulator, DefaultGateway<Simulator>) {
    with_client(plan, client(), |builder| builder)
}

fn tokens(simulator: &Simulator) -> u64 {
    simulator.stats().of(Action::Token).received
}

#[tokio::test(start_paused = true)]
async fn a_day_of_calls_takes_a_token_an_hour_and_none_of_them_fails() {
    let (simulator, gateway) = world(FaultPlan::none());
    let sessions = gateway.sessions(service(1));
    for number in 0..24 * 12 {
        let reply = CreateSession::new(service(1)).unique_name(format!("{number}")).detailed();
        let reply = gateway.send(reply).await.unwrap();
        assert_eq!(reply.attempts, 1, "{number}");
        tokio::time::sleep(HOUR / 12).await;
    }
    sessions.fetch_by_name("0").await.unwrap();
    assert!((24..=28).contains(&tokens(&simulator)), "{}", tokens(&simulator));
    assert_eq!(simulator.stats().answered(401), 0, "none was used beyond its life");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_at_the_start_asks_for_one_token() {
    let (simulator, gateway) = world(FaultPlan::none());
    let sessions = gateway.sessions(service(1));
    let calls =
        (0..100).map(|number| sessions.create(move |new| new.unique_name(number.to_string())));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(tokens(&simulator), 1);
}

/// Not even a create without a name is in doubt after a 401: nothing was done.
#[tokio::test(start_paused = true)]
async fn a_token_that_was_revoked_costs_one_more_attempt() {
    let (simulator, gateway) = world(FaultPlan::none());
    let create = || CreateSession::new(service(1));
    gateway.send(create()).await.unwrap();
    simulator.revoke_tokens();
    let reply = gateway.send(create().detailed()).await.unwrap();
    assert_eq!((reply.attempts, tokens(&simulator)), (2, 2));
    assert_eq!((simulator.sessions().len(), simulator.stats().answered(401)), (2, 1));
    let health = gateway.health();
    assert_eq!(
        health.retry_budget.unwrap().available,
        Budget::CAPACITY,
        "and no token of the budget"
    );
    assert_eq!(health.circuits[0].state, "closed");
}

#[tokio::test(start_paused = true)]
async fn tokens_have_a_retry_and_a_timeout_of_their_own() {
    for mishap in [
        Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE),
        Mishap::Refused,
        Mishap::ResetAfter,
        Mishap::Truncated,
        Mishap::StallBefore,
        Mishap::Throttled(Some(RetryAfter::Seconds(1))),
    ] {
        let (simulator, gateway) = world(FaultPlan::none().next_of(Action::Token, 1, mishap));
        let reply = gateway.send(CreateSession::new(service(1)).detailed()).await.unwrap();
        assert_eq!(reply.attempts, 1, "{mishap:?}: no attempt of the call's");
        assert_eq!(simulator.stats().of(Action::Create).received, 1, "{mishap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_there_are_no_tokens_calls_fail_with_the_cause_and_nothing_is_to_blame_but_that() {
    let down = Mishap::ErrorBefore(StatusCode::BAD_GATEWAY);
    let (simulator, gateway) = world(FaultPlan::none().next_of(Action::Token, u64::MAX, down));
    for _ in 0..10 {
        let error = gateway.send(CreateSession::new(service(1))).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Credentials, Effect::None));
        assert_eq!(error.to_string(), "the token endpoint answered 502");
        assert!(error.retry_after().is_some() && !error.is_unauthorized());
    }
    assert_eq!(tokens(&simulator), 3, "one question of three attempts");
    let health = gateway.health();
    assert_eq!(health.circuits[0].state, "closed", "the API had no part in it");
    assert_eq!((health.circuits[0].calls, health.endpoints[0].failures), (0, 0));
    let credentials = health.credentials.unwrap();
    assert_eq!((credentials.source, credentials.failures), ("oauth", 1));
    assert_eq!(credentials.problem.as_deref(), Some("the token endpoint answered 502"));

    simulator.set_faults(FaultPlan::none());
    tokio::time::sleep(Duration::from_secs(2)).await;
    gateway.send(CreateSession::new(service(1))).await.unwrap();
    let credentials = gateway.health().credentials.unwrap();
    assert_eq!((credentials.failures, credentials.problem, credentials.age_ms), (0, None, Some(0)));
    assert_eq!(credentials.expires_in_ms, Some(3_570_000));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_known_is_told_so() {
    let stranger = Client::new(TOKEN_URL, CLIENT, "another");
    let (simulator, gateway) = with_client(FaultPlan::none(), stranger, |builder| builder);
    let error = gateway.send(CreateSession::new(service(1))).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Config, Effect::None));
    let said = "the token endpoint refuses the client (401, invalid_client)";
    assert_eq!((error.to_string().as_str(), tokens(&simulator)), (said, 1));
}

#[tokio::test(start_paused = true)]
async fn calls_count_under_the_account_that_the_client_states() {
    let (simulator, gateway) = world(FaultPlan::none());
    let own = Credentials::auth_token(Simulator::ACCOUNT_SID.parse().unwrap(), "simulated-token");
    let own = own.authorization().unwrap();
    gateway.send(CreateSession::new(service(1))).await.unwrap();
    let options = twilio_proxy::call::CallOptions::new().authorization(own);
    gateway.send(CreateSession::new(service(1)).with(options)).await.unwrap();
    assert_eq!(gateway.health().rate_limit.unwrap().keys, 1, "a key of one account");
    assert_eq!(simulator.sessions().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn over_a_transport_of_ones_own_the_tokens_need_one_too() {
    let simulator = Simulator::new();
    let builder = Gateway::builder(Credentials::none()).oauth(CLIENT, SECRET);
    let error = builder.over(simulator).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("token_transport"), "{error}");
    let plain = Client::new("http://id.test/token", CLIENT, SECRET);
    let builder = Gateway::builder(Credentials::none()).oauth_client(plain);
    let error = builder.token_transport(Simulator::new()).over(Simulator::new()).unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
}
