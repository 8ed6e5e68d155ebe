//! A stack that answers from a script and keeps what it was sent.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::Service;
use twilio_proxy::call::{BoxError, ServiceSid};
use twilio_proxy::gateway::Gateway;
use twilio_proxy::wire::Endpoint;

pub(crate) const SERVICE: &str = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(crate) fn service() -> ServiceSid {
    SERVICE.parse().unwrap()
}

/// One request, as the stack got it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) line: String,
    pub(crate) body: String,
    pub(crate) headers: HeaderMap,
}

pub(crate) type Step = Result<Response<Full<Bytes>>, BoxError>;

/// What the stack will answer, in order, and what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Self::default();
        script.steps.lock().unwrap().extend(steps);
        script
    }

    pub(crate) fn gateway(&self) -> Gateway<Self> {
        Gateway::new(self.clone(), Endpoint::new(Endpoint::TWILIO).unwrap())
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.line).collect()
    }
}

impl Service<Request<Full<Bytes>>> for Script {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Ready<Step>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Ready<Step> {
        let (head, body) = request.into_parts();
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        self.sent.lock().unwrap().push(Sent {
            line: format!("{} {}", head.method, head.uri),
            body: String::from_utf8(body.to_vec()).unwrap(),
            headers: head.headers,
        });
        let step = self.steps.lock().unwrap().pop_front();
        ready(step.expect("a request that the script does not know of"))
    }
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> Step {
    Ok(Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .body(Full::new(Bytes::from(body.into())))
        .unwrap())
}
