use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use super::{Answer, codes};
use crate::call::{self, Clock};

/// The longest excerpt of a body that is kept, in bytes.
const EXCERPT_CAP: usize = 512;

/// What Twilio, or something on the way to it, said in place of success.
///
/// Every shape that Twilio writes is understood, and whatever else comes (a gateway's HTML, an
/// empty or a cut-off body) still yields an error with its status. One odd field loses none of the
/// others. The status is that of the answer, whatever the body claims.
///
/// `Display` and `Debug` give numbers and this crate's own words: the server's message may repeat a
/// phone number, and errors end up in logs. [`ApiError::message`] has it in full.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use twilio_proxy::call::Clock;
/// use twilio_proxy::wire::{Answer, ApiError, codes};
///
/// let body = r#"{"code":80603,"message":"Session UniqueName must be unique.","status":400}"#;
/// let answer = Answer::new(StatusCode::BAD_REQUEST, HeaderMap::new(), body.into());
/// let error = ApiError::read(&answer, &Clock::system());
/// assert_eq!(error.code(), Some(codes::UNIQUE_NAME_TAKEN));
/// assert_eq!(error.to_string(), "the API answered 400 with code 80603 (session name taken)");
/// ```
#[derive(Clone)]
pub struct ApiError {
    status: StatusCode,
    code: Option<u32>,
    message: Option<String>,
    more_info: Option<String>,
    details: Option<Value>,
    user_error: Option<bool>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    excerpt: Option<String>,
}

impl ApiError {
    /// Reads an answer that is no success. The clock tells how far off a `Retry-After` date is.
    #[must_use]
    pub fn read(answer: &Answer, clock: &Clock) -> Self {
        // Broken UTF-8 in one text should not cost the code beside it.
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.trim_start_matches('\u{feff}');
        let mut body = Body(serde_json::from_str(text).unwrap_or_default());
        let message = body.text(["message", "detail", "title"]);
        Self {
            status: answer.status,
            code: body.code(),
            excerpt: if message.is_none() { excerpt(text) } else { None },
            message,
            // RFC 9457's word for "no page explains this" is no page.
            more_info: body.text(["more_info", "type"]).filter(|link| link != "about:blank"),
            details: body.value(["details", "params", "errors"]),
            user_error: body.0.get("userError").and_then(Value::as_bool),
            request_id: answer.request_id().map(str::to_owned),
            retry_after: call::retry_after(&answer.headers, clock),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Twilio's error code; [`codes`] names those that matter.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// The server's own words. They may hold a phone number: think before you log them.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Where Twilio explains the error, as it says itself.
    #[must_use]
    pub fn more_info(&self) -> Option<&str> {
        self.more_info.as_deref()
    }

    /// What the error is about, in the shape that the server chose: `details`, `params`, or the
    /// `errors` of RFC 9457. It may hold a phone number.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.details.as_ref()
    }

    /// Whether the server holds the request at fault (`userError`); only newer answers say so.
    #[must_use]
    pub fn user_error(&self) -> Option<bool> {
        self.user_error
    }

    /// Twilio's name for the request (`RQ…`): what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long the server asks to be left alone, counted from the moment the answer was read.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Where the body has no message: its first 512 bytes at most, control characters replaced.
    /// It may hold a phone number.
    #[must_use]
    pub fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API answered {}", self.status.as_u16())?;
        let Some(code) = self.code else { return Ok(()) };
        write!(f, " with code {code}")?;
        match codes::meaning(code) {
            Some(meaning) => write!(f, " ({meaning})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}

/// The fields of an error's body; none, if it is no JSON object.
///
/// Three shapes, told apart by nothing but their names: Twilio's `code, message, more_info,
/// details`, its newer `code, message, params, userError`, and RFC 9457's `type, title, detail,
/// errors` with a `code`. <https://www.twilio.com/docs/usage/twilios-response#exceptions>,
/// <https://www.rfc-editor.org/rfc/rfc9457#section-3.1>
struct Body(Map<String, Value>);

impl Body {
    /// The first of `names` that holds a text with something in it.
    fn text<const N: usize>(&mut self, names: [&str; N]) -> Option<String> {
        names.into_iter().find_map(|name| match self.0.get_mut(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(std::mem::take(text)),
            _ => None,
        })
    }

    /// The first of `names` that holds anything.
    fn value<const N: usize>(&mut self, names: [&str; N]) -> Option<Value> {
        names.into_iter().find_map(|name| self.0.remove(name).filter(|value| !value.is_null()))
    }

    /// The code, which some answers write as a text.
    fn code(&self) -> Option<u32> {
        match self.0.get("code")? {
            Value::Number(number) => number.as_u64().and_then(|code| code.try_into().ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// The beginning of a body, fit for a terminal; none, if there is nothing to see.
fn excerpt(text: &str) -> Option<String> {
    const CUT: char = '…';
    // One character more than fits, so that a longer text is seen to be longer.
    let mut shown: String = text.trim().chars().take(EXCERPT_CAP + 1).map(printable).collect();
    if shown.len() > EXCERPT_CAP {
        let mut end = EXCERPT_CAP - CUT.len_utf8();
        while !shown.is_char_boundary(end) {
            end -= 1;
        }
        shown.truncate(end);
        shown.push(CUT);
    }
    (!shown.is_empty()).then_some(shown)
}

/// White space becomes a space, and whatever steers a terminal or reverses text a replacement mark.
fn printable(char: char) -> char {
    match char {
        _ if char.is_whitespace() => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if char.is_control() => char::REPLACEMENT_CHARACTER,
        _ => char,
    }
}

#[cfg(test)]
mod tests;
