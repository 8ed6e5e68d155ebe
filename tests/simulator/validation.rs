//! What a create or an update must not ask for, and Twilio's code for it.

use http::Method;
use twilio_proxy::simulator::{Settings, Simulator, Status};

use crate::support::*;

fn leak(text: String) -> &'static str {
    text.leak()
}

#[tokio::test(start_paused = true)]
async fn a_unique_name_has_191_characters_at_most_however_many_bytes() {
    let simulator = simulator();
    let (fits, too_long) = ("%C3%A9".repeat(191), "%C3%A9".repeat(192));
    create(&simulator, leak(format!("UniqueName={fits}"))).await;
    assert_eq!(refusal(&simulator, leak(format!("UniqueName={too_long}"))).await, (400, 20001));
    assert_eq!(simulator.stats().committed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_80603_with_the_status_of_the_settings() {
    let simulator = simulator();
    create(&simulator, "UniqueName=a").await;
    assert_eq!(refusal(&simulator, "UniqueName=a").await, (400, 80603));
    // Names are compared as they are.
    create(&simulator, "UniqueName=A").await;

    let other = Simulator::with(Settings::default().duplicate_name_status(status(409)));
    create(&other, "UniqueName=a").await;
    assert_eq!(refusal(&other, "UniqueName=a").await, (409, 80603));
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_keeps_its_name() {
    let simulator = simulator();
    let session = create(&simulator, "UniqueName=a").await;
    update(&simulator, sid(&session), "Status=closed").await;
    assert_eq!(refusal(&simulator, "UniqueName=a").await, (400, 80603));
}

#[tokio::test(start_paused = true)]
async fn a_ttl_is_whole_seconds_in_range() {
    let simulator = simulator();
    create(&simulator, "Ttl=1").await;
    create(&simulator, "Ttl=2147483646").await;
    for bad in ["Ttl=0", "Ttl=2147483647", "Ttl=-1", "Ttl=%2B1", "Ttl=1.5", "Ttl=1h"] {
        assert_eq!(refusal(&simulator, bad).await, (400, 20001), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expiry_is_a_moment_with_its_zone_and_not_past_on_create() {
    let simulator = simulator();
    let session = create(&simulator, "DateExpiry=2026-01-02T05:04:05%2B01:00").await;
    assert_eq!(session["date_expiry"], "2026-01-02T04:04:05Z");
    for bad in [
        "DateExpiry=2026-01-02T03:04:05Z", // now
        "DateExpiry=2025-01-02T03:04:05Z",
        "DateExpiry=2026-02-02T03:04:05",
        "DateExpiry=tomorrow",
    ] {
        assert_eq!(refusal(&simulator, bad).await, (400, 20001), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn modes_and_statuses_are_those_of_the_api() {
    let simulator = simulator();
    for good in ["Mode=message-only", "Mode=voice-only", "Mode=voice-and-message"] {
        create(&simulator, good).await;
    }
    for good in ["open", "in-progress", "closed", "failed", "unknown"] {
        let session = create(&simulator, leak(format!("Status={good}"))).await;
        assert_eq!(session["status"], good);
    }
    for bad in ["Mode=video", "Mode=Voice-Only", "Status=done", "FailOnParticipantConflict=yes"] {
        assert_eq!(refusal(&simulator, bad).await, (400, 20001), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_form_is_refused_not_overlooked() {
    let simulator = simulator();
    let mut request = request(Method::POST, &path(""), r#"{"UniqueName":"a"}"#);
    request.headers_mut().insert("content-type", "application/json".parse().expect("a type"));
    let response = try_send(&simulator, request).await.expect("an answer");
    assert_eq!(response.status(), 400);
    assert_eq!(simulator.sessions(), []);
}

#[tokio::test(start_paused = true)]
async fn status_goes_from_live_to_closed_and_back_and_no_other_way() {
    let simulator = simulator();
    let session = create(&simulator, "").await;
    let sid = sid(&session);
    let code = |(status, answer): (u16, serde_json::Value)| (status, answer["code"].as_u64());
    for refused in ["Status=open", "Status=in-progress", "Status=failed", "Status=unknown"] {
        assert_eq!(code(update(&simulator, sid, refused).await), (400, Some(80608)), "{refused}");
    }
    let (_, closed) = update(&simulator, sid, "Status=closed").await;
    assert_eq!((&closed["status"], &closed["closed_reason"]), (&"closed".into(), &"api".into()));
    assert_eq!(closed["date_ended"], "2026-01-02T03:04:05Z");

    for refused in ["Status=closed", "Ttl=5", ""] {
        assert_eq!(code(update(&simulator, sid, refused).await), (400, Some(80607)), "{refused}");
    }
    assert_eq!(code(update(&simulator, sid, "Status=open").await), (400, Some(80608)));

    let (_, opened) = update(&simulator, sid, "Status=in-progress").await;
    assert_eq!((&opened["status"], &opened["date_ended"]), (&"in-progress".into(), &().into()));
    assert_eq!(opened["closed_reason"], serde_json::Value::Null);
    assert_eq!(update(&simulator, sid, "Status=closed").await.0, 200);
    assert_eq!(simulator.sessions()[0].status, Status::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_update_changes_nothing() {
    let simulator = simulator();
    let session = create(&simulator, "Ttl=60").await;
    let before = simulator.sessions();
    assert_eq!(update(&simulator, sid(&session), "Ttl=90&Status=open").await.0, 400);
    assert_eq!(update(&simulator, sid(&session), "Ttl=90&DateExpiry=never").await.0, 400);
    assert_eq!(simulator.sessions(), before);
}
