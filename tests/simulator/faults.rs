//! Each mishap over the service: what the caller sees, and whether Proxy acted.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::{Instant, timeout};
use twilio_proxy::call::{Effect, Fault, FaultKind};
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, RetryAfter, Simulator};

use crate::support::*;

/// One create under a mishap: what came of it, and how many sessions there are.
async fn under(
    mishap: Mishap,
) -> (Result<http::Response<twilio_proxy::call::Collected>, Fault>, usize) {
    let simulator = simulator();
    simulator.set_faults(FaultPlan::none().next(1, mishap));
    let answer = try_send(&simulator, request(Method::POST, &path(""), "UniqueName=a")).await;
    let stats = simulator.stats();
    assert_eq!(stats.mishaps.get(mishap.name()), Some(&1), "{mishap:?}");
    assert_eq!(stats.committed(), simulator.sessions().len() as u64, "{mishap:?}");
    assert_eq!(stats.committed() == 1, mishap.acts(), "{mishap:?}");
    (answer, simulator.sessions().len())
}

#[tokio::test(start_paused = true)]
async fn what_breaks_the_connection_is_a_fault_of_the_right_kind_and_effect() {
    for (mishap, kind, effect, sessions) in [
        (Mishap::Refused, FaultKind::Connect, Effect::None, 0),
        (Mishap::ResetBefore, FaultKind::Interrupted, Effect::Unknown, 0),
        (Mishap::ResetAfter, FaultKind::Interrupted, Effect::Unknown, 1),
        (Mishap::Truncated, FaultKind::Incomplete, Effect::Unknown, 1),
        (Mishap::GarbledWire, FaultKind::Interrupted, Effect::Unknown, 1),
    ] {
        let (answer, made) = under(mishap).await;
        let fault = answer.expect_err("a fault");
        assert_eq!((fault.kind(), fault.effect(), made), (kind, effect, sessions), "{mishap:?}");
    }
    let truncated = under(Mishap::Truncated).await.0.expect_err("a fault");
    assert_eq!(truncated.status(), Some(status(201)));
}

#[tokio::test(start_paused = true)]
async fn server_errors_come_before_or_after_the_commit_in_twilios_json() {
    for (mishap, made) in [
        (Mishap::ErrorBefore(status(503)), 0),
        (Mishap::ErrorAfter(status(503)), 1),
        (Mishap::Rejected(status(409), 80623), 0),
    ] {
        let (answer, sessions) = under(mishap).await;
        let answer = answer.expect("an answer");
        let error = json(&answer);
        assert_eq!(error["status"], answer.status().as_u16());
        assert!(answer.headers().contains_key("twilio-request-id"));
        assert_eq!(sessions, made, "{mishap:?}");
    }
    let rejected = under(Mishap::Rejected(status(409), 80623)).await.0.expect("an answer");
    assert_eq!((rejected.status().as_u16(), &json(&rejected)["code"]), (409, &json!(80623)));
}

#[tokio::test(start_paused = true)]
async fn a_gateways_page_is_html_and_none_of_twilios() {
    let (answer, sessions) = under(Mishap::Html(status(502))).await;
    let answer = answer.expect("an answer");
    assert_eq!((answer.status().as_u16(), sessions), (502, 0));
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert!(answer.body().bytes().starts_with(b"<html>"));
    assert!(!answer.headers().contains_key("twilio-request-id"));
}

#[tokio::test(start_paused = true)]
async fn throttled_says_when_in_seconds_as_a_date_or_not_at_all() {
    for (when, header) in [
        (None, None),
        (Some(RetryAfter::Seconds(7)), Some("7")),
        // From 3:04:05, as the simulator's clock has it.
        (Some(RetryAfter::DateIn(Duration::from_secs(60))), Some("Fri, 02 Jan 2026 03:05:05 GMT")),
        (Some(RetryAfter::DateIn(Duration::MAX)), Some("Fri, 31 Dec 9999 23:59:59 GMT")),
    ] {
        let answer = under(Mishap::Throttled(when)).await.0.expect("an answer");
        assert_eq!((answer.status().as_u16(), &json(&answer)["code"]), (429, &json!(80621)));
        let said = answer.headers().get("retry-after").map(|value| value.to_str().expect("text"));
        assert_eq!(said, header);
    }
}

#[tokio::test(start_paused = true)]
async fn a_garbled_body_has_the_right_status_and_is_no_json() {
    let (answer, sessions) = under(Mishap::GarbledBody).await;
    let answer = answer.expect("an answer");
    assert_eq!((answer.status().as_u16(), sessions), (201, 1));
    assert!(serde_json::from_slice::<serde_json::Value>(answer.body().bytes()).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_is_reset_where_its_body_should_be_spoilt() {
    for mishap in [Mishap::Truncated, Mishap::GarbledBody] {
        let simulator = simulator();
        let session = create(&simulator, "").await;
        simulator.set_faults(FaultPlan::none().next(1, mishap));
        let delete = request(Method::DELETE, &path(&format!("/{}", sid(&session))), "");
        let fault = try_send(&simulator, delete).await.expect_err("a fault");
        assert_eq!(fault.kind(), FaultKind::Interrupted);
        assert_eq!(simulator.sessions(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn latency_is_after_the_commit_and_the_settings_is_before_it() {
    let start = Instant::now();
    let late = Duration::from_secs(3);
    assert_eq!(under(Mishap::Latency(late)).await.1, 1);
    assert_eq!(start.elapsed(), late);

    // Given up halfway, the one has left a session behind and the other has not.
    let simulator = simulator();
    simulator.set_faults(FaultPlan::none().next(1, Mishap::Latency(late)));
    assert!(timeout(late / 2, create(&simulator, "")).await.is_err());
    assert_eq!(simulator.sessions().len(), 1);
    let slow = Simulator::with(settings().latency(late));
    assert!(timeout(late / 2, create(&slow, "")).await.is_err());
    assert_eq!(slow.sessions(), []);
}

#[tokio::test(start_paused = true)]
async fn a_stall_never_ends() {
    for mishap in [Mishap::StallBefore, Mishap::StallAfter] {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let simulator = simulator();
        simulator.set_faults(FaultPlan::none().next(1, mishap));
        assert!(timeout(year, create(&simulator, "")).await.is_err());
        assert_eq!(simulator.stats().committed() == 1, mishap.acts());
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_strikes_by_number_by_count_and_by_action() {
    let simulator = simulator();
    simulator.set_faults(
        FaultPlan::none()
            .request(2, Mishap::ErrorBefore(status(500)))
            .next_of(Action::Fetch, 1, Mishap::ErrorBefore(status(501)))
            .next(2, Mishap::ErrorBefore(status(502))),
    );
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(fetch(&simulator, "a").await.0);
    }
    // 2 by its number; the first fetch that no earlier rule took; then two of any kind.
    assert_eq!(seen, [501, 500, 502, 502, 404, 404]);
    assert_eq!(simulator.stats().mishaps["error_before"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_plan_can_be_changed_while_the_simulator_runs() {
    let simulator = simulator();
    simulator.set_faults(FaultPlan::none().next(u64::MAX, Mishap::ErrorBefore(status(500))));
    assert_eq!(fetch(&simulator, "a").await.0, 500);
    simulator.set_faults(FaultPlan::none().request(2, Mishap::ErrorBefore(status(503))));
    assert_eq!((fetch(&simulator, "a").await.0, fetch(&simulator, "a").await.0), (404, 503));
    simulator.set_faults(FaultPlan::none());
    assert_eq!(fetch(&simulator, "a").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_lost_on_the_way_is_in_no_count_of_proxys() {
    let simulator = simulator();
    simulator.set_faults(FaultPlan::none().next(1, Mishap::Refused).next(1, Mishap::ResetAfter));
    for _ in 0..2 {
        try_send(&simulator, request(Method::POST, &path(""), "")).await.expect_err("a fault");
    }
    let creates = simulator.stats().of(Action::Create);
    assert_eq!((creates.received, creates.committed, creates.answered.len()), (1, 1, 0));
}
