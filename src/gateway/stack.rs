//! The order of the layers, one reason a line.

use tower::ServiceBuilder;

use super::{ConcurrencyClassifier, RateClassifier, TwilioClassifier};
use crate::middleware::auth::signing::{Signing, SigningLayer};
use crate::middleware::auth::{Auth, AuthLayer};
use crate::middleware::breaker::{Breaker, BreakerLayer};
use crate::middleware::coalesce::{Coalesce, CoalesceLayer};
use crate::middleware::collect::{Collect, CollectLayer};
use crate::middleware::deadline::{AttemptTimeout, AttemptTimeoutLayer, Deadline, DeadlineLayer};
use crate::middleware::failover::{Failover, FailoverLayer};
use crate::middleware::headers::{Headers, HeadersLayer};
use crate::middleware::hedge::{Hedge, HedgeLayer};
use crate::middleware::limit::concurrency::Aimd;
use crate::middleware::limit::rate::{Limiter, LocalLimiter};
use crate::middleware::limit::{
    ConcurrencyLimit, ConcurrencyLimitLayer, RateLimit, RateLimitLayer,
};
use crate::middleware::observe::{AttemptSpan, AttemptSpanLayer, CallSpan, CallSpanLayer};
use crate::middleware::retry::{Retry, RetryLayer};

/// The default stack over a transport: nameable, cloneable, without a box. `L` grants the rate limit's
/// cells.
pub type DefaultStack<T, L = LocalLimiter> =
    CallSpan<Deadline<Coalesce<Hedge<RetriedAttempts<T, L>, TwilioClassifier>>>>;

/// What one try of a call goes through: its attempts, each at an endpoint that is well.
pub type RetriedAttempts<T, L = LocalLimiter> = Retry<
    Failover<Breaker<LimitedAttempt<T, L>, TwilioClassifier>, TwilioClassifier>,
    TwilioClassifier,
>;

/// What one attempt of the default stack goes through.
pub type LimitedAttempt<T, L = LocalLimiter> = RateLimit<
    ConcurrencyLimit<
        AttemptSpan<Headers<Auth<Signing<AttemptTimeout<Collect<T>>>>>>,
        Aimd,
        ConcurrencyClassifier,
    >,
    L,
    RateClassifier,
>;

/// The layers of the default stack, outermost first: replace one here, or build a stack of your
/// own with `ServiceBuilder`; [`over`](Self::over) does nothing else. A minor release may add a
/// layer, so end an expression of this type with `..layers`.
///
/// The rate limit's cells are granted by `L`: in this process, unless
/// [another limiter](Self::limited_by) takes its place.
#[derive(Clone, Debug)]
pub struct StackLayers<L: Limiter = LocalLimiter> {
    /// One span a call.
    pub call_span: CallSpanLayer,
    /// The call's deadline.
    pub deadline: DeadlineLayer,
    /// Equal reads that share an answer; off by default.
    pub coalesce: CoalesceLayer,
    /// Second tries of slow reads; off by default.
    pub hedge: HedgeLayer<TwilioClassifier>,
    /// Retry with back-off.
    pub retry: RetryLayer<TwilioClassifier>,
    /// The choice among several endpoints; with one it does nothing.
    pub failover: FailoverLayer<TwilioClassifier>,
    /// A circuit for each endpoint.
    pub breaker: BreakerLayer<TwilioClassifier>,
    /// The keyed rate limit, which slows down where the server throttles.
    pub rate_limit: RateLimitLayer<L, RateClassifier>,
    /// The concurrency limit, which learns from the server.
    pub concurrency: ConcurrencyLimitLayer<Aimd, ConcurrencyClassifier>,
    /// One span an attempt.
    pub attempt_span: AttemptSpanLayer,
    /// Static headers and the request id.
    pub headers: HeadersLayer,
    /// Credentials.
    pub auth: AuthLayer,
    /// Signatures of requests; off by default.
    pub signing: SigningLayer,
    /// The attempt's timeout.
    pub attempt_timeout: AttemptTimeoutLayer,
    /// The cap on bodies.
    pub collect: CollectLayer,
}

impl<L: Limiter> StackLayers<L> {
    /// The same layers with another limiter behind the rate limit, such as one that a fleet of
    /// processes shares. All else of the rate limit stays: keys, what waits and how long, who says
    /// what a throttle is, the clock. Its keys begin anew.
    ///
    /// The hedges and the monitor of a gateway look at the new limiter where its builder
    /// [knows of it](super::GatewayBuilder::over_limited_by).
    #[must_use]
    pub fn limited_by<M: Limiter>(self, limiter: M) -> StackLayers<M> {
        StackLayers {
            call_span: self.call_span,
            deadline: self.deadline,
            coalesce: self.coalesce,
            hedge: self.hedge,
            retry: self.retry,
            failover: self.failover,
            breaker: self.breaker,
            rate_limit: self.rate_limit.limited_by(limiter),
            concurrency: self.concurrency,
            attempt_span: self.attempt_span,
            headers: self.headers,
            auth: self.auth,
            signing: self.signing,
            attempt_timeout: self.attempt_timeout,
            collect: self.collect,
        }
    }

    /// The default stack over a transport.
    pub fn over<T: Clone>(self, transport: T) -> DefaultStack<T, L> {
        ServiceBuilder::new()
            // Outermost, so that its span holds everything that happens to the call.
            .layer(self.call_span)
            // Outside retry: it covers attempts, queues and back-off alike.
            .layer(self.deadline)
            // Inside the deadline, of which each caller has its own; outside retry, so that what is
            // repeated is repeated once for all who wait.
            .layer(self.coalesce)
            // Inside coalescing: there is one read to hedge. Outside retry: a second try that fails
            // is retried like the first.
            .layer(self.hedge)
            // Outside the limits: a call that backs off holds no permit and no place in a queue.
            .layer(self.retry)
            // Inside retry: each attempt chooses anew, by how the ones before it went. Outside all that
            // depends on where a request goes.
            .layer(self.failover)
            // Below the choice of the endpoint, so that an open circuit is a reason to choose another;
            // above the limits, so that what is refused takes no cell and waits in no line.
            .layer(self.breaker)
            // Before concurrency: a call that waits for its cell must not hold a permit meanwhile, or
            // one busy key would keep all others out.
            .layer(self.rate_limit)
            // Outside the attempt's span and timeout: waiting for a permit is not the server's slowness.
            .layer(self.concurrency)
            // One span for what goes over the wire, queues excluded.
            .layer(self.attempt_span)
            // Below retry: a replay copies no header, since none is there yet.
            .layer(self.headers)
            // Below retry and the spans: no secret sits in a replayed request or a span.
            .layer(self.auth)
            // Right below the credentials, which are part of what is signed; outside the attempt's timeout,
            // for the time that a signature takes is not the server's.
            .layer(self.signing)
            // Around collect: a body that trickles is as late as a head that doesn't come.
            .layer(self.attempt_timeout)
            // Right above the transport, so that decompression can go below it and the cap counts
            // what the caller will hold.
            .layer(self.collect)
            .service(transport)
    }
}
