//! A client so plain that it can't hide a mistake of the simulator's.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tower::ServiceExt;
use twilio_proxy::call::{Clock, Collected, Fault, Rng};
use twilio_proxy::simulator::{Settings, Simulator};

pub(crate) const BASE: &str = "http://proxy.test";

/// 2026-01-02 03:04:05 UTC, and the same SIDs on every run.
pub(crate) fn settings() -> Settings {
    let start = "2026-01-02T03:04:05Z".parse().expect("a date");
    Settings::default().clock(Clock::starting_at(start)).rng(Rng::seeded(1))
}

pub(crate) fn simulator() -> Simulator {
    Simulator::with(settings().without_rate_limit())
}

/// The path of the sessions, or of what is under them.
pub(crate) fn path(rest: &str) -> String {
    format!("/v1/Services/{}/Sessions{rest}", Simulator::SERVICE_SID)
}

pub(crate) fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{secret}")))
}

/// A request of the default account, its form as it is written here.
pub(crate) fn request(method: Method, path: &str, form: &'static str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .header("authorization", basic(Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from_static(form.as_bytes())))
        .expect("a request")
}

pub(crate) async fn try_send(
    simulator: &Simulator,
    request: Request<Full<Bytes>>,
) -> Result<Response<Collected>, Fault> {
    simulator.clone().oneshot(request).await
}

/// The status and the JSON of the answer; null where there is no body.
pub(crate) async fn send(
    simulator: &Simulator,
    method: Method,
    path: &str,
    form: &'static str,
) -> (u16, Value) {
    let response = try_send(simulator, request(method, path, form)).await.expect("an answer");
    (response.status().as_u16(), json(&response))
}

pub(crate) fn json(response: &Response<Collected>) -> Value {
    match response.body().bytes() {
        b"" => Value::Null,
        body => serde_json::from_slice(body).expect("JSON"),
    }
}

pub(crate) async fn create(simulator: &Simulator, form: &'static str) -> Value {
    let (status, session) = send(simulator, Method::POST, &path(""), form).await;
    assert_eq!(status, 201, "{session}");
    session
}

pub(crate) async fn fetch(simulator: &Simulator, key: &str) -> (u16, Value) {
    send(simulator, Method::GET, &path(&format!("/{key}")), "").await
}

pub(crate) async fn update(simulator: &Simulator, sid: &str, form: &'static str) -> (u16, Value) {
    send(simulator, Method::POST, &path(&format!("/{sid}")), form).await
}

/// Status and Twilio's code of a create.
pub(crate) async fn refusal(simulator: &Simulator, form: &'static str) -> (u16, u64) {
    let (status, answer) = send(simulator, Method::POST, &path(""), form).await;
    (status, answer["code"].as_u64().unwrap_or(0))
}

pub(crate) fn sid(session: &Value) -> &str {
    session["sid"].as_str().expect("a SID")
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status")
}
