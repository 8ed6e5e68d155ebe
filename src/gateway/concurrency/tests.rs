use bytes::Bytes;

use super::*;

fn answer(status: u16, body: &'static str) -> Response<Collected> {
    let mut response = Response::new(Collected::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

#[test]
fn a_throttled_rate_is_no_word_on_concurrency() {
    let class = |status, body| ConcurrencyClassifier.classify(&answer(status, body));
    assert_eq!(class(429, r#"{"code":20429,"status":429}"#), Class::Throttled);
    assert_eq!(class(429, r#"{"code":80621,"status":429}"#), Class::Refused);
    assert_eq!(class(429, "<html>Too many</html>"), Class::Throttled);
    assert_eq!(class(200, r#"{"code":80621}"#), Class::Success);
    assert_eq!(class(503, ""), Class::Unavailable);
}

/// The account may have twenty requests under way, and ninety callers would like to.
#[cfg(feature = "simulator")]
#[tokio::test(start_paused = true)]
async fn the_accounts_limit_is_found_and_kept_to() {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};
    use tower::Layer;

    use crate::call::{AccountSid, Rng, ServiceSid};
    use crate::gateway::{Gateway, GatewayExt};
    use crate::sessions::FetchSession;
    use crate::simulator::{Settings, Simulator};
    use crate::wire::Endpoint;

    let account: AccountSid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().expect("a SID");
    let service: ServiceSid = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().expect("a SID");
    let settings = Settings::new(account, "secret")
        .rng(Rng::seeded(1))
        .without_authentication()
        .without_rate_limit()
        .latency(Duration::from_millis(100))
        .concurrency_limit(20);
    let limit = concurrency_limit();
    let stack = limit.layer(Simulator::with(settings));
    let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).expect("an endpoint"));
    assert_eq!(limit.limit(), MOST, "as much as ever, until the server says otherwise");

    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..90 {
        let gateway = gateway.clone();
        callers.spawn(async move {
            let until = Instant::now() + Duration::from_secs(20);
            let mut throttled = [0, 0];
            while Instant::now() < until {
                let error = gateway.send(FetchSession::by_name(service, "none")).await;
                let late = usize::from(until - Instant::now() < Duration::from_secs(10));
                if error.is_err_and(|error| error.status() == Some(StatusCode::TOO_MANY_REQUESTS)) {
                    throttled[late] += 1;
                    sleep(Duration::from_millis(200)).await;
                }
            }
            throttled
        });
    }
    sleep(Duration::from_secs(15)).await;
    let stats = limit.stats();
    assert!((16..=24).contains(&stats.limit), "{stats:?}");
    assert!(stats.account.is_some_and(|account| (16..=20).contains(&account)), "{stats:?}");
    let throttled = callers.join_all().await;
    let late: i32 = throttled.iter().map(|[_, late]| late).sum();
    // Two thousand calls in the last ten seconds.
    assert!(late < 100, "{late} late calls were throttled");
}
