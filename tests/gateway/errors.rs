use std::error::Error as _;
use std::time::Duration;

use http_body_util::Full;
use tower::{Layer, ServiceExt};
use twilio_proxy::call::{Effect, Fault, FaultKind, Rejection};
use twilio_proxy::gateway::{Error, ErrorKind, ForwardLayer, GatewayExt};
use twilio_proxy::sessions::{CreateSession, DeleteSession, FetchSession};

use crate::script::{Script, Step, answer, service};

async fn fetch(step: Step) -> Error {
    let script = Script::new([step]);
    script.gateway().send(FetchSession::by_name(service(), "order-1")).await.unwrap_err()
}

/// The table of what a failure says: kind and effect, by status.
#[tokio::test]
async fn every_status_has_its_kind_and_effect() {
    for (status, kind, effect) in [
        (204, ErrorKind::Decode, Effect::Applied),
        (301, ErrorKind::Unexpected, Effect::Unknown),
        (400, ErrorKind::Refused, Effect::None),
        (401, ErrorKind::Refused, Effect::None),
        (404, ErrorKind::Refused, Effect::None),
        (409, ErrorKind::Refused, Effect::None),
        (429, ErrorKind::Throttled, Effect::None),
        (500, ErrorKind::Server, Effect::Unknown),
        (503, ErrorKind::Server, Effect::Unknown),
    ] {
        let error = fetch(answer(status, "")).await;
        assert_eq!((error.kind(), error.effect()), (kind, effect), "{status}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.attempts(), 1);
    }
}

/// A layer of somebody else's may say of a refusal that it is for ever. What is answered is in whole seconds,
/// rounded up, and there is no second after the last: that overflowed.
#[tokio::test]
async fn a_wait_without_end_is_handed_on_to_other_programs() {
    let fault = Fault::new(FaultKind::Rejected(Rejection::RateLimited), "not today");
    let script = Script::new([Err(fault.with_retry_after(Duration::MAX).into())]);
    let forward = ForwardLayer::new().layer(script.gateway());
    let request = http::Request::get("/v1/Services").body(Full::default()).unwrap();
    let answer = forward.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], u64::MAX.to_string());
}

#[tokio::test]
async fn every_fault_has_its_kind_and_effect() {
    for (fault, kind, effect) in [
        (FaultKind::Config, ErrorKind::Config, Effect::None),
        (FaultKind::Rejected(Rejection::RateLimited), ErrorKind::Rejected, Effect::None),
        (FaultKind::Deadline, ErrorKind::Deadline, Effect::Unknown),
        (FaultKind::AttemptTimeout, ErrorKind::AttemptTimeout, Effect::Unknown),
        (FaultKind::Connect, ErrorKind::Connect, Effect::None),
        (FaultKind::Unprocessed, ErrorKind::Unprocessed, Effect::None),
        (FaultKind::Interrupted, ErrorKind::Interrupted, Effect::Unknown),
        (FaultKind::Incomplete, ErrorKind::Incomplete, Effect::Unknown),
    ] {
        let error = fetch(Err(Fault::new(fault, "detail").into())).await;
        assert_eq!((error.kind(), error.effect()), (kind, effect));
        assert_eq!(error.to_string(), "detail");
        assert!(error.source().is_none(), "the fault has become the error, it is not repeated");
    }
}

/// A fault that a foreign layer has wrapped is found along the sources.
#[tokio::test]
async fn a_fault_is_found_inside_foreign_errors() {
    #[derive(Debug)]
    struct Wrapper(Fault);
    impl std::fmt::Display for Wrapper {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("wrapped")
        }
    }
    impl std::error::Error for Wrapper {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let after = Duration::from_secs(7);
    let fault = Fault::new(FaultKind::Connect, "no route").with_retry_after(after);
    let error = fetch(Err(Box::new(Wrapper(fault)))).await;
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Connect, Effect::None));
    assert_eq!(error.retry_after(), Some(after));
}

#[tokio::test]
async fn errors_of_towers_own_layers_are_known() {
    let elapsed = fetch(Err(Box::new(tower::timeout::error::Elapsed::new()))).await;
    assert_eq!((elapsed.kind(), elapsed.effect()), (ErrorKind::Deadline, Effect::Unknown));
    let shed = fetch(Err(Box::new(tower::load_shed::error::Overloaded::new()))).await;
    assert_eq!((shed.kind(), shed.effect()), (ErrorKind::Rejected, Effect::None));
    let other = fetch(Err("something else".into())).await;
    assert_eq!((other.kind(), other.effect()), (ErrorKind::Other, Effect::Unknown));
    assert_eq!(other.source().unwrap().to_string(), "something else");
}

#[tokio::test]
async fn a_refusal_says_what_twilio_says_but_prints_no_phone_number() {
    let body = r#"{"code": 80404, "message": "Bad identifier +15550100", "more_info": "https://www.twilio.com/docs/errors/80404", "status": 400}"#;
    let script = Script::new([answer(400, body)]);
    let create = CreateSession::new(service()).unique_name("order-1");
    let error = script.gateway().send(create).await.unwrap_err();
    assert_eq!(error.code(), Some(80404));
    assert_eq!(error.api().unwrap().message(), Some("Bad identifier +15550100"));
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("5550100"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_was_applied_all_the_same() {
    for body in ["", "<html>", "[]", r#"{"sid": "KC-not-a-sid"}"#, r#"{"sid": 5}"#] {
        let script = Script::new([answer(201, body)]);
        let error = script.gateway().send(CreateSession::new(service())).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Decode, Effect::Applied), "{body}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(201));
        // Reporters that walk the sources once printed the same sentence twice.
        let source = error.source().unwrap();
        assert_ne!(error.to_string(), source.to_string());
        // What it says is its own: the parser's error, which quotes the body, is not passed on.
        assert!(source.source().is_none());
    }
}

#[tokio::test]
async fn a_delete_that_finds_nothing_on_its_first_attempt_has_failed() {
    let script = Script::new([answer(404, r#"{"code": 20404}"#)]);
    let session = "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let error = script.gateway().send(DeleteSession::new(service(), session)).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.effect(), Effect::None);
}

/// What stands in an answer may be a phone number: the error says where it stops, and not at what.
#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_repeated() {
    let mut step = answer(200, r#"{"sid": "+15550100"}"#).unwrap();
    step.headers_mut().insert("twilio-request-id", "RQ1".parse().unwrap());
    let error = fetch(Ok(step)).await;
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "the body is not what the API promises, at line 1, column 19");
    assert!(!format!("{error:?} {error}").contains("5550100"));
    assert_eq!(error.request_id(), Some("RQ1"), "what the support asks for");
}

/// tower's layers box the error of a typed service: it is found in the box again.
#[test]
fn an_error_survives_a_box() {
    let fault = Fault::new(FaultKind::Rejected(Rejection::QueueFull), "full");
    let error = Error::from(fault);
    assert_eq!(
        (error.kind(), error.rejection()),
        (ErrorKind::Rejected, Some(Rejection::QueueFull))
    );
    let again = Error::from(Box::<dyn std::error::Error + Send + Sync>::from(error));
    assert_eq!((again.kind(), again.to_string().as_str()), (ErrorKind::Rejected, "full"));
    let foreign = Error::from(Box::<dyn std::error::Error + Send + Sync>::from("who knows"));
    assert_eq!((foreign.kind(), foreign.effect()), (ErrorKind::Other, Effect::Unknown));
}
