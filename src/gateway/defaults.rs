//! The settings that the builder starts from, one reason a number.

use std::time::Duration;

use super::{Monitor, RateClassifier, StackLayers, TwilioClassifier, concurrency_limit};
use crate::call::{Clock, Live, Rng};
use crate::middleware::auth::AuthLayer;
use crate::middleware::auth::signing::SigningLayer;
use crate::middleware::breaker::{self, BreakerLayer};
use crate::middleware::coalesce::CoalesceLayer;
use crate::middleware::collect::CollectLayer;
use crate::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use crate::middleware::failover::FailoverLayer;
use crate::middleware::headers::{HeadersLayer, UserAgent};
use crate::middleware::hedge::HedgeLayer;
use crate::middleware::limit::rate::Limiter;
use crate::middleware::limit::{Quota, RateLimitLayer};
use crate::middleware::observe::{AttemptSpanLayer, CallSpanLayer};
use crate::middleware::retry::RetryLayer;
use crate::wire::REQUEST_ID;

/// How long a call may take by default: three attempts that hang, and room to back off in between.
pub(super) const DEADLINE: Duration = Duration::from_secs(35);
/// How long an attempt may take by default. Proxy answers in well under a second; ten are a hang.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the builder knows when the layers are made.
pub(super) struct Parts<'a> {
    pub(super) clock: Clock,
    pub(super) rng: &'a Rng,
    pub(super) failover: FailoverLayer<TwilioClassifier>,
    pub(super) quota: Live<Quota>,
    pub(super) breaker: Live<breaker::Settings>,
    pub(super) agent: UserAgent,
    pub(super) auth: AuthLayer,
    pub(super) signing: SigningLayer,
}

impl StackLayers {
    /// Every layer with its defaults.
    pub(super) fn new(parts: Parts<'_>) -> Self {
        let twilio = TwilioClassifier::new;
        let Parts { clock, rng, failover, quota, breaker, agent, auth, signing } = parts;
        Self {
            call_span: CallSpanLayer::new().request_id_header(REQUEST_ID),
            deadline: DeadlineLayer::new(DEADLINE),
            // Off: reads of one session at the same moment are rare, and each read would pay for them.
            coalesce: CoalesceLayer::off(),
            // Off: a second try takes a cell of the quota, and Proxy allows each Service 30 a second.
            hedge: HedgeLayer::off().classifier(twilio()),
            retry: RetryLayer::new().classifier(twilio()).clock(clock).rng(rng.clone()),
            failover,
            breaker: BreakerLayer::new(breaker).classifier(twilio()).rng(rng.clone()),
            rate_limit: RateLimitLayer::new(quota).classifier(RateClassifier::new()).clock(clock),
            concurrency: concurrency_limit(),
            attempt_span: AttemptSpanLayer::new().request_id_header(REQUEST_ID),
            headers: HeadersLayer::new(agent).rng(rng),
            auth,
            // Without a key it lets everything pass.
            signing: signing.clock(clock),
            attempt_timeout: AttemptTimeoutLayer::new(ATTEMPT_TIMEOUT),
            collect: CollectLayer::new(),
        }
    }
}

impl<L: Limiter> StackLayers<L> {
    /// The layers as they go into a stack, and who watches them: the hedges, which must not add to a
    /// server's trouble, and the operator.
    pub(super) fn watched(mut self) -> (Self, Monitor) {
        let (circuits, rate_limit) = (self.breaker.circuits().clone(), self.rate_limit.clone());
        self.hedge =
            self.hedge.only_while(move || circuits.all_closed() && !rate_limit.is_throttled());
        let monitor = Monitor::new()
            .credentials(&self.auth)
            .coalescing(&self.coalesce)
            .hedging(&self.hedge.handle())
            .retry_budget(self.retry.shared_budget())
            .endpoints(&self.failover.endpoints())
            .circuits(self.breaker.circuits())
            .rate_limit(&self.rate_limit)
            .concurrency(&self.concurrency);
        (self, monitor)
    }
}
