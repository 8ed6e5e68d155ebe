//! A forwarding service, without sockets: over a simulator, or over a stack that the test plays.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backoff::backoff::Constant;
use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{Layer, Service, ServiceExt};
use twilio_proxy::call::{BoxError, Clock, Rng};
use twilio_proxy::gateway::{
    BoxedStack, DefaultGateway, Forward, ForwardLayer, Gateway, GatewayBuilder, Reconcile,
    ReconcileLayer, StackLayers,
};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::simulator::{Action, FaultPlan, Settings, Simulator};
use twilio_proxy::wire::Endpoint;

pub(crate) const SESSIONS: &str = "/v1/Services/KS00000000000000000000000000000001/Sessions";
pub(crate) const SESSION: &str =
    "/v1/Services/KS00000000000000000000000000000001/Sessions/KCbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// What a caller is answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Status, and effect by the header; where the answer is the gateway's own, its body agrees.
    pub(crate) fn verdict(&self) -> (u16, Option<&str>) {
        let effect = self.header("x-gateway-effect");
        if let Ok(Value::Object(body)) = serde_json::from_slice(&self.body)
            && let Some(said) = body.get("effect")
        {
            assert_eq!(said.as_str(), effect, "{body:?}");
            assert_eq!(body["details"]["effect"], *said);
            assert_eq!(body["status"], self.status.as_u16());
            assert_eq!(self.header("x-gateway-attempts"), Some(&*body["attempts"].to_string()));
            assert!(body["message"].is_string() && body["more_info"].is_string());
        }
        (self.status.as_u16(), effect)
    }
}

pub(crate) async fn ask<S>(forward: &S, request: Request<Full<Bytes>>) -> Answered
where
    S: Service<
            Request<Full<Bytes>>,
            Response = Response<Full<Bytes>>,
            Error = std::convert::Infallible,
        > + Clone,
{
    let (head, body) = forward.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answered { status: head.status, headers: head.headers, body }
}

pub(crate) fn with(builder: Builder, body: &'static str) -> Request<Full<Bytes>> {
    builder.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    with(Request::get(path), "")
}

pub(crate) fn post(path: &str, form: &'static str) -> Request<Full<Bytes>> {
    let builder = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    with(builder, form)
}

pub(crate) type Forwarding = Forward<DefaultGateway<Simulator>>;

/// A simulator under this plan, and the default stack before it, with retries after 100 ms each.
pub(crate) fn world(plan: FaultPlan) -> (Simulator, Forwarding) {
    world_with(plan, Settings::default(), |builder| builder, ForwardLayer::new())
}

pub(crate) fn world_with(
    plan: FaultPlan,
    settings: Settings,
    change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    layer: ForwardLayer,
) -> (Simulator, Forwarding) {
    let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
    let simulator = Simulator::with(settings.clock(clock).rng(Rng::seeded(1)));
    simulator.set_faults(plan);
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let credentials = Credentials::auth_token(account, Simulator::AUTH_TOKEN);
    let builder = Gateway::builder(credentials).clock(clock).rng(Rng::seeded(2));
    let builder = builder.layers(|layers| StackLayers {
        retry: layers.retry.schedule(|| Constant::new(Duration::from_millis(100))),
        ..layers
    });
    (simulator.clone(), layer.layer(change(builder).over(simulator).unwrap()))
}

pub(crate) fn creates(simulator: &Simulator) -> u64 {
    simulator.stats().of(Action::Create).committed
}

/// Requests as they would go out.
pub(crate) type Sent = Arc<Mutex<Vec<Request<Full<Bytes>>>>>;

/// A bare gateway over a stack that keeps what it is sent and gives this answer, always.
pub(crate) fn over(
    base: &str,
    layer: ForwardLayer,
    answer: impl Fn() -> Result<Response<Full<Bytes>>, BoxError> + Clone + Send + Sync + 'static,
) -> (Sent, Forward<Reconcile<Gateway<BoxedStack>>>) {
    let sent = Sent::default();
    let log = sent.clone();
    let stack = tower::service_fn(move |request| {
        log.lock().unwrap().push(request);
        let answer = answer();
        async move { answer }
    });
    let gateway = Gateway::new(stack, Endpoint::new(base).unwrap());
    (sent, layer.layer(ReconcileLayer::new().layer(gateway).boxed()))
}

/// An answer with nothing in it.
pub(crate) fn empty() -> Result<Response<Full<Bytes>>, BoxError> {
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}

/// The only request that went out, and its body.
pub(crate) async fn only(sent: &Sent) -> (Request<Full<Bytes>>, String) {
    let mut all = std::mem::take(&mut *sent.lock().unwrap());
    assert_eq!(all.len(), 1, "{all:?}");
    let request = all.remove(0);
    let body = request.body().clone().collect().await.unwrap().to_bytes();
    (request, String::from_utf8(body.to_vec()).unwrap())
}
