//! The default quota against Proxy's own rule, a true sliding window that shares no arithmetic with it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use twilio_proxy::call::ServiceSid;
use twilio_proxy::gateway::{DefaultGateway, GatewayExt};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::simulator::{FaultPlan, Simulator};

use crate::world::{service, world, world_with};

const CALLS: usize = 400;

/// Fetches a session as often as that, all at once: the calls that succeeded, in the order in which
/// they ended.
async fn fetch_all(gateway: &DefaultGateway<Simulator>, service: ServiceSid) -> Vec<usize> {
    gateway.send(CreateSession::new(service).unique_name("order-1")).await.unwrap();
    let calls: FuturesUnordered<_> = (0..CALLS)
        .map(|number| async move {
            let fetched = gateway.send(FetchSession::by_name(service, "order-1")).await;
            fetched.map(|_| number)
        })
        .collect();
    // All set out at the same moment, in this order; then each is heard of as it ends.
    calls.filter_map(|ended| async { ended.ok() }).collect().await
}

#[tokio::test(start_paused = true)]
async fn the_default_quota_never_meets_a_429() {
    let (simulator, gateway) = world(FaultPlan::none());
    let begun = Instant::now();
    let order = fetch_all(&gateway, service(1)).await;
    assert_eq!(simulator.stats().answered(429), 0);
    assert_eq!(simulator.stats().received() as usize, CALLS + 1);
    // 29 a second but for the first five, to a tick of the timer each.
    let spacing = begun.elapsed().as_secs_f64() / (CALLS - 5) as f64;
    assert!((1.0 / 29.0..1.0 / 28.9).contains(&spacing), "{spacing}");
    assert_eq!(order.len(), CALLS);
    assert!(order.is_sorted(), "not first come, first served: {order:?}");
}

/// The tempting setting, an average of 30 and a burst of 150: twice as much as the window holds.
/// Before the rate limit slowed down on 429s so many were refused that retries ran out of budget.
#[tokio::test(start_paused = true)]
async fn thirty_a_second_with_a_burst_of_150_meets_429s_and_slows_down() {
    let quota = Quota::per_second(30).burst(150);
    let (simulator, gateway) = world_with(FaultPlan::none(), |builder| builder.quota(quota));
    let succeeded = fetch_all(&gateway, service(1)).await;
    assert!(simulator.stats().answered(429) > 50, "{:?}", simulator.stats());
    assert_eq!(succeeded.len(), CALLS);
}

#[tokio::test(start_paused = true)]
async fn services_and_operations_do_not_disturb_each_other() {
    let (simulator, gateway) = world(FaultPlan::none());
    let begun = Instant::now();
    let others = async {
        // In the middle of the others' long queue: another operation, then another Service.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let begun = Instant::now();
        gateway.send(CreateSession::new(service(1))).await.unwrap();
        gateway.send(CreateSession::new(service(2)).unique_name("order-1")).await.unwrap();
        gateway.send(FetchSession::by_name(service(2), "order-1")).await.unwrap();
        begun.elapsed()
    };
    let (_, waited) = tokio::join!(fetch_all(&gateway, service(1)), others);
    assert_eq!(waited, Duration::ZERO);
    let alone = begun.elapsed();

    // Two queues side by side take as long as one.
    let begun = Instant::now();
    tokio::join!(fetch_all(&gateway, service(3)), fetch_all(&gateway, service(4)));
    assert!(begun.elapsed() <= alone + Duration::from_millis(2), "{:?}", begun.elapsed());
    assert_eq!(simulator.stats().answered(429), 0);
}
