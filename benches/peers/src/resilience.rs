//! The same stack from tower-resilience, in its own terms.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tower::{BoxError, Service, ServiceBuilder};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_http::trace::TraceLayer;
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::{RetryBudgetBuilder, RetryLayer};
use tower_resilience::timelimiter::TimeLimiterLayer;

use crate::support::AUTHORIZATION;
use crate::{IN_FLIGHT_LIMIT, TIMEOUT, WIDE_OPEN};

/// Trace, retry with a budget, rate limit, bulkhead, authorization, time limit.
pub(crate) fn stack(
    client: Client<HttpConnector, Full<Bytes>>,
) -> Result<
    impl Service<Request<Full<Bytes>>, Response = Response<impl Body<Data = Bytes>>> + Clone,
    BoxError,
> {
    let budget =
        RetryBudgetBuilder::new().token_bucket().tokens_per_second(10.0).max_tokens(100).build()?;
    let retry = RetryLayer::builder()
        .max_attempts(4)
        .exponential_backoff(Duration::from_millis(50))
        .budget(budget)
        .retry_on(|_| true)
        .retry_on_response(|response: &Response<_>| response.status().is_server_error())
        .build();
    let limit = RateLimiterLayer::builder()
        .limit_for_period(WIDE_OPEN as usize)
        .refresh_period(Duration::from_secs(1))
        .timeout_duration(TIMEOUT)
        .build()?;
    let bulkhead = BulkheadLayer::builder()
        .max_concurrent_calls(IN_FLIGHT_LIMIT)
        .max_wait_duration(TIMEOUT)
        .build()?;
    let authorization = HeaderValue::from_static(AUTHORIZATION);
    Ok(ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(retry)
        .layer(limit)
        .layer(bulkhead)
        .layer(SetRequestHeaderLayer::overriding(header::AUTHORIZATION, authorization))
        .layer(TimeLimiterLayer::builder().timeout_duration(TIMEOUT).build())
        .service(client))
}
