//! Tokens: who gets them, what they are good for, and for how long.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::Value;
use twilio_proxy::call::AccountSid;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Settings, Simulator};

use crate::support::*;

const OTHER: &str = "AC00000000000000000000000000000002";
const ASKED: &str = "grant_type=client_credentials&client_id=OQ1&client_secret=hush%20hush";

fn giving() -> Settings {
    let other = AccountSid::new(OTHER).expect("an account");
    settings().oauth_client("OQ1", "hush hush", other).token_life(Duration::from_secs(60))
}

async fn ask(simulator: &Simulator, form: &'static str) -> (u16, Value) {
    let request = Request::post("https://oauth.test/v2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from_static(form.as_bytes())))
        .expect("a request");
    let response = try_send(simulator, request).await.expect("an answer");
    (response.status().as_u16(), json(&response))
}

async fn fetch_with(simulator: &Simulator, token: &str) -> u16 {
    let mut request = request(Method::GET, &path("/name"), "");
    let value = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    try_send(simulator, request).await.expect("an answer").status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_token_acts_for_its_clients_account_until_it_expires() {
    let simulator = Simulator::with(giving());
    create(&simulator, "UniqueName=name").await;
    let (status, granted) = ask(&simulator, ASKED).await;
    assert_eq!(
        (status, &granted["token_type"], &granted["expires_in"]),
        (200, &"Bearer".into(), &60.into())
    );
    let token = granted["access_token"].as_str().expect("a token");
    // It is let in, and sees nothing of the first account's.
    assert_eq!(fetch_with(&simulator, token).await, 404);
    assert_eq!(fetch_with(&simulator, "another").await, 401);
    let again = ask(&simulator, ASKED).await.1;
    assert_ne!(again["access_token"], granted["access_token"]);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(fetch_with(&simulator, token).await, 404);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(fetch_with(&simulator, token).await, 401);
    assert_eq!(simulator.stats().of(Action::Token).answered[&200], 2);
    assert_eq!(simulator.stats().of(Action::Token).committed, 0);
}

#[tokio::test(start_paused = true)]
async fn who_is_no_client_is_refused_in_the_standards_words() {
    let simulator = Simulator::with(giving());
    for (form, status, error) in [
        ("grant_type=client_credentials&client_id=OQ1&client_secret=x", 401, "invalid_client"),
        ("grant_type=client_credentials", 401, "invalid_client"),
        (
            "grant_type=password&client_id=OQ1&client_secret=hush%20hush",
            400,
            "unsupported_grant_type",
        ),
        ("", 400, "unsupported_grant_type"),
    ] {
        let (refused, body) = ask(&simulator, form).await;
        assert_eq!((refused, &body["error"]), (status, &error.into()), "{form}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_revoked_and_the_endpoint_breaks_by_plan() {
    let simulator = Simulator::with(giving());
    let token =
        ask(&simulator, ASKED).await.1["access_token"].as_str().expect("a token").to_owned();
    simulator.revoke_tokens();
    assert_eq!(fetch_with(&simulator, &token).await, 401);
    simulator.set_faults(FaultPlan::none().next_of(Action::Token, 1, Mishap::Throttled(None)));
    assert_eq!(ask(&simulator, ASKED).await.0, 429);
    assert_eq!(ask(&simulator, ASKED).await.0, 200);
    let shown = format!("{simulator:?}");
    assert!(!shown.contains("hush"), "{shown}");
}
