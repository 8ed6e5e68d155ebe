use std::time::Duration;

use tower::Service;
use twilio_proxy::call::{CallOptions, Effect};
use twilio_proxy::gateway::{ErrorKind, GatewayExt};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::wire::Operation;

use crate::script::{SERVICE, Script, answer, service};

const SESSION: &str = r#"{"sid": "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "open"}"#;

/// Proxy allows 30 requests a second per endpoint and Service, as an average over a sliding 5 s: 150
/// in any 5 s. "30/s, burst 150" reads the same and admits 299.
/// <https://www.twilio.com/docs/proxy/proxy-limits>
#[test]
fn the_default_quota_keeps_to_proxys_rule() {
    let window = Duration::from_secs(5);
    assert!(Quota::default().most_in(window) <= 150);
    assert!(Quota::per_second(30).burst(150).most_in(window) > 150);
}

#[tokio::test]
async fn the_gateway_is_a_tower_service_of_operations() {
    let script = Script::new([answer(200, SESSION)]);
    let mut gateway = script.gateway();
    gateway.ready_for::<FetchSession>().await.unwrap();
    let session = gateway.call(FetchSession::by_name(service(), "order 1")).await.unwrap();
    assert_eq!(session.sid.unwrap().as_str(), "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(
        script.lines(),
        [format!("GET https://proxy.twilio.com/v1/Services/{SERVICE}/Sessions/order%201")]
    );
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let script = Script::default();
    for name in ["", ".", ".."] {
        let fetch = FetchSession::by_name(service(), name);
        let error = script.gateway().send(fetch).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Encode, Effect::None));
        assert_eq!(error.attempts(), 0);
    }
    assert!(script.lines().is_empty());
}

#[tokio::test]
async fn one_call_may_add_headers_and_form_parameters() {
    let script = Script::new([answer(201, SESSION)]);
    let options = CallOptions::new().form("NewParameter", "a b");
    let create = CreateSession::new(service()).unique_name("order-1").with(options);
    script.gateway().send(create).await.unwrap();
    assert_eq!(script.sent()[0].body, "UniqueName=order-1&NewParameter=a%20b");
}

#[tokio::test]
async fn a_form_parameter_for_an_operation_without_a_form_is_refused() {
    let script = Script::default();
    let fetch = FetchSession::by_name(service(), "order-1");
    let error = script.gateway().send(fetch.with(CallOptions::new().form("A", "b"))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Encode);
}

#[tokio::test]
async fn metadata_comes_beside_the_output_when_asked_for() {
    let mut step = answer(200, SESSION).unwrap();
    step.headers_mut().insert("twilio-request-id", "RQ1".parse().unwrap());
    step.headers_mut().insert("twilio-concurrent-requests", "3".parse().unwrap());
    let script = Script::new([Ok(step)]);
    let fetch = FetchSession::by_name(service(), "order-1").detailed();
    let reply = script.gateway().send(fetch).await.unwrap();
    assert_eq!(reply.request_id(), Some("RQ1"));
    assert_eq!(reply.concurrent_requests(), Some(3));
    assert_eq!((reply.status.as_u16(), reply.attempts), (200, 1));
    assert!(reply.output.sid.is_some());
}

#[tokio::test]
async fn a_boxed_gateway_does_the_same() {
    let script = Script::new([answer(200, SESSION), answer(404, "")]);
    let gateway = script.gateway().boxed();
    let fetch = FetchSession::by_name(service(), "order-1");
    assert!(gateway.send(fetch.clone()).await.is_ok());
    assert!(gateway.send(fetch).await.unwrap_err().is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_calls_in_flight_and_takes_no_new_ones() {
    let script = Script::new([answer(200, SESSION), answer(200, SESSION)]);
    let gateway = script.gateway();
    let call = gateway.send(FetchSession::by_name(service(), "order-1"));
    let mut call = tokio_test::task::spawn(call);
    // Nothing is polled yet: the call does not count.
    assert_eq!(gateway.in_flight(), 0);
    assert!(call.poll().is_ready());
    drop(call);

    let mut held = gateway.clone();
    held.ready_for::<FetchSession>().await.unwrap();
    let in_flight = held.call(FetchSession::by_name(service(), "order-2"));
    assert_eq!(gateway.in_flight(), 1);
    assert_eq!(gateway.shutdown(Duration::from_secs(1)).await.cut_off, 1);
    let refused = gateway.send(FetchSession::by_name(service(), "order-3")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.effect()), (ErrorKind::Rejected, Effect::None));
    drop(in_flight);
    assert_eq!(gateway.shutdown(Duration::from_secs(1)).await.cut_off, 0);
}
