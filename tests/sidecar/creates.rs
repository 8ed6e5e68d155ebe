//! The promise: a named create is done once, an unnamed one never twice, whatever happens.

use http::{Request, StatusCode};
use proptest::prelude::*;
use serde_json::json;
use twilio_proxy::gateway::{ForwardLayer, ReconcileLayer};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Settings};

use crate::world::{SESSIONS, ask, creates, get, post, with, world, world_with};

/// What leaves a caller without an answer, and whether the create was done.
const LOST: [(Mishap, u64); 7] = [
    (Mishap::ResetBefore, 0),
    (Mishap::ResetAfter, 1),
    (Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE), 0),
    (Mishap::ErrorAfter(StatusCode::INTERNAL_SERVER_ERROR), 1),
    (Mishap::Truncated, 1),
    (Mishap::GarbledWire, 1),
    (Mishap::StallAfter, 1),
];

#[tokio::test(start_paused = true)]
async fn a_named_create_is_answered_as_if_nothing_had_happened() {
    for (mishap, done) in LOST {
        let (simulator, forward) = world(FaultPlan::none().next(1, mishap));
        let answer = ask(&forward, post(SESSIONS, "UniqueName=order-1")).await;
        let recovered = (done == 1).then_some("applied");
        assert_eq!(answer.verdict(), (201, recovered), "{mishap:?}");
        assert_eq!(answer.header("x-gateway-recovered"), recovered.map(|_| "true"), "{mishap:?}");
        assert_eq!(answer.json()["unique_name"], "order-1");
        // What was found is answered as it was found.
        let found = ask(&forward, get(&format!("{SESSIONS}/order-1"))).await;
        assert_eq!(answer.body, found.body);
        assert_eq!(creates(&simulator), 1, "{mishap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unnamed_create_is_never_sent_again_and_says_what_is_known() {
    for (mishap, done) in LOST {
        let (simulator, forward) = world(FaultPlan::none().next(1, mishap));
        let answer = ask(&forward, post(SESSIONS, "Mode=voice-only")).await;
        assert_eq!(answer.verdict(), (502, Some("unknown")), "{mishap:?}");
        assert_eq!(answer.json()["attempts"], 1);
        let stats = simulator.stats().of(Action::Create);
        assert_eq!((stats.received, stats.committed), (1, done), "{mishap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unnamed_create_that_was_not_taken_is_sent_again() {
    for mishap in [Mishap::Refused, Mishap::Throttled(None)] {
        let (simulator, forward) = world(FaultPlan::none().next(1, mishap));
        let answer = ask(&forward, post(SESSIONS, "")).await;
        assert_eq!(answer.verdict(), (201, None), "{mishap:?}");
        assert_eq!(answer.header("x-gateway-attempts"), Some("2"));
        assert_eq!(creates(&simulator), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_makes_no_sense_was_a_create_all_the_same() {
    let (simulator, forward) = world(FaultPlan::none().next(1, Mishap::GarbledBody));
    let answer = ask(&forward, post(SESSIONS, "")).await;
    assert_eq!(answer.verdict(), (502, Some("applied")));
    assert_eq!((&answer.json()["kind"], creates(&simulator)), (&json!("decode"), 1));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_has_is_refused_as_the_api_refuses_it() {
    let (simulator, forward) = world(FaultPlan::none());
    ask(&forward, post(SESSIONS, "UniqueName=a")).await;
    tokio::time::advance(std::time::Duration::from_secs(3600)).await;
    // Also where an attempt before was lost: the look shows that it is somebody else's.
    for plan in [FaultPlan::none(), FaultPlan::none().next(1, Mishap::ResetBefore)] {
        simulator.set_faults(plan);
        let answer = ask(&forward, post(SESSIONS, "UniqueName=a")).await;
        assert_eq!(answer.verdict(), (400, Some("none")));
        assert_eq!(answer.json()["code"], 80603);
    }
}

#[tokio::test(start_paused = true)]
async fn whose_a_session_is_that_can_not_be_told_is_no_refusal() {
    let (simulator, forward) = world(FaultPlan::none().next(1, Mishap::ResetAfter));
    // The look fails: every attempt of it.
    simulator.set_faults(FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter).next_of(
        Action::Fetch,
        9,
        Mishap::ErrorBefore(StatusCode::BAD_GATEWAY),
    ));
    let answer = ask(&forward, post(SESSIONS, "UniqueName=a")).await;
    // Not 400: to a client, 80603 would say that the create was not made.
    assert_eq!(answer.verdict(), (502, Some("unknown")));
    let body = answer.json();
    assert_eq!((&body["code"], &body["upstream_status"]), (&json!(80603), &json!(400)));
    assert_eq!(creates(&simulator), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_of_the_gateways_own_is_told() {
    let layer = ReconcileLayer::new().name_unnamed("side-");
    let named = |plan| {
        let change =
            |builder: twilio_proxy::gateway::GatewayBuilder| builder.reconcile(layer.clone());
        world_with(plan, Settings::default(), change, ForwardLayer::new())
    };
    let (simulator, forward) = named(FaultPlan::none().next(1, Mishap::ResetAfter));
    let answer = ask(&forward, post(SESSIONS, "")).await;
    assert_eq!((answer.status.as_u16(), creates(&simulator)), (201, 1));
    assert!(answer.json()["unique_name"].as_str().unwrap().starts_with("side-"));

    let (_, forward) = named(FaultPlan::none().next(9, Mishap::ResetBefore));
    let answer = ask(&forward, post(SESSIONS, "")).await;
    assert_eq!(answer.verdict(), (502, Some("unknown")));
    assert!(answer.json()["generated_name"].as_str().unwrap().starts_with("side-"));
}

#[tokio::test(start_paused = true)]
async fn an_update_and_a_delete_whose_answers_were_lost_succeed() {
    for mishap in [Mishap::ResetAfter, Mishap::ErrorAfter(StatusCode::BAD_GATEWAY)] {
        let (simulator, forward) = world(FaultPlan::none());
        let session = ask(&forward, post(SESSIONS, "")).await.json();
        let path = format!("{SESSIONS}/{}", session["sid"].as_str().unwrap());
        // Closing twice is refused (80607): a look shows that it is closed.
        simulator.set_faults(FaultPlan::none().next_of(Action::Update, 1, mishap));
        let closed = ask(&forward, post(&path, "Status=closed&Ttl=60")).await;
        assert_eq!(closed.verdict(), (200, Some("applied")), "{closed:?}");
        assert_eq!(closed.header("x-gateway-recovered"), Some("true"));
        assert_eq!(closed.json()["status"], "closed");
        // A 404 after it may have been done is what was asked for.
        simulator.set_faults(FaultPlan::none().next_of(Action::Delete, 1, mishap));
        let deleted = ask(&forward, with(Request::delete(&path), "")).await;
        assert_eq!(deleted.verdict(), (204, Some("applied")));
        assert_eq!((deleted.header("content-type"), deleted.body.len()), (None, 0));
        assert!(simulator.sessions().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Under any luck: of a hundred creates each named one is there once if it was answered, no
    /// unnamed one twice, and what is answered is true.
    #[test]
    fn whatever_happens_nothing_is_doubled(seed: u64, rate in 0.0..0.7) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (simulator, forward) = world(FaultPlan::random(seed).rate(rate));
            let (mut named, mut certain, mut open) = (0, 0, 0);
            for number in 0..30 {
                let path = SESSIONS;
                let form = if number % 2 == 0 { format!("UniqueName=order-{number}") } else { String::new() };
                let request = Request::post(path)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("x-request-id", format!("call-{number}"))
                    .body(http_body_util::Full::from(form))
                    .unwrap();
                let answer = ask(&forward, request).await;
                let is_named = number % 2 == 0;
                match (answer.status.as_u16(), answer.header("x-gateway-effect")) {
                    (201, _) if is_named => named += 1,
                    (201, _) | (502, Some("applied")) => certain += 1,
                    (_, Some("none")) => {}
                    (502 | 504, Some("unknown")) => open += 1,
                    odd => panic!("{odd:?}"),
                }
            }
            let commits = simulator.commits();
            assert!(twilio_proxy::simulator::created_twice(&commits).is_empty());
            let made = creates(&simulator);
            assert!(named + certain <= made && made <= named + certain + open);
        });
    }
}
