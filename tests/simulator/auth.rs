//! Who is let in, and whose sessions he sees.

use http::Method;
use twilio_proxy::call::{AccountSid, ApiKeySid};
use twilio_proxy::simulator::{Settings, Simulator};

use crate::support::*;

const OTHER: &str = "AC00000000000000000000000000000002";
const KEY: &str = "SK00000000000000000000000000000001";

fn two_accounts() -> Simulator {
    let other = AccountSid::new(OTHER).expect("an account");
    let key = ApiKeySid::new(KEY).expect("a key");
    Simulator::with(Settings::default().account(other, "other").api_key(key, "secret", other))
}

async fn fetch_as(simulator: &Simulator, authorization: Option<String>) -> u16 {
    let mut request = request(Method::GET, &path("/name"), "");
    request.headers_mut().remove("authorization");
    if let Some(authorization) = authorization {
        request.headers_mut().insert("authorization", authorization.parse().expect("a header"));
    }
    try_send(simulator, request).await.expect("an answer").status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn without_the_right_credentials_it_is_401_with_20003() {
    let simulator = two_accounts();
    create(&simulator, "UniqueName=name").await;
    for wrong in [
        None,
        Some(basic(Simulator::ACCOUNT_SID, "wrong")),
        // The token of another account.
        Some(basic(Simulator::ACCOUNT_SID, "other")),
        Some(basic("", "")),
        Some("Basic !!!".to_owned()),
        Some("Bearer token".to_owned()),
    ] {
        assert_eq!(fetch_as(&simulator, wrong.clone()).await, 401, "{wrong:?}");
    }
    let mut request = request(Method::POST, &path(""), "UniqueName=b");
    request.headers_mut().remove("authorization");
    let refused = try_send(&simulator, request).await.expect("an answer");
    assert_eq!(json(&refused)["code"], 20003);
    assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"Twilio API\"");
    assert_eq!(simulator.stats().committed(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_sees_its_own_sessions_alone_by_token_or_by_key() {
    let simulator = two_accounts();
    create(&simulator, "UniqueName=name").await;
    let own = basic(Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN);
    assert_eq!(fetch_as(&simulator, Some(own)).await, 200);
    assert_eq!(fetch_as(&simulator, Some(basic(OTHER, "other"))).await, 404);
    assert_eq!(fetch_as(&simulator, Some(basic(KEY, "secret"))).await, 404);

    // What the key makes is the account's.
    let mut request = request(Method::POST, &path(""), "UniqueName=name");
    request.headers_mut().insert("authorization", basic(KEY, "secret").parse().expect("a header"));
    let made = json(&try_send(&simulator, request).await.expect("an answer"));
    assert_eq!(made["account_sid"], OTHER);
    assert_eq!(fetch_as(&simulator, Some(basic(OTHER, "other"))).await, 200);
}

#[tokio::test(start_paused = true)]
async fn with_authentication_off_everybody_is_let_in() {
    let simulator = Simulator::with(Settings::default().without_authentication());
    create(&simulator, "UniqueName=name").await;
    assert_eq!(fetch_as(&simulator, None).await, 200);
    assert_eq!(fetch_as(&simulator, Some("Bearer token".to_owned())).await, 200);
    // As the account that is named, where one is.
    assert_eq!(fetch_as(&simulator, Some(basic(OTHER, "whatever"))).await, 404);
}

#[test]
fn settings_print_no_secret() {
    let account = AccountSid::new(OTHER).expect("an account");
    let printed = format!("{:?}", Simulator::with(Settings::new(account, "hush-hush")));
    assert!(printed.contains(OTHER) && !printed.contains("hush-hush"), "{printed}");
}
