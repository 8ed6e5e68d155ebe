//! What time does to a session. Ninety days pass at once here.

use std::time::Duration;

use tokio::time::advance;
use twilio_proxy::call::SessionSid;
use twilio_proxy::simulator::{Simulator, Status};

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn state(simulator: &Simulator) -> (Status, Option<&'static str>, Option<String>) {
    let session = &simulator.sessions()[0];
    (session.status, session.closed_reason, session.date_ended.map(|date| date.to_string()))
}

#[tokio::test(start_paused = true)]
async fn a_ttl_runs_from_the_creation_and_anew_from_each_use() {
    let simulator = simulator();
    let session = create(&simulator, "Ttl=60").await;
    let sid: SessionSid = sid(&session).parse().expect("a SID");

    advance(Duration::from_secs(59)).await;
    assert!(simulator.interact(&sid));
    let (_, used) = fetch(&simulator, sid.as_str()).await;
    assert_eq!(used["status"], "in-progress");
    assert_eq!(used["date_started"], "2026-01-02T03:05:04Z");
    assert_eq!(used["date_last_interaction"], "2026-01-02T03:05:04Z");

    advance(Duration::from_secs(59)).await;
    assert_eq!(simulator.sessions()[0].status, Status::InProgress);
    // Looked at late, it ended when it ended.
    advance(Duration::from_secs(600)).await;
    assert_eq!(
        state(&simulator),
        (Status::Closed, Some("ttl"), Some("2026-01-02T03:06:04Z".into()))
    );
    assert!(!simulator.interact(&sid));
}

#[tokio::test(start_paused = true)]
async fn a_date_overrides_the_ttl_both_ways() {
    let simulator = simulator();
    create(&simulator, "UniqueName=late&Ttl=60&DateExpiry=2026-01-02T04:00:00Z").await;
    create(&simulator, "UniqueName=soon&Ttl=6000&DateExpiry=2026-01-02T03:05:00Z").await;
    advance(Duration::from_secs(120)).await;
    assert_eq!(fetch(&simulator, "late").await.1["status"], "open");
    let (_, soon) = fetch(&simulator, "soon").await;
    assert_eq!(
        (&soon["status"], &soon["closed_reason"]),
        (&"closed".into(), &"date-expiry".into())
    );
    assert_eq!(soon["date_ended"], "2026-01-02T03:05:00Z");
}

#[tokio::test(start_paused = true)]
async fn an_update_may_shorten_a_life_to_nothing() {
    let simulator = simulator();
    let session = create(&simulator, "").await;
    advance(Duration::from_secs(60)).await;
    let (status, closed) = update(&simulator, sid(&session), "Ttl=30").await;
    assert_eq!((status, &closed["status"]), (200, &"closed".into()));

    let session = create(&simulator, "").await;
    let past = "DateExpiry=2026-01-01T00:00:00Z";
    let (status, closed) = update(&simulator, sid(&session), past).await;
    assert_eq!((status, &closed["status"]), (200, &"closed".into()));
}

#[tokio::test(start_paused = true)]
async fn opened_again_a_session_lives_again() {
    let simulator = simulator();
    let session = create(&simulator, "Ttl=60&DateExpiry=2026-01-02T03:05:00Z").await;
    advance(Duration::from_secs(300)).await;
    let (status, opened) = update(&simulator, sid(&session), "Status=in-progress").await;
    assert_eq!((status, &opened["status"]), (200, &"in-progress".into()));
    assert_eq!(opened["date_expiry"], serde_json::Value::Null);
    // From here on it is the TTL that counts, from now.
    advance(Duration::from_secs(59)).await;
    assert_eq!(fetch(&simulator, sid(&session)).await.1["status"], "in-progress");
    advance(Duration::from_secs(1)).await;
    assert_eq!(fetch(&simulator, sid(&session)).await.1["status"], "closed");
}

#[tokio::test(start_paused = true)]
async fn ninety_days_are_a_life_and_another_ninety_a_memory() {
    let simulator = simulator();
    create(&simulator, "UniqueName=a").await;
    advance(90 * DAY - Duration::from_secs(1)).await;
    assert_eq!(fetch(&simulator, "a").await.1["status"], "open");
    advance(Duration::from_secs(1)).await;
    assert_eq!(fetch(&simulator, "a").await.1["status"], "closed");

    advance(90 * DAY - Duration::from_secs(1)).await;
    assert_eq!(fetch(&simulator, "a").await.0, 200);
    assert_eq!(refusal(&simulator, "UniqueName=a").await, (400, 80603));
    advance(Duration::from_secs(1)).await;
    assert_eq!(fetch(&simulator, "a").await.0, 404);
    assert_eq!(simulator.sessions(), []);
    create(&simulator, "UniqueName=a").await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_session_frees_its_participants() {
    let simulator = simulator();
    let form =
        "Ttl=60&FailOnParticipantConflict=true&Participants=%7B%22Identifier%22%3A%221%22%7D";
    create(&simulator, form).await;
    assert_eq!(refusal(&simulator, form).await, (400, 80604));
    advance(Duration::from_secs(60)).await;
    create(&simulator, form).await;
}
