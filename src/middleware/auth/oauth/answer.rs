//! What a token endpoint answers: <https://www.rfc-editor.org/rfc/rfc6749#section-5>.

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, StatusCode};
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::Value;

use crate::call::{Authorization, Clock, Fault, FaultKind, Sid, retry_after};
use crate::middleware::auth::Grant;

/// The life of a token whose endpoint doesn't say.
const UNSTATED: Duration = Duration::from_secs(300);
/// The most bytes of a token: what servers commonly take for a header line.
const LONGEST_TOKEN: usize = 8 * 1024;
const SCHEME: &str = "Bearer ";

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct Refused {
    error: Option<String>,
}

/// The token in an answer, or why there is none. Nothing of the body is said but the error codes that
/// the standard has: an endpoint may repeat what it was sent.
pub(super) fn read(
    head: &Parts,
    body: &Bytes,
    account: Option<Sid>,
    clock: &Clock,
) -> Result<Grant, Fault> {
    if head.status.is_success() {
        return granted(body, account);
    }
    let status = head.status.as_u16();
    let said = serde_json::from_slice::<Refused>(body).ok().and_then(|refused| refused.error);
    let code = said.as_deref().and_then(known);
    let is_refusal = head.status == StatusCode::UNAUTHORIZED || code.is_some();
    if head.status.is_client_error() && head.status != StatusCode::TOO_MANY_REQUESTS && is_refusal {
        let code = code.map(|code| format!(", {code}")).unwrap_or_default();
        let detail = format!("the token endpoint refuses the client ({status}{code})");
        return Err(Fault::new(FaultKind::Config, detail));
    }
    let detail = match status {
        300..=399 => format!("the token endpoint answered {status}, and that is not followed"),
        _ => format!("the token endpoint answered {status}"),
    };
    let fault = Fault::new(FaultKind::Credentials, detail);
    Err(match retry_after(&head.headers, clock) {
        Some(wait) => fault.with_retry_after(wait),
        None => fault,
    })
}

/// The codes of <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>, which may be repeated.
fn known(code: &str) -> Option<&'static str> {
    let codes = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    codes.into_iter().find(|known| *known == code)
}

fn granted(body: &Bytes, account: Option<Sid>) -> Result<Grant, Fault> {
    let odd = |detail: &'static str| Fault::new(FaultKind::Credentials, detail);
    // Without the parser's words, which quote what it stumbled over.
    let granted: Granted = serde_json::from_slice(body)
        .map_err(|_| odd("the token endpoint's answer makes no sense"))?;
    let token = granted.access_token.map(Zeroizing::new);
    let token = token.ok_or_else(|| odd("the token endpoint's answer has no token in it"))?;
    // Where it is left out, against the standard, there is but one that it can be.
    let kind = granted.token_type.as_deref().unwrap_or("Bearer");
    if !kind.eq_ignore_ascii_case("bearer") {
        let detail = "the token endpoint gives tokens of another type than Bearer";
        return Err(Fault::new(FaultKind::Config, detail));
    }
    let header = header(&token)?;
    let life = match granted.expires_in {
        None | Some(Value::Null) => UNSTATED,
        Some(value) => seconds(&value)
            .ok_or_else(|| odd("the token had expired when it came, or its life is no number"))?,
    };
    Ok(Grant::new(Authorization::new(header, account)).expires_in(life))
}

/// The header, of a token that is one: <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>.
fn header(token: &str) -> Result<HeaderValue, Fault> {
    let odd = |detail: &'static str| Err(Fault::new(FaultKind::Credentials, detail));
    if token.len() > LONGEST_TOKEN {
        return odd("the token is longer than 8 KiB, and no header");
    }
    let bare = token.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if bare.is_empty() || !bare.bytes().all(fits) {
        return odd("the token has characters in it that no token has");
    }
    let mut value = String::with_capacity(SCHEME.len() + token.len());
    value.push_str(SCHEME);
    value.push_str(token);
    match HeaderValue::from_maybe_shared(Bytes::from(value)) {
        Ok(header) => Ok(header),
        // Never: it was looked at, character by character.
        Err(_) => odd("the token is no header"),
    }
}

/// A life in seconds, more than none; as a number or, as some endpoints have it, as text. `None` for
/// what is neither, or over already.
fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => match number.as_u64() {
            Some(whole) => return (whole > 0).then(|| Duration::from_secs(whole)),
            None => number.as_f64()?,
        },
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !(number.is_finite() && number > 0.0) {
        return None;
    }
    // More than fits is more than anybody will wait for.
    Some(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
        .filter(|life| !life.is_zero())
}

#[cfg(test)]
mod tests {
    use http::Response;
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> Result<Grant, Fault> {
        let (head, ()) = Response::builder()
            .status(status)
            .header("retry-after", "7")
            .body(())
            .expect("a response")
            .into_parts();
        read(&head, &Bytes::from(body.to_owned()), None, &Clock::system())
    }

    fn life(expires_in: &str) -> Option<Duration> {
        let body = format!(r#"{{"access_token": "abc", "token_type": "bearer"{expires_in}}}"#);
        answer(200, &body).ok()?.expires_in
    }

    #[test]
    fn a_life_is_a_number_of_seconds_or_unstated() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(life(r#", "expires_in": 3600"#), seconds(3600));
        assert_eq!(life(r#", "expires_in": "3600""#), seconds(3600));
        assert_eq!(life(r#", "expires_in": 1.5"#), Some(Duration::from_millis(1500)));
        assert_eq!(life(""), Some(UNSTATED));
        assert_eq!(life(r#", "expires_in": null"#), Some(UNSTATED));
        assert_eq!(life(r#", "expires_in": 1438315200000"#), seconds(1_438_315_200_000));
        assert_eq!(life(r#", "expires_in": 1e300"#), Some(Duration::MAX));
        for over in ["0", "-1", "-1e300", "\"soon\"", "[]", "true", "0.0", "\"nan\"", "1e-30"] {
            assert_eq!(life(&format!(r#", "expires_in": {over}"#)), None, "{over}");
        }
    }

    #[test]
    fn what_is_refused_is_a_setting_and_what_may_pass_is_not() {
        let kind = |status, body| {
            let fault = answer(status, body).expect_err("no token");
            assert_eq!(fault.effect(), crate::call::Effect::None);
            (fault.kind(), fault.retry_after().map(|wait| wait.as_secs()))
        };
        let config = (FaultKind::Config, None);
        let later = (FaultKind::Credentials, Some(7));
        assert_eq!(kind(401, r#"{"error": "invalid_client"}"#), config);
        assert_eq!(kind(400, r#"{"error": "invalid_scope"}"#), config);
        assert_eq!(kind(401, "<html>"), config);
        assert_eq!(kind(400, r#"{"error": "of our own"}"#), later);
        assert_eq!(kind(429, r#"{"error": "invalid_client"}"#), later);
        assert_eq!(kind(503, ""), later);
        assert_eq!(kind(302, ""), later);
        let odd = (FaultKind::Credentials, None);
        assert_eq!(kind(200, "<html>"), odd);
        assert_eq!(kind(200, r#"{"token_type": "Bearer"}"#), odd);
        assert_eq!(kind(200, r#"{"access_token": "a", "token_type": "mac"}"#), config);
    }

    #[test]
    fn nothing_of_the_answer_is_repeated() {
        for (status, body) in [
            (401, r#"{"error": "s3cret", "error_description": "s3cret"}"#),
            (400, r#"{"error": "invalid_client", "error_description": "s3cret"}"#),
            (200, r#"{"access_token": "s3cret", "expires_in": 0}"#),
            (200, r#"{"access_token": "s3cret\n"}"#),
            (200, r#"{"access_token": {"s3cret": 1}}"#),
            (200, r#"{"access_token": "a", "token_type": "s3cret"}"#),
            (200, "s3cret"),
        ] {
            let fault = answer(status, body).expect_err("no token");
            assert!(!format!("{fault} {fault:?}").contains("s3cret"), "{fault:?}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_a_header_or_it_is_refused(token in ".{0,40}|[A-Za-z0-9._~+/-]{1,60}={0,2}") {
            let body = serde_json::json!({"access_token": token, "expires_in": 60}).to_string();
            let sound = token.trim_end_matches('=');
            let sound = !sound.is_empty()
                && sound.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
            match answer(200, &body) {
                Ok(grant) => {
                    let header = grant.authorization.expect("a token").header().clone();
                    prop_assert!(sound && header.is_sensitive());
                    let expected = format!("Bearer {token}");
                    prop_assert_eq!(header.as_bytes(), expected.as_bytes());
                }
                Err(_) => prop_assert!(!sound),
            }
        }

        #[test]
        fn no_answer_makes_it_panic(body in ".{0,80}", status in 200..600_u16) {
            let _ = answer(status, &body);
        }
    }

    #[test]
    fn a_token_that_is_no_header_line_is_refused() {
        let body = |length| format!(r#"{{"access_token": "{}"}}"#, "a".repeat(length));
        assert!(answer(200, &body(8192)).is_ok());
        assert!(answer(200, &body(8193)).is_err());
    }
}
