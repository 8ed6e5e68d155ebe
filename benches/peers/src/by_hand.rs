//! The stack that one puts together from tower, tower-http and governor.
//!
//! Where there is a choice it is the cheaper one: the limit counts without keys, a call that need not wait for
//! it is not boxed, the authorization is made once.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Either;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use tower::retry::budget::{Budget, TpsBudget};
use tower::retry::{Policy, RetryLayer};
use tower::util::rng::HasherRng;
use tower::{BoxError, Service, ServiceBuilder, layer};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::support::AUTHORIZATION;
use crate::{IN_FLIGHT_LIMIT, TIMEOUT, WIDE_OPEN};

/// Trace, retry with a budget, rate limit, concurrency limit, authorization, timeout.
pub(crate) fn stack(
    client: Client<HttpConnector, Full<Bytes>>,
) -> Result<
    impl Service<Request<Full<Bytes>>, Response = Response<impl Body<Data = Bytes>>> + Clone,
    BoxError,
> {
    let quota = NonZeroU32::new(WIDE_OPEN).ok_or("a quota of nothing")?;
    let limiter = Arc::new(RateLimiter::direct(Quota::per_second(quota).allow_burst(quota)));
    let authorization = HeaderValue::from_static(AUTHORIZATION);
    Ok(ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(RetryLayer::new(Again::new()?))
        .layer(layer::layer_fn(move |inner| Governed { inner, limiter: Arc::clone(&limiter) }))
        .concurrency_limit(IN_FLIGHT_LIMIT)
        .layer(SetRequestHeaderLayer::overriding(header::AUTHORIZATION, authorization))
        .timeout(TIMEOUT)
        .service(client))
}

/// Three tries more where the server is unavailable, from a budget, with exponential back-off.
#[derive(Clone)]
struct Again {
    budget: Arc<TpsBudget>,
    backoff: ExponentialBackoff<HasherRng>,
    left: u32,
}

impl Again {
    fn new() -> Result<Self, BoxError> {
        let (least, most) = (Duration::from_millis(50), Duration::from_secs(20));
        let mut maker = ExponentialBackoffMaker::new(least, most, 1.0, HasherRng::new())?;
        Ok(Self { budget: Arc::default(), backoff: maker.make_backoff(), left: 3 })
    }
}

impl<B, E> Policy<Request<Full<Bytes>>, Response<B>, E> for Again {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<B>, E>,
    ) -> Option<Self::Future> {
        if result.as_ref().is_ok_and(|response| !response.status().is_server_error()) {
            self.budget.deposit();
            return None;
        }
        if self.left == 0 || !self.budget.withdraw() {
            return None;
        }
        self.left -= 1;
        Some(self.backoff.next_backoff())
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

/// Calls that keep to a quota of governor's.
#[derive(Clone)]
struct Governed<S> {
    inner: S,
    limiter: Arc<DefaultDirectRateLimiter>,
}

type Waiting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>>>>;

impl<S, R> Service<R> for Governed<S>
where
    S: Service<R> + Clone + 'static,
    R: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Waiting<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        if self.limiter.check().is_ok() {
            return Either::Left(self.inner.call(request));
        }
        let clone = self.inner.clone();
        let mut readied = std::mem::replace(&mut self.inner, clone);
        let limiter = Arc::clone(&self.limiter);
        Either::Right(Box::pin(async move {
            limiter.until_ready().await;
            readied.call(request).await
        }))
    }
}
