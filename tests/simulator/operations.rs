//! The five operations, and what their answers look like.

use http::Method;
use serde_json::{Value, json};
use twilio_proxy::simulator::{Action, Simulator};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_created_session_has_every_field_under_its_api_name() {
    let simulator = simulator();
    let session = create(
        &simulator,
        "UniqueName=Order%20%231+2&DateExpiry=2026-02-03T04:05:06Z&Ttl=60&Mode=message-only&Status=in-progress",
    )
    .await;
    let sid = sid(&session);
    let url = format!("{BASE}/v1/Services/{}/Sessions/{sid}", Simulator::SERVICE_SID);
    assert_eq!(
        session,
        json!({
            "sid": sid,
            "service_sid": Simulator::SERVICE_SID,
            "account_sid": Simulator::ACCOUNT_SID,
            // A plus is a space in a form, and only there.
            "unique_name": "Order #1 2",
            "date_created": "2026-01-02T03:04:05Z",
            "date_updated": "2026-01-02T03:04:05Z",
            "date_started": "2026-01-02T03:04:05Z",
            "date_ended": null,
            "date_last_interaction": null,
            "date_expiry": "2026-02-03T04:05:06Z",
            "ttl": 60,
            "status": "in-progress",
            "mode": "message-only",
            "closed_reason": null,
            "url": url,
            "links": {
                "interactions": format!("{url}/Interactions"),
                "participants": format!("{url}/Participants"),
            },
        })
    );
    assert!(sid.starts_with("KC") && sid.len() == 34);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_asked_for_nothing_gets_the_defaults() {
    let session = create(&simulator(), "").await;
    for (field, value) in [
        ("status", json!("open")),
        ("mode", json!("voice-and-message")),
        ("ttl", json!(0)),
        ("unique_name", Value::Null),
        ("date_expiry", Value::Null),
        ("date_started", Value::Null),
    ] {
        assert_eq!(session[field], value, "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn fetch_finds_a_session_by_sid_and_by_name() {
    let simulator = simulator();
    let session = create(&simulator, "UniqueName=a%2Fb%20c").await;
    assert_eq!(fetch(&simulator, sid(&session)).await, (200, session.clone()));
    assert_eq!(fetch(&simulator, "a%2Fb%20c").await, (200, session.clone()));
    // In a path a plus is a plus, and a slash that is not escaped begins another segment.
    assert_eq!(fetch(&simulator, "a%2Fb+c").await.0, 404);
    assert_eq!(fetch(&simulator, "a/b%20c").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn update_and_delete_find_a_session_by_sid_alone() {
    let simulator = simulator();
    let session = create(&simulator, "UniqueName=name").await;
    assert_eq!(update(&simulator, "name", "Ttl=5").await.0, 404);
    assert_eq!(send(&simulator, Method::DELETE, &path("/name"), "").await.0, 404);
    let (status, updated) = update(&simulator, sid(&session), "Ttl=5").await;
    assert_eq!((status, &updated["ttl"]), (200, &json!(5)));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_session_is_gone_and_its_name_free() {
    let simulator = simulator();
    let session = create(&simulator, "UniqueName=name").await;
    let path = path(&format!("/{}", sid(&session)));
    assert_eq!(send(&simulator, Method::DELETE, &path, "").await, (204, Value::Null));
    assert_eq!(send(&simulator, Method::DELETE, &path, "").await.0, 404);
    assert_eq!(fetch(&simulator, "name").await.0, 404);
    assert_ne!(create(&simulator, "UniqueName=name").await["sid"], session["sid"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_404_with_20404_and_a_wrong_method_405() {
    let simulator = simulator();
    let (status, error) = fetch(&simulator, "nobody").await;
    assert_eq!((status, &error["code"], &error["status"]), (404, &json!(20404), &json!(404)));
    assert_eq!(error["more_info"], "https://www.twilio.com/docs/errors/20404");
    assert_eq!(send(&simulator, Method::GET, "/v1/Services/KS12/Sessions", "").await.0, 404);
    assert_eq!(send(&simulator, Method::GET, "/v2/elsewhere", "").await.0, 404);
    assert_eq!(send(&simulator, Method::PUT, &path(""), "").await.0, 405);
    assert_eq!(simulator.stats().of(Action::Other).received, 3);
}

#[tokio::test(start_paused = true)]
async fn every_answer_carries_twilios_headers_and_the_simulated_date() {
    let simulator = Simulator::with(settings().latency(std::time::Duration::from_millis(1500)));
    let response =
        try_send(&simulator, request(Method::POST, &path(""), "")).await.expect("answer");
    let header = |name: &str| response.headers()[name].to_str().expect("ASCII").to_owned();
    let request_id = header("twilio-request-id");
    assert!(request_id.starts_with("RQ") && request_id.len() == 34, "{request_id}");
    assert!(request_id[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(header("twilio-request-duration"), "1.500");
    assert_eq!(header("twilio-concurrent-requests"), "1");
    // 3:04:05 and the second and a half that Proxy took.
    assert_eq!(header("date"), "Fri, 02 Jan 2026 03:04:06 GMT");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(simulator.commits()[0].request_id, request_id);
}

#[tokio::test(start_paused = true)]
async fn urls_begin_with_the_base_url_that_was_called() {
    let simulator = simulator();
    let mut request = request(Method::POST, &path(""), "");
    // Origin form, as a server gets it: the host is in the header.
    *request.uri_mut() = path("").parse().expect("a path");
    request.headers_mut().insert("host", "127.0.0.1:4010".parse().expect("a host"));
    let session = json(&try_send(&simulator, request).await.expect("an answer"));
    assert!(session["url"].as_str().expect("a URL").starts_with("http://127.0.0.1:4010/v1/"));
}

#[tokio::test(start_paused = true)]
async fn commits_say_what_was_done_for_whom() {
    let simulator = simulator();
    let mut named = request(Method::POST, &path(""), "UniqueName=name");
    named.headers_mut().insert("x-request-id", "call-7".parse().expect("an id"));
    let session = json(&try_send(&simulator, named).await.expect("an answer"));
    update(&simulator, sid(&session), "Ttl=5").await;
    send(&simulator, Method::DELETE, &path(&format!("/{}", sid(&session))), "").await;
    fetch(&simulator, "name").await;

    let commits = simulator.commits();
    let actions: Vec<Action> = commits.iter().map(|commit| commit.action).collect();
    assert_eq!(actions, [Action::Create, Action::Update, Action::Delete]);
    assert!(commits.iter().all(|commit| commit.sid.as_str() == sid(&session)));
    assert_eq!(commits[0].call_id.as_deref(), Some("call-7"));
    assert_eq!(commits[2].unique_name.as_deref(), Some("name"));

    let stats = simulator.stats();
    assert_eq!((stats.received(), stats.committed()), (4, 3));
    assert_eq!((stats.answered(201), stats.answered(204), stats.answered(404)), (1, 1, 1));
}
