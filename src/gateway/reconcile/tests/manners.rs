//! What the contract suite asks of every layer over HTTP, asked of this one, which is typed.

use std::mem;
use std::task::{Context, Poll};

use tower::{Service, ServiceExt};

use super::*;
use crate::gateway::HttpStack;
use crate::sessions::FetchSession;

/// Fails where an instance is called that was not readied. A clone is not.
struct Readied<G> {
    inner: G,
    ready: bool,
}

impl<G: Clone> Clone for Readied<G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), ready: false }
    }
}

impl<G: Service<O>, O> Service<O> for Readied<G> {
    type Response = G::Response;
    type Error = G::Error;
    type Future = G::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), G::Error>> {
        self.ready = true;
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, operation: O) -> G::Future {
        assert!(mem::take(&mut self.ready), "called without having been readied");
        self.inner.call(operation)
    }
}

/// A create here is refused, since an earlier attempt of it has made the session, and takes two polls
/// as every answer does.
fn gateway() -> Gateway<impl HttpStack<Future: Send> + Clone + use<>> {
    let stack = tower::service_fn(|request: Request<Full<Bytes>>| async move {
        let facts = CallFacts::of(request.extensions()).unwrap();
        facts.mark_reached();
        facts.mark_sent();
        tokio::task::yield_now().await;
        let (status, body) = match facts.operation() {
            "sessions.create" => (400, r#"{"code":80603}"#),
            _ => (200, FOUND),
        };
        let response = Response::builder().status(status).header("date", DATE);
        Ok::<_, BoxError>(response.body(Full::new(Bytes::from(body))).unwrap())
    });
    Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap())
}

fn create() -> CreateSession {
    CreateSession::new(service()).unique_name("order")
}

#[tokio::test(start_paused = true)]
async fn calls_the_instance_that_was_readied_and_readies_those_that_look() {
    let inner = Readied { inner: gateway(), ready: false };
    let mut service = ReconcileLayer::new().layer(inner);
    for _ in 0..2 {
        let ready = ServiceExt::<CreateSession>::ready(&mut service).await.unwrap();
        // As a caller does who keeps the clone and sends the ready one away.
        let unready = ready.clone();
        let mut ready = mem::replace(ready, unready);
        ready.call(create()).await.unwrap();
    }
    // What is never looked for goes straight through.
    let fetch = FetchSession::by_name(super::service(), "order");
    ServiceExt::<FetchSession>::ready(&mut service).await.unwrap().call(fetch).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_poll_leaves_nothing_behind() {
    for polls in 0..10 {
        let inner = gateway();
        let service = ReconcileLayer::new().layer(inner.clone());
        let mut call = tokio_test::task::spawn(service.send(create()));
        let ended = (0..polls).any(|_| call.poll().is_ready());
        drop(call);
        assert_eq!(inner.in_flight(), 0);
        assert_eq!(service.shutdown(Duration::ZERO).await.cut_off, 0);
        assert_eq!(ended, polls > 2, "after {polls} polls");
    }
}
