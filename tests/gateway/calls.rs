use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tower::Layer;
use tower::Service;
use twilio_proxy::call::{CallOptions, Effect, Fault, FaultKind, Priority, Rejection};
use twilio_proxy::gateway::{ErrorKind, Gateway, GatewayExt, ReconcileLayer};
use twilio_proxy::middleware::auth::Credentials;
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

/// Every stack was once collected a second time under the default cap, whatever cap it had.
#[tokio::test]
async fn a_larger_body_limit_is_a_larger_one() {
    let nine_mebibytes = || {
        let padding = "x".repeat(9 << 20);
        answer(200, format!(r#"{{"unique_name": "order-1", "padding": "{padding}"}}"#))
    };
    let fetch = FetchSession::by_name(service(), "order-1");
    let capped = Script::new([nine_mebibytes()]).gateway().send(fetch.clone()).await.unwrap_err();
    assert_eq!((capped.kind(), capped.effect()), (ErrorKind::BodyTooLarge, Effect::Applied));

    let wide = Script::new([nine_mebibytes(), nine_mebibytes()]).gateway().body_limit(10 << 20);
    assert!(wide.send(fetch.clone()).await.is_ok());
    assert!(wide.boxed().send(fetch.clone()).await.is_ok());

    let script = Script::new([nine_mebibytes()]);
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let builder = Gateway::builder(Credentials::auth_token(account, "x")).body_limit(10 << 20);
    assert!(builder.over(script).unwrap().send(fetch).await.is_ok());
}

#[tokio::test]
async fn wishes_said_twice_add_up_and_the_later_go_first() {
    let script = Script::new([answer(201, SESSION)]);
    let inner = CallOptions::new().form("A", "1").max_attempts(7).priority(Priority::High);
    let outer = CallOptions::new().form("B", "2").max_attempts(3);
    let create = CreateSession::new(service()).with(inner).with(outer);
    script.gateway().send(create).await.unwrap();
    assert_eq!(script.sent()[0].body, "A=1&B=2");
    let both = CallOptions::new().max_attempts(3).or(CallOptions::new().priority(Priority::High));
    assert_eq!(both.wanted_attempts(), Some(3));
    assert_eq!(both.wanted_priority(), Priority::High);
}

/// An error of a call that was lost is looked into, even when the gateway has been closed meanwhile.
#[tokio::test]
async fn a_look_that_a_call_in_flight_needs_is_let_through_a_shutdown() {
    let now = jiff::Timestamp::now();
    let taken = {
        let mut step = answer(400, r#"{"code": 80603}"#).unwrap();
        let since_epoch = Duration::from_secs(now.as_second().try_into().unwrap());
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch);
        step.headers_mut().insert("date", date.parse().unwrap());
        Ok(step)
    };
    let lost = Err(Fault::new(FaultKind::Interrupted, "reset").into());
    let found = answer(200, format!(r#"{{"unique_name": "order-1", "date_created": "{now:.0}"}}"#));
    let script = Script::new([lost, taken, found]);
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let gateway = Gateway::builder(Credentials::auth_token(account, "x")).over(script).unwrap();
    let mut held = gateway.clone();
    held.ready_for::<CreateSession>().await.unwrap();
    let create = held.call(CreateSession::new(service()).unique_name("order-1"));
    assert_eq!(gateway.shutdown(Duration::ZERO).await.cut_off, 1);
    assert_eq!(create.await.unwrap().unique_name.as_deref(), Some("order-1"));
    let late = gateway.send(FetchSession::by_name(service(), "order-1")).await.unwrap_err();
    assert_eq!(late.rejection(), Some(Rejection::Closed));
    assert!(!late.is_throttled(), "a gateway that shuts down will not be back");
}

#[tokio::test]
async fn extra_headers_reach_the_wire() {
    let script = Script::new([answer(200, SESSION)]);
    let options = CallOptions::new()
        .header(HeaderName::from_static("x-tenant"), HeaderValue::from_static("blue"));
    let fetch = FetchSession::by_name(service(), "order-1").with(options);
    script.gateway().send(fetch).await.unwrap();
    assert_eq!(script.sent()[0].headers["x-tenant"], "blue");
}

/// `tokio::spawn(async move { gateway.send(…).await })` did not compile where the stack was behind a pointer: as
/// an alias of tower's box its error type was a parameter, in which rustc forgets a lifetime.
#[tokio::test]
async fn a_call_through_a_box_can_be_spawned() {
    let script = Script::new([answer(200, SESSION), answer(200, SESSION)]);
    let gateway = script.gateway().boxed();
    let reconciled = ReconcileLayer::new().layer(gateway.clone());
    let call =
        tokio::spawn(async move { gateway.send(FetchSession::by_name(service(), "1")).await });
    assert!(call.await.unwrap().is_ok());
    let fetch = FetchSession::by_name(service(), "1");
    let call = tokio::spawn(async move { reconciled.send(fetch).await });
    assert!(call.await.unwrap().is_ok());
}
