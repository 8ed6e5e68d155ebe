//! What the simulator tells the layers above it, by the call's facts.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tower::Service;
use twilio_proxy::call::{CallFacts, Effect, Idempotency};
use twilio_proxy::simulator::{FaultPlan, Mishap, Simulator};

use crate::support::*;

/// A create that carries facts, not sent yet.
fn create_with_facts() -> (http::Request<http_body_util::Full<bytes::Bytes>>, Arc<CallFacts>) {
    let mut request = request(Method::POST, &path(""), "");
    let facts = Arc::new(CallFacts::new("sessions.create", Idempotency::Unsafe));
    request.extensions_mut().insert(Arc::clone(&facts));
    (request, facts)
}

#[tokio::test(start_paused = true)]
async fn a_call_is_reached_at_once_and_sent_when_it_is_polled() {
    let (request, facts) = create_with_facts();
    let simulator = Simulator::with(settings().latency(Duration::from_secs(1)));
    let mut response = tokio_test::task::spawn(simulator.clone().call(request));
    assert_eq!((facts.reached(), facts.sent(), facts.effect()), (1, 0, Effect::None));
    assert!(response.poll().is_pending());
    assert_eq!((facts.sent(), facts.effect()), (1, Effect::Unknown));
    // Given up here, nobody above can know.
    drop(response);
    assert_eq!((facts.effect(), simulator.sessions().len()), (Effect::Unknown, 0));
}

#[tokio::test(start_paused = true)]
async fn effects_are_exact_to_what_a_client_can_know() {
    for (mishap, sent, effect) in [
        // Sent, and answered with success: what remains "unknown" is for the answer to say.
        (None, 1, Effect::Unknown),
        (Some(Mishap::Refused), 0, Effect::None),
        (Some(Mishap::ResetBefore), 1, Effect::Unknown),
        (Some(Mishap::ResetAfter), 1, Effect::Unknown),
        (Some(Mishap::ErrorBefore(status(503))), 1, Effect::Unknown),
        (Some(Mishap::Html(status(502))), 1, Effect::Unknown),
        (Some(Mishap::Throttled(None)), 1, Effect::None),
        (Some(Mishap::Rejected(status(409), 80623)), 1, Effect::None),
        (Some(Mishap::Truncated), 1, Effect::Unknown),
    ] {
        let simulator = simulator();
        if let Some(mishap) = mishap {
            simulator.set_faults(FaultPlan::none().next(1, mishap));
        }
        let (request, facts) = create_with_facts();
        let _ = try_send(&simulator, request).await;
        assert_eq!(
            (facts.reached(), facts.sent(), facts.effect()),
            (1, sent, effect),
            "{mishap:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_is_harmless_only_once_it_is_here() {
    let simulator = Simulator::with(settings().rate_limit(0, Duration::from_secs(5)));
    simulator.set_faults(FaultPlan::none().next(1, Mishap::Latency(Duration::from_secs(2))));
    let (request, facts) = create_with_facts();
    let response = try_send(&simulator, request);
    assert!(tokio::time::timeout(Duration::from_secs(1), response).await.is_err());
    assert_eq!(facts.effect(), Effect::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_simulator_is_ready_for_any_body_and_its_clones_are_one() {
    let simulator = simulator();
    let body = http_body_util::Empty::<bytes::Bytes>::new();
    let (head, _) = request(Method::POST, &path(""), "").into_parts();
    let answer = simulator.clone().call(http::Request::from_parts(head, body)).await;
    assert_eq!(answer.expect("an answer").status(), 201);
    assert_eq!(simulator.sessions().len(), 1);
}
