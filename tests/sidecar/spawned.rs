//! The service where servers put it: on a task of its own.

use tower::ServiceExt;
use twilio_proxy::gateway::{ForwardLayer, GatewayExt};
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::simulator::FaultPlan;

use crate::world::{SESSIONS, empty, over, post, world};

#[tokio::test(start_paused = true)]
async fn it_may_be_spawned_as_it_is() {
    let (_, forward) = world(FaultPlan::none());
    let answer = tokio::spawn(forward.clone().oneshot(post(SESSIONS, "UniqueName=a"))).await;
    assert_eq!(answer.unwrap().unwrap().status(), 201);
    let answer = tokio::spawn(async move { forward.oneshot(post(SESSIONS, "")).await }).await;
    assert_eq!(answer.unwrap().unwrap().status(), 201);
    let (_, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    let answer = tokio::spawn(forward.clone().oneshot(post(SESSIONS, "UniqueName=a"))).await;
    assert_eq!(answer.unwrap().unwrap().status(), 200);
    let answer = tokio::spawn(async move { forward.oneshot(post(SESSIONS, "")).await }).await;
    assert_eq!(answer.unwrap().unwrap().status(), 200);

    // And so may a call of the boxed gateway itself: it has no layer of the sidecar's to thank for that.
    let (_, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    let gateway = forward.gateway().clone();
    let fetch = FetchSession::by_name("KS00000000000000000000000000000001".parse().unwrap(), "a");
    assert!(tokio::spawn(async move { gateway.send(fetch).await }).await.unwrap().is_ok());
}
