//! The service at the bottom of the benches that measure layers alone.

use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;
use twilio_proxy::call::{CallFacts, Collected, Fault};

const SESSION: &str = r#"{"sid":"KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","status":"open","ttl":0}"#;

/// Answers at once, and reports to the facts as a transport does.
#[derive(Clone)]
pub(crate) struct Instantly(Bytes);

impl Default for Instantly {
    /// With a session.
    fn default() -> Self {
        Self(Bytes::from_static(SESSION.as_bytes()))
    }
}

impl Service<Request<Full<Bytes>>> for Instantly {
    type Response = Response<Collected>;
    type Error = Fault;
    type Future = Ready<Result<Response<Collected>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        if let Some(facts) = CallFacts::of(request.extensions()) {
            facts.mark_reached();
            facts.mark_sent();
        }
        black_box(request);
        ready(Ok(Response::new(Collected::new(self.0.clone()))))
    }
}
