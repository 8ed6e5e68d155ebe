//! What a caller is answered where something went wrong.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use twilio_proxy::call::{BoxError, Fault, FaultKind, WhenLimited};
use twilio_proxy::gateway::ForwardLayer;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::simulator::{FaultPlan, Mishap, RetryAfter, Settings};

use crate::world::{SESSION, SESSIONS, ask, get, over, post, world, world_with};

#[tokio::test(start_paused = true)]
async fn the_apis_refusals_come_back_as_they_are() {
    let (_, forward) = world(FaultPlan::none());
    for (form, code) in [
        ("Ttl=soon", 20001),
        ("Ttl=0", 20001),
        ("Mode=", 201),
        ("Mode=loud", 20001),
        ("DateExpiry=1999-01-01T00:00:00Z", 20001),
        ("Participants=%7B", 20001),
        ("Participants=%7B%22FriendlyName%22%3A%22x%22%7D", 80404),
    ] {
        let answer = ask(&forward, post(SESSIONS, form)).await;
        if code == 201 {
            assert_eq!(answer.verdict(), (201, None), "{form}");
            continue;
        }
        assert_eq!(answer.verdict(), (400, Some("none")), "{form}");
        assert_eq!(answer.json()["code"], code, "{form}");
        assert!(answer.header("twilio-request-id").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_error_comes_back_once_nothing_more_can_be_tried() {
    let down = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
    let (simulator, forward) = world(FaultPlan::none().next(99, down));
    let answer = ask(&forward, get(SESSION)).await;
    assert_eq!(answer.verdict(), (503, Some("unknown")));
    assert_eq!(answer.header("x-gateway-attempts"), Some("4"));
    assert_eq!(answer.json().get("effect"), None, "the API's own body");
    simulator.set_faults(FaultPlan::none().next(99, Mishap::Html(StatusCode::BAD_GATEWAY)));
    let answer = ask(&forward, post(SESSION, "Ttl=60")).await;
    assert_eq!(answer.verdict(), (502, Some("unknown")));
    assert!(answer.body.starts_with(b"<"), "{answer:?}");
    // A create is answered in the same words whoever said the 5xx: it may have been made.
    simulator.set_faults(FaultPlan::none().next(99, down));
    let answer = ask(&forward, post(SESSIONS, "UniqueName=a")).await;
    assert_eq!(answer.verdict(), (502, Some("unknown")));
    assert_eq!(answer.json()["upstream_status"], 503);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_comes_back_with_its_time() {
    let wait = Mishap::Throttled(Some(RetryAfter::Seconds(100)));
    let (_, forward) = world(FaultPlan::none().next(99, wait));
    let answer = ask(&forward, post(SESSIONS, "")).await;
    assert_eq!(answer.verdict(), (429, Some("none")));
    assert_eq!(
        (answer.header("retry-after"), &answer.json()["code"]),
        (Some("100"), &json!(80621))
    );
}

#[tokio::test(start_paused = true)]
async fn what_this_process_refuses_says_when_to_come_back() {
    let refusing = |builder: twilio_proxy::gateway::GatewayBuilder| {
        builder.quota(Quota::per_second(1).burst(1)).when_limited(WhenLimited::Refuse)
    };
    let (_, forward) =
        world_with(FaultPlan::none(), Settings::default(), refusing, ForwardLayer::new());
    assert_eq!(ask(&forward, post(SESSIONS, "")).await.verdict(), (201, None));
    let answer = ask(&forward, post(SESSIONS, "")).await;
    assert_eq!(answer.verdict(), (503, Some("none")));
    assert_eq!(
        (answer.header("retry-after"), &answer.json()["kind"]),
        (Some("1"), &json!("rejected"))
    );

    forward.gateway().shutdown(Duration::ZERO).await;
    let answer = ask(&forward, get(SESSION)).await;
    assert_eq!((answer.verdict(), answer.header("retry-after")), ((503, Some("none")), Some("1")));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_a_gateways_timeout() {
    for (mishap, effect) in [(Mishap::StallAfter, "unknown"), (Mishap::Refused, "none")] {
        let (_, forward) = world(FaultPlan::none().next(99, mishap));
        let mut request = post(SESSIONS, "UniqueName=a");
        request.headers_mut().insert("x-gateway-deadline", "50ms".parse().unwrap());
        let answer = ask(&forward, request).await;
        if effect == "unknown" {
            assert_eq!(answer.verdict(), (504, Some(effect)));
            assert_eq!(answer.json()["kind"], "deadline");
        } else {
            // There was no time to try again, and the failure itself says more than the clock.
            assert_eq!(answer.verdict(), (502, Some(effect)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unnamed_create_of_unknown_effect_is_a_502_also_when_time_ran_out() {
    let (simulator, forward) = world(FaultPlan::none().next(9, Mishap::StallAfter));
    let mut request = post(SESSIONS, "");
    request.headers_mut().insert("x-gateway-deadline", "50ms".parse().unwrap());
    let answer = ask(&forward, request).await;
    assert_eq!(answer.verdict(), (502, Some("unknown")));
    assert_eq!((&answer.json()["kind"], simulator.sessions().len()), (&json!("deadline"), 1));
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_failure_has_its_status() {
    let cases: [(FaultKind, &str, u16); 7] = [
        (FaultKind::Connect, "none", 502),
        (FaultKind::Unprocessed, "none", 502),
        (FaultKind::Interrupted, "unknown", 502),
        (FaultKind::AttemptTimeout, "unknown", 502),
        (FaultKind::Incomplete, "unknown", 502),
        (FaultKind::Config, "none", 500),
        (FaultKind::Credentials, "none", 502),
    ];
    for (kind, effect, status) in cases {
        let fail = move || Err(BoxError::from(Fault::new(kind, "a reason")));
        let (_, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), fail);
        for request in [get(SESSION), post(SESSION, ""), post(SESSIONS, "UniqueName=a")] {
            let answer = ask(&forward, request).await;
            assert_eq!(answer.verdict(), (status, Some(effect)), "{kind:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_of_our_own_repeats_what_was_sent() {
    let fail = || Err(BoxError::from("+15550100 is down"));
    let (_, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), fail);
    let form = "UniqueName=secret-name&Participants=%7B%22Identifier%22%3A%22%2B15550100%22%7D";
    let answer = ask(&forward, post(SESSIONS, form)).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.verdict(), (502, Some("unknown")));
    assert!(!text.contains("5550100") && !text.contains("secret-name"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed_but_handed_back() {
    let redirect = || {
        let response = Response::builder().status(307).header("location", "http://elsewhere/");
        Ok(response.body(Full::new(Bytes::new()))?)
    };
    let (sent, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), redirect);
    let answer = ask(&forward, get(SESSION)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (307, Some("http://elsewhere/"))
    );
    assert_eq!(sent.lock().unwrap().len(), 1);
}
