//! Answers that are no success, and what is said of them.

use std::error::Error as _;
use std::future::ready;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use twilio_proxy::call::{BoxError, Effect, ServiceSid};
use twilio_proxy::gateway::{Error, ErrorKind, Gateway, GatewayExt};
use twilio_proxy::sessions::{CreateSession, Session};
use twilio_proxy::wire::Endpoint;

/// The longest excerpt of a body that an error keeps, with the mark that it was cut.
const EXCERPT: usize = 512 + '…'.len_utf8();

/// Status, `Retry-After`, and a body.
pub(super) fn error_body(data: &[u8]) {
    let Some(([status, wait], body)) = super::lines::<2>(data) else { return };
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else { return };
    let Ok(wait) = HeaderValue::from_str(wait) else { return };
    let error = match create(status, &wait, body) {
        Ok(_) => return assert!(status.is_success()),
        Err(error) => error,
    };
    // The rule, once more: what may have come of the one attempt follows from the status alone.
    let (effect, kind) = match status.as_u16() {
        200..=299 => (Effect::Applied, ErrorKind::Decode),
        429 => (Effect::None, ErrorKind::Throttled),
        400..=499 => (Effect::None, ErrorKind::Refused),
        500..=599 => (Effect::Unknown, ErrorKind::Server),
        _ => (Effect::Unknown, ErrorKind::Unexpected),
    };
    assert_eq!((error.effect(), error.kind(), error.attempts()), (effect, kind, 1));
    assert_eq!(error.status(), Some(status));
    let Some(api) = error.api() else { return assert!(status.is_success()) };
    assert_eq!((api.status(), error.code()), (status, api.code()));
    assert_eq!(error.retry_after(), api.retry_after());
    if let Ok(Value::Object(object)) = serde_json::from_slice(body) {
        let code = object.get("code").and_then(Value::as_u64);
        if let Some(code) = code.and_then(|code| u32::try_from(code).ok()) {
            assert_eq!(api.code(), Some(code));
        }
        let message = object.get("message").and_then(Value::as_str);
        if let Some(message) = message.filter(|text| !text.trim().is_empty()) {
            assert_eq!(api.message(), Some(message));
        }
    }
    if let Some(excerpt) = api.excerpt() {
        assert!(api.message().is_none() && excerpt.len() <= EXCERPT);
        assert!(!excerpt.chars().any(char::is_control) && !excerpt.is_empty());
    }
    // Nothing of the body is in what is logged: an answer of the same status and code, and with nothing
    // else in it, is spoken of in the same words.
    let bare = api.code().map_or_else(String::new, |code| format!("{{\"code\":{code}}}"));
    let bare = create(status, &wait, bare.as_bytes()).unwrap_err();
    assert_eq!(said(&error), said(&bare));
}

/// All that an error says to a log.
fn said(error: &Error) -> String {
    let mut said = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        said.push_str(&error.to_string());
        source = error.source();
    }
    // A date in `Retry-After` is nearer the second time.
    let wait = format!("{:?}", error.retry_after());
    said.replace(&wait, "")
}

fn create(status: StatusCode, wait: &HeaderValue, body: &[u8]) -> Result<Session, Error> {
    let (wait, body) = (wait.clone(), Bytes::copy_from_slice(body));
    let stack = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let mut answer = Response::new(Full::new(body.clone()));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::RETRY_AFTER, wait.clone());
        ready(Ok::<_, BoxError>(answer))
    });
    let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
    let service = ServiceSid::new("KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    gateway.send(CreateSession::new(service)).now_or_never().expect("nothing makes it wait")
}
