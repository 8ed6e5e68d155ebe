//! What a caller is answered.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use super::headers::{ATTEMPTS, EFFECT, RECOVERED, hand_back};
use crate::call::Effect;
use crate::gateway::{Error, ErrorKind};
use crate::wire::{Answer, Reply};

/// Where the answers of the gateway's own are explained.
const MORE_INFO: &str = "https://docs.rs/twilio-proxy/latest/twilio_proxy/guide/sidecar/";

/// What was asked for, as far as it makes a difference to what a failure is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stake {
    NamedCreate,
    UnnamedCreate,
    Other,
}

impl Stake {
    pub(super) fn create(is_named: bool) -> Self {
        if is_named { Self::NamedCreate } else { Self::UnnamedCreate }
    }

    /// Whether a session may have been made that nobody was told of.
    fn may_have_made(self, error: &Error) -> bool {
        self != Self::Other && error.effect() != Effect::None
    }
}

/// An answer of the gateway's own, in the shape of the API's errors.
pub(super) struct Outcome {
    status: StatusCode,
    effect: Effect,
    attempts: u32,
    body: Map<String, Value>,
    headers: HeaderMap,
}

impl Outcome {
    pub(super) fn own(status: StatusCode, effect: Effect, message: impl Into<String>) -> Self {
        let (mut body, headers) = (Map::new(), HeaderMap::new());
        // Twilio's own codes have five digits: this is none of them.
        body.insert("code".into(), json!(status.as_u16()));
        body.insert("message".into(), json!(message.into()));
        body.insert("more_info".into(), json!(MORE_INFO));
        body.insert("status".into(), json!(status.as_u16()));
        Self { status, effect, attempts: 0, body, headers }
    }

    pub(super) fn with_code(mut self, code: u32) -> Self {
        self.body.insert("code".into(), json!(code));
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    fn of(error: &Error, stake: Stake) -> Self {
        let mut own = Self::own(status(error, stake), error.effect(), error.to_string());
        own.attempts = error.attempts();
        own.body.insert("kind".into(), json!(error.kind().as_str()));
        if let Some(code) = error.code() {
            own = own.with_code(code);
        }
        // What the server said, where that is not what is answered.
        if let Some(status) = error.status() {
            own.body.insert("upstream_status".into(), json!(status.as_u16()));
        }
        if let Some(id) = error.request_id() {
            own.body.insert("upstream_request_id".into(), json!(id));
        }
        if let Some(name) = error.generated_name() {
            own.body.insert("generated_name".into(), json!(name));
        }
        if own.status == StatusCode::SERVICE_UNAVAILABLE {
            // Rounded up: who comes a moment early is refused again.
            let wait = error.retry_after().unwrap_or_default();
            let part = u64::from(wait.subsec_nanos() > 0);
            let seconds = wait.as_secs().saturating_add(part).max(1);
            own.headers.insert(header::RETRY_AFTER, seconds.into());
        }
        own
    }
}

/// The answer to a request that a server in front of [`Forward`](super::Forward) refuses: the same
/// shape as the gateway's own, effect none.
///
/// ```
/// use http::StatusCode;
/// use twilio_proxy::gateway::forward::refusal;
///
/// let answer = refusal(StatusCode::PAYLOAD_TOO_LARGE, "64 KiB are enough");
/// assert_eq!(answer.headers()["x-gateway-effect"], "none");
/// ```
#[must_use]
pub fn refusal(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    own(Outcome::own(status, Effect::None, message))
}

/// An answer of the gateway's own.
pub(super) fn own(outcome: Outcome) -> Response<Full<Bytes>> {
    let Outcome { status, effect, attempts, mut body, mut headers } = outcome;
    body.insert("effect".into(), json!(effect.as_str()));
    body.insert("attempts".into(), json!(attempts));
    // Once more where Twilio's own libraries look: of what they don't know, they hand on this alone.
    let details = json!({ "effect": effect.as_str(), "attempts": attempts });
    body.insert("details".into(), details);
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    say(&mut headers, attempts, Some(effect));
    whole(status, headers, Value::Object(body).to_string().into())
}

/// The answer that was asked for, which says of itself how it came.
pub(super) fn replied<T>(reply: Reply<T>, found: StatusCode) -> Response<Full<Bytes>> {
    // A delete that finds nothing after it may have been done is an answer of this kind as well.
    let recovered = reply.recovered || !reply.status.is_success();
    let mut headers = hand_back(reply.headers);
    say(&mut headers, reply.attempts, recovered.then_some(Effect::Applied));
    if !recovered {
        return whole(reply.status, headers, reply.body);
    }
    headers.insert(RECOVERED, HeaderValue::from_static("true"));
    let body = if found == StatusCode::NO_CONTENT { Bytes::new() } else { reply.body };
    if body.is_empty() {
        headers.remove(header::CONTENT_TYPE);
    }
    whole(found, headers, body)
}

/// An answer as it came.
pub(super) fn relayed(answer: Answer, effect: Option<Effect>) -> Response<Full<Bytes>> {
    let mut headers = hand_back(answer.headers);
    say(&mut headers, answer.attempts, effect);
    whole(answer.status, headers, answer.body)
}

/// A failure: the API's own answer, or ours where there is none or where it would mislead.
pub(super) fn failed(error: &Error, stake: Stake) -> Response<Full<Bytes>> {
    // To a client, an error is a create that was not made.
    let misleads = stake.may_have_made(error);
    match error.answer() {
        Some(answer) if !misleads => relayed(answer.clone(), Some(error.effect())),
        _ => own(Outcome::of(error, stake)),
    }
}

fn status(error: &Error, stake: Stake) -> StatusCode {
    let may_have_made = stake.may_have_made(error);
    match error.kind() {
        // Nothing but a look can tell, whatever it failed for: one status to act upon.
        _ if may_have_made && stake == Stake::UnnamedCreate => StatusCode::BAD_GATEWAY,
        ErrorKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
        _ if may_have_made => StatusCode::BAD_GATEWAY,
        ErrorKind::Encode => StatusCode::BAD_REQUEST,
        ErrorKind::Config => StatusCode::INTERNAL_SERVER_ERROR,
        // After an attempt of unknown effect, a refusal is no invitation to try again.
        ErrorKind::Rejected if error.effect() == Effect::None => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

fn say(headers: &mut HeaderMap, attempts: u32, effect: Option<Effect>) {
    headers.insert(ATTEMPTS, attempts.into());
    if let Some(effect) = effect {
        headers.insert(EFFECT, HeaderValue::from_static(effect.as_str()));
    }
}

fn whole(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
