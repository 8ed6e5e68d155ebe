use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use super::ApiError;
use crate::call::Clock;
use crate::wire::{Answer, codes};

fn read(status: u16, body: impl Into<bytes::Bytes>) -> ApiError {
    let status = StatusCode::from_u16(status).expect("a status");
    ApiError::read(&Answer::new(status, HeaderMap::new(), body.into()), &Clock::system())
}

#[test]
fn the_classic_shape() {
    let error = read(
        404,
        r#"{"code":20404,"message":"gone","more_info":"https://www.twilio.com/docs/errors/20404","status":500,"details":{"a":1}}"#,
    );
    assert_eq!(error.status(), StatusCode::NOT_FOUND, "the answer's, not the body's");
    assert_eq!(error.code(), Some(codes::NOT_FOUND));
    assert_eq!(error.message(), Some("gone"));
    assert_eq!(error.more_info(), Some("https://www.twilio.com/docs/errors/20404"));
    assert_eq!(error.details(), Some(&json!({"a": 1})));
    assert_eq!(error.excerpt(), None);
    assert_eq!(error.user_error(), None);
    let bare = read(404, r#"{"message":"gone","status":404}"#);
    assert_eq!((bare.code(), bare.message()), (None, Some("gone")));
}

#[test]
fn the_newer_shape() {
    let error = read(
        400,
        r#"{"code":80609,"message":"two","httpStatusCode":409,"params":{"n":3},"userError":true}"#,
    );
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error.code(), Some(codes::TOO_MANY_PARTICIPANTS));
    assert_eq!(error.message(), Some("two"));
    assert_eq!(error.details(), Some(&json!({"n": 3})));
    assert_eq!(error.user_error(), Some(true));
}

#[test]
fn the_shape_of_rfc_9457() {
    let error = read(
        422,
        r##"{"type":"https://www.twilio.com/docs/api/errors/20422","title":"Invalid","status":422,"code":20422,"detail":"the name","instance":"/x","errors":[{"detail":"long","pointer":"#/n"}]}"##,
    );
    assert_eq!(error.code(), Some(20422));
    assert_eq!(error.message(), Some("the name"));
    assert_eq!(error.more_info(), Some("https://www.twilio.com/docs/api/errors/20422"));
    assert_eq!(error.details(), Some(&json!([{"detail": "long", "pointer": "#/n"}])));
    let bare = read(422, r#"{"type":"about:blank","title":"Invalid","detail":null}"#);
    assert_eq!((bare.message(), bare.more_info()), (Some("Invalid"), None));
}

#[test]
fn one_odd_field_loses_none_of_the_others() {
    let error = read(400, r#"{"code":"80607","message":["no"],"more_info":7,"details":null}"#);
    assert_eq!(error.code(), Some(codes::SESSION_CLOSED));
    assert_eq!((error.message(), error.more_info(), error.details()), (None, None, None));
    // Without a message, the body may speak for itself.
    assert!(error.excerpt().is_some_and(|text| text.contains(r#""message":["no"]"#)));
    for odd in ["-1", "1.5", "4294967296", "null", "{}", "\"x\""] {
        let error = read(400, format!(r#"{{"code":{odd},"message":"m"}}"#));
        assert_eq!((error.code(), error.message()), (None, Some("m")), "{odd}");
    }
    // Twilio's text is UTF-8; a proxy's idea of it may not be.
    let error = read(400, &b"\xef\xbb\xbf{\"code\":80603,\"message\":\"caf\xe9\"}"[..]);
    assert_eq!(error.code(), Some(codes::UNIQUE_NAME_TAKEN));
    assert_eq!(error.message(), Some("caf\u{fffd}"));
}

#[test]
fn a_blank_text_is_none_and_the_next_best_is_taken() {
    let error = read(400, r#"{"message":" \n","detail":"","title":"No","more_info":" "}"#);
    assert_eq!((error.message(), error.more_info(), error.excerpt()), (Some("No"), None, None));
}

#[test]
fn what_is_no_error_body_keeps_its_status_and_an_excerpt() {
    for (body, excerpt) in [
        ("", None),
        (" \r\n ", None),
        ("\u{feff}", None),
        ("<html>\r\n<b>502</b></html>", Some("<html>  <b>502</b></html>")),
        (r#"{"code":80603,"mess"#, Some(r#"{"code":80603,"mess"#)),
        ("null", Some("null")),
        (r#"["no"]"#, Some(r#"["no"]"#)),
        ("bell\u{7}\u{1b}[31m\u{202e}", Some("bell\u{fffd}\u{fffd}[31m\u{fffd}")),
    ] {
        let error = read(502, body);
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        assert_eq!((error.code(), error.message()), (None, None), "{body}");
        assert_eq!(error.excerpt(), excerpt, "{body}");
    }
    assert_eq!(read(500, &b"\xff\x00"[..]).excerpt(), Some("\u{fffd}\u{fffd}"));
}

#[test]
fn an_excerpt_is_cut_between_characters() {
    let whole = "x".repeat(512);
    assert_eq!(read(500, whole.clone()).excerpt(), Some(&*whole));
    let cut = read(500, "x".repeat(513));
    assert_eq!(cut.excerpt(), Some(&*format!("{}…", "x".repeat(509))));
    // Two bytes each, 509 is in the middle of one; and characters that grow when replaced.
    assert_eq!(read(500, "é".repeat(5000)).excerpt(), Some(&*format!("{}…", "é".repeat(254))));
    let grown = read(500, format!("{}x", "\u{1}".repeat(300)));
    assert!(grown.excerpt().is_some_and(|text| text.len() <= 512 && text.ends_with('…')));
}

#[tokio::test(start_paused = true)]
async fn headers_say_who_and_when() {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().expect("a timestamp"));
    tokio::time::advance(Duration::from_secs(10)).await;
    let mut headers = HeaderMap::new();
    headers.insert("Twilio-Request-Id", HeaderValue::from_static("RQ1"));
    headers.insert("Retry-After", HeaderValue::from_static("Thu, 01 Jan 2026 00:00:30 GMT"));
    let answer = Answer::new(StatusCode::TOO_MANY_REQUESTS, headers, "".into());
    let error = ApiError::read(&answer, &clock);
    assert_eq!(error.request_id(), Some("RQ1"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert_eq!(read(429, "").retry_after(), None);
}

#[test]
fn neither_display_nor_debug_repeats_what_the_server_said() {
    let known = read(400, r#"{"code":80404,"message":"+15550100 is bad","details":["+15550100"]}"#);
    assert_eq!(
        known.to_string(),
        "the API answered 400 with code 80404 (bad participant identifier)"
    );
    assert_eq!(read(400, r#"{"code":1}"#).to_string(), "the API answered 400 with code 1");
    let unknown = read(503, "caller +15550100 <html>");
    assert_eq!(unknown.to_string(), "the API answered 503");
    for error in [known, unknown] {
        assert!(!format!("{error:?} {error:#?} {error}").contains("5550100"));
    }
}
