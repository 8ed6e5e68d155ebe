//! Whose credentials a call is made with.

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, header};
use http_body_util::Full;
use twilio_proxy::gateway::ForwardLayer;
use twilio_proxy::simulator::{FaultPlan, Mishap, Settings, Simulator};

use crate::world::{Forwarding, SESSIONS, ask, get, post, world, world_with};

const OTHER: &str = "AC00000000000000000000000000000002";
const KEY: &str = "SK00000000000000000000000000000003";

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}")))
}

fn signed(mut request: Request<Full<Bytes>>, value: &str) -> Request<Full<Bytes>> {
    request.headers_mut().append(header::AUTHORIZATION, value.parse().unwrap());
    request
}

fn callers(plan: FaultPlan) -> (Simulator, Forwarding) {
    let account = OTHER.parse().unwrap();
    let settings = Settings::default()
        // So that what is asked at one moment is under way at one moment.
        .latency(std::time::Duration::from_millis(10))
        .account(account, "other-token")
        .api_key(KEY.parse().unwrap(), "key-secret", account);
    world_with(
        plan,
        settings,
        |builder| builder.coalesce(true),
        ForwardLayer::new().callers_credentials(true),
    )
}

#[tokio::test(start_paused = true)]
async fn the_gateways_own_replace_whatever_the_caller_has() {
    let (simulator, forward) = world(FaultPlan::none());
    let request = signed(post(SESSIONS, "UniqueName=a"), &basic(OTHER, "made up"));
    assert_eq!(ask(&forward, request).await.verdict(), (201, None));
    assert_eq!(simulator.sessions()[0].account_sid.to_string(), Simulator::ACCOUNT_SID);
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_are_on_each_attempt_and_on_the_look() {
    for (user, password) in [(OTHER, "other-token"), (KEY, "key-secret")] {
        let (simulator, forward) = callers(FaultPlan::none().next(1, Mishap::ResetAfter));
        let request = signed(post(SESSIONS, "UniqueName=a"), &basic(user, password));
        let answer = ask(&forward, request).await;
        assert_eq!(answer.verdict(), (201, Some("applied")), "{user}");
        assert_eq!(simulator.sessions()[0].account_sid.to_string(), OTHER);
    }
}

#[tokio::test(start_paused = true)]
async fn without_credentials_of_his_own_a_caller_is_refused_here() {
    let (simulator, forward) = callers(FaultPlan::none());
    let twice = signed(signed(get(SESSIONS), &basic(OTHER, "a")), &basic(OTHER, "other-token"));
    for request in [get(SESSIONS), signed(get(SESSIONS), ""), twice] {
        let answer = ask(&forward, request).await;
        assert_eq!(answer.verdict(), (401, Some("none")));
        assert_eq!(answer.json()["code"], 20003);
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Twilio API\""));
    }
    assert_eq!(simulator.stats().received(), 0);
    // Bad ones are the server's to refuse.
    let answer = ask(&forward, signed(get(SESSIONS), &basic(OTHER, "wrong"))).await;
    assert_eq!((answer.verdict(), simulator.stats().received()), ((401, Some("none")), 1));
}

#[tokio::test(start_paused = true)]
async fn equal_reads_of_two_callers_are_two_reads() {
    let (simulator, forward) = callers(FaultPlan::none());
    let create = signed(post(SESSIONS, "UniqueName=a"), &basic(OTHER, "other-token"));
    ask(&forward, create).await;
    let mine = basic(Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN);
    let callers =
        [basic(OTHER, "other-token"), mine, basic(OTHER, "wrong"), basic(OTHER, "other-token")];
    let asked = callers.iter().map(|who| ask(&forward, signed(get(SESSIONS), who)));
    let answers = join_all(asked).await;
    let found = |at: usize| answers[at].json()["sessions"].as_array().map(Vec::len);
    assert_eq!([found(0), found(1), found(2), found(3)], [Some(1), Some(0), None, Some(1)]);
    assert_eq!(answers[2].status, 401);
    // The two of one caller were one.
    assert_eq!(simulator.stats().received(), 1 + 3);
}
