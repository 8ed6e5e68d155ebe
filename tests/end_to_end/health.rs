//! One picture of health: what it shows while all is well, while all goes wrong, and after.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::Full;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_test::task;
use twilio_proxy::call::{BoxError, Rejection};
use twilio_proxy::gateway::{Gateway, GatewayExt, Health};
use twilio_proxy::middleware::retry::Budget;
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::simulator::{FaultPlan, Mishap};
use twilio_proxy::wire::Endpoint;

use crate::world::{builder, clock, service, world, world_with};

#[tokio::test(start_paused = true)]
async fn while_all_is_well() {
    let (_, gateway) = world(FaultPlan::none().next(1, Mishap::Latency(Duration::from_secs(1))));
    let fresh = gateway.health();
    assert!(fresh.circuits.is_empty() && !fresh.closed);
    let mut call = task::spawn(gateway.send(FetchSession::by_name(service(1), "none")));
    assert!(call.poll().is_pending());

    let health = gateway.health();
    assert_eq!((health.in_flight, health.concurrency.unwrap().in_flight), (1, 1));
    assert_eq!(health.concurrency.unwrap().limit, 295);
    assert_eq!(health.retry_budget.unwrap().available, Budget::CAPACITY);
    assert_eq!(health.rate_limit.unwrap().keys, 1);
    assert_eq!(health.circuits[0].state, "closed");
    assert_eq!((health.endpoints.len(), health.endpoints[0].state), (1, "serving"));
    assert!(!health.hedging.unwrap().on && !health.coalescing.unwrap().on);
    assert!(call.await.unwrap_err().is_not_found());
    assert_eq!(gateway.health().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_server_is_down_and_after() {
    let down = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
    let (simulator, gateway) = world(FaultPlan::none().next(u64::MAX, down));
    let fetch = || gateway.send(FetchSession::by_name(service(1), "none"));
    while gateway.health().circuits.first().is_none_or(|circuit| circuit.state == "closed") {
        fetch().await.unwrap_err();
    }
    let health = gateway.health();
    let circuit = &health.circuits[0];
    assert_eq!((circuit.state, circuit.forced, circuit.opened), ("open", false, 1));
    assert!(circuit.retry_after_ms.is_some_and(|millis| millis <= 5_000));
    assert!(health.retry_budget.unwrap().available < Budget::CAPACITY);
    let seen = simulator.stats().received();
    let refused = fetch().await.unwrap_err();
    assert_eq!(refused.rejection(), Some(Rejection::CircuitOpen));
    assert!(refused.retry_after().is_some() && !refused.is_throttled());
    assert_eq!(simulator.stats().received(), seen, "nothing is sent through an open circuit");

    simulator.set_faults(FaultPlan::none());
    sleep(Duration::from_secs(60)).await;
    for _ in 0..5 {
        assert!(fetch().await.unwrap_err().is_not_found());
    }
    assert_eq!(gateway.health().circuits[0].state, "closed");
}

#[tokio::test(start_paused = true)]
async fn with_several_edges_and_throttles() {
    let throttled = FaultPlan::none().next(1, Mishap::Throttled(None));
    let (_, gateway) = world_with(throttled, |builder| {
        builder.base_url(Endpoint::TWILIO).edge("ashburn").failover_edge("dublin").coalesce(true)
    });
    let _ = gateway.send(FetchSession::by_name(service(1), "none")).await;
    let health = gateway.health();
    assert_eq!(health.rate_limit.unwrap().throttled_keys, 1);
    assert!(health.coalescing.unwrap().on);
    let bases: Vec<&str> = health.endpoints.iter().map(|endpoint| &*endpoint.base).collect();
    assert_eq!(
        bases,
        ["https://proxy.ashburn.us1.twilio.com", "https://proxy.dublin.us1.twilio.com"]
    );
}

/// An answer of which only the head has come is not in yet.
#[tokio::test(start_paused = true)]
async fn an_attempt_holds_its_permit_until_its_body_is_in() {
    for is_dropped in [false, true] {
        let (send, body) = oneshot::channel();
        let body = Arc::new(Mutex::new(Some(Late(body))));
        let transport = tower::service_fn(move |_: Request<Full<Bytes>>| {
            let body = body.lock().unwrap().take().unwrap();
            std::future::ready(Ok::<_, BoxError>(Response::new(body)))
        });
        let gateway = builder(clock(), 1).over(transport).unwrap();
        let permits = || gateway.health().concurrency.unwrap().in_flight;
        let mut call = task::spawn(gateway.send(FetchSession::by_name(service(1), "order")));
        assert!(call.poll().is_pending());
        assert_eq!(permits(), 1);
        if is_dropped {
            drop(call);
        } else {
            send.send(Bytes::from_static(b"{}")).unwrap();
            call.await.unwrap();
        }
        assert_eq!(permits(), 0);
    }
}

/// A body that comes when it is sent.
struct Late(oneshot::Receiver<Bytes>);

impl Body for Late {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.0.is_terminated() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.0).poll(cx).map(|sent| Some(sent.map(Frame::data).map_err(Into::into)))
    }
}

/// The names are an interface: dashboards are built on them.
#[tokio::test(start_paused = true)]
async fn as_json() {
    let (_, gateway) = world(FaultPlan::none());
    let _ = gateway.send(FetchSession::by_name(service(1), "none")).await;
    let json = serde_json::to_value(gateway.health()).unwrap();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(
        names(&json),
        [
            "circuits",
            "closed",
            "coalescing",
            "concurrency",
            "credentials",
            "endpoints",
            "hedging",
            "in_flight",
            "pool",
            "rate_limit",
            "retry_budget"
        ]
    );
    let circuit = &json["circuits"][0];
    assert_eq!(circuit["origin"], "https://proxy.twilio.com");
    assert_eq!((&circuit["state"], &circuit["calls"]), (&"closed".into(), &0.into()));
    assert_eq!(json["endpoints"][0]["pending"], 0);
}

/// A stack of one's own shows what one shows the monitor, and no more.
#[tokio::test(start_paused = true)]
async fn of_a_stack_without_layers() {
    let (simulator, _) = world(FaultPlan::none());
    let endpoint = Endpoint::new(Endpoint::TWILIO).unwrap();
    let gateway = Gateway::new(simulator, endpoint);
    assert_eq!(gateway.health(), Health::default());
    gateway.shutdown(Duration::ZERO).await;
    assert!(gateway.health().closed);
}
