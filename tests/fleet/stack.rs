//! Through whole gateways: two of them, over a simulator each, share one quota.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;
use twilio_proxy::gateway::{DefaultGateway, Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::limit::fleet::RedisLimiter;
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::Simulator;

use crate::redis_server::RedisServer;
use crate::{command, server};

fn gateway(server: &RedisServer) -> (RedisLimiter, DefaultGateway<Simulator, RedisLimiter>) {
    let limiter = RedisLimiter::builder(server.url())
        .quota(Quota::per_second(50).burst(5))
        .processes(2)
        .prefix("shop")
        // A machine that compiles beside the tests is slow.
        .patience(Duration::from_secs(2))
        .build()
        .expect("a URL");
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let gateway = Gateway::builder(Credentials::auth_token(account, Simulator::AUTH_TOKEN))
        .over_limited_by(Simulator::new(), limiter.clone())
        .expect("a gateway");
    (limiter, gateway)
}

#[tokio::test]
async fn two_gateways_share_a_quota() {
    let Some(server) = server() else { return };
    let (one, first) = gateway(&server);
    let (other, second) = gateway(&server);
    let service = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let begun = Instant::now();
    let calls = (0..100).map(|call| {
        let gateway = if call % 2 == 0 { &first } else { &second };
        gateway.send(CreateSession::new(service))
    });
    try_join_all(calls).await.expect("all go");
    // A hundred at 50 a second; each alone would have been done after one.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1850), "{took:?}");

    let (one, other) = (one.status(), other.status());
    assert_eq!((one.used + other.used, one.alone + other.alone), (100, 0));
    assert!(one.round_trips + other.round_trips <= 30, "{one:?} {other:?}");
    let health = first.health().rate_limit.and_then(|limit| limit.fleet).expect("a fleet");
    assert!(health.connected && health.used == one.used && health.outages == 0);
    let keys = command(&server, "KEYS *");
    assert!(keys.contains("{shop:AC") && keys.contains(":KSaaaaaaaa"), "{keys}");
}
