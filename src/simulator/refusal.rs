use std::borrow::Cow;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

/// A request that Proxy would not do, in Twilio's words.
///
/// The codes are those of Twilio's error dictionary (<https://www.twilio.com/docs/api/errors>).
/// Proxy has none of its own for a parameter that is plainly malformed; the dictionary's general
/// 20001 stands in for those.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    pub(super) message: Cow<'static, str>,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        code: u32,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// A 400 with one of Twilio's codes.
    pub(super) fn bad(code: u32, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A parameter that is malformed or out of range.
    pub(super) fn parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad(20001, message)
    }

    pub(super) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self::new(StatusCode::NOT_FOUND, 20404, message)
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        let message = format!("Method {method} is not allowed on this resource");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 20004, message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 20003, "Authenticate")
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        })
    }
}
