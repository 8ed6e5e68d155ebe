//! Two doors to one simulated Proxy, of which one can be shut.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;
use twilio_proxy::call::{CallFacts, Collected, Fault, FaultKind, Live};
use twilio_proxy::simulator::Simulator;

/// The doors, in the order in which a gateway lists them.
pub(crate) const FIRST: &str = "https://proxy.ashburn.us1.twilio.com";
pub(crate) const SECOND: &str = "https://proxy.dublin.us1.twilio.com";

/// A simulator behind both.
#[derive(Clone)]
pub(crate) struct Edges {
    pub(crate) simulator: Simulator,
    /// Whether the first one takes connections.
    pub(crate) first_is_down: Live<bool>,
}

type Answer = Result<Response<Collected>, Fault>;

impl Service<Request<Full<Bytes>>> for Edges {
    type Response = Response<Collected>;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let is_first = request.uri().host().is_some_and(|host| FIRST.ends_with(host));
        if is_first && self.first_is_down.read(|down| *down) {
            if let Some(facts) = CallFacts::of(request.extensions()) {
                facts.mark_reached();
            }
            let refused: Ready<Answer> =
                ready(Err(Fault::new(FaultKind::Connect, "this edge takes no connections")));
            return Box::pin(refused);
        }
        Box::pin(self.simulator.call(request))
    }
}
