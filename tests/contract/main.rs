//! What every layer of the middleware room promises, held against each of them.
//!
//! A new layer is held to all of it by one line in the `contract!` below: a name, and an expression
//! that makes the layer. It must let a call through that goes well, take what settings it likes for
//! that, and be strict otherwise: a limit of one call at a time is a better subject than one of a
//! thousand. What a layer does *beyond* this suite is tested beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checks;
mod flaws;
#[path = "../support/leaks.rs"]
mod leaks;
mod probe;
mod raised;
mod secrets;

use std::time::Duration;

use http::HeaderName;
use tower::Layer as _;
use twilio_proxy::call::{Class, Classifier, Rng};
use twilio_proxy::middleware::auth::AuthLayer;
use twilio_proxy::middleware::breaker::{BreakerLayer, Settings};
use twilio_proxy::middleware::coalesce::CoalesceLayer;
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use twilio_proxy::middleware::failover::FailoverLayer;
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::middleware::hedge::HedgeLayer;
use twilio_proxy::middleware::lift::LiftLayer;
use twilio_proxy::middleware::limit::concurrency::{Aimd, Gradient};
use twilio_proxy::middleware::limit::{ConcurrencyLimitLayer, Quota, RateLimitLayer};
use twilio_proxy::middleware::observe::{AttemptSpanLayer, CallSpanLayer};
use twilio_proxy::middleware::retry::RetryLayer;

use crate::probe::Probe;

const MINUTE: Duration = Duration::from_secs(60);

/// Takes every answer for a throttle, so that a limit which listens is cut all the time.
#[derive(Clone)]
struct Throttling;

impl<B> Classifier<B> for Throttling {
    fn classify(&self, _: &http::Response<B>) -> Class {
        Class::Throttled
    }
}

/// Each line becomes a module with one test a promise.
macro_rules! contract {
    ($($name:ident: $layer:expr;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test(start_paused = true)]
            async fn calls_the_instance_that_was_readied() {
                let probe = Probe::new();
                checks::readied($layer.layer(probe.clone()), &probe).await;
            }

            #[tokio::test(start_paused = true)]
            async fn holds_nothing_while_it_is_ready_and_idles() {
                let probe = Probe::new();
                checks::idle($layer.layer(probe.clone())).await;
            }

            #[tokio::test(start_paused = true)]
            async fn forwards_a_failing_readiness() {
                let probe = Probe::new().never_ready();
                checks::foreign_error($layer.layer(probe)).await;
            }

            #[tokio::test(start_paused = true)]
            async fn passes_a_foreign_error_on_as_it_is() {
                let probe = Probe::new().failing();
                checks::foreign_error($layer.layer(probe)).await;
            }

            #[tokio::test(start_paused = true)]
            async fn passes_a_fault_on_as_it_is() {
                let probe = Probe::new().faulty(usize::MAX);
                checks::fault($layer.layer(probe)).await;
            }

            #[tokio::test(start_paused = true)]
            async fn serves_its_clones_side_by_side() {
                let probe = Probe::new();
                checks::clones($layer.layer(probe.clone()), &probe).await;
            }

            #[tokio::test(start_paused = true)]
            async fn leaks_nothing_when_it_is_dropped_at_any_poll() {
                let probe = Probe::new();
                checks::dropped_at_any_poll($layer.layer(probe.clone()), &probe).await;
            }

            #[tokio::test(start_paused = true)]
            async fn leaks_nothing_when_it_is_dropped_at_any_time() {
                let probe = Probe::new().faulty(2);
                checks::dropped_at_any_time($layer.layer(probe.clone()), &probe).await;
            }

            #[tokio::test(start_paused = true)]
            async fn hands_the_whole_request_down() {
                let probe = Probe::new();
                checks::whole($layer.layer(probe.clone()), &probe).await;
            }

            #[tokio::test(start_paused = true)]
            async fn fits_around_foreign_layers() {
                let probe = Probe::new();
                checks::readied($layer.layer(probe::inside_foreign(probe.clone())), &probe).await;
            }

            #[tokio::test(start_paused = true)]
            async fn fits_inside_foreign_layers() {
                let probe = Probe::new();
                let stack = probe::foreign_around($layer.layer(probe.clone()));
                checks::readied(stack, &probe).await;
                let probe = Probe::new().faulty(usize::MAX);
                checks::fault(probe::foreign_around($layer.layer(probe))).await;
            }
        }
    )*};
}

contract! {
    // The harness against itself: a layer that does nothing keeps every promise.
    identity: tower::layer::util::Identity::new();
    call_span: CallSpanLayer::new().request_id_header(HeaderName::from_static("the-id"));
    attempt_span: AttemptSpanLayer::new();
    headers: HeadersLayer::default();
    auth: AuthLayer::new(&secrets::credentials(), [probe::origin()]);
    auth_by_provider: AuthLayer::from_provider(secrets::credentials(), [probe::origin()]);
    auth_that_waits: AuthLayer::from_provider(secrets::provider(), [probe::origin()]);
    collect: CollectLayer::new();
    lift: LiftLayer::new();
    deadline: DeadlineLayer::new(MINUTE);
    attempt_timeout: AttemptTimeoutLayer::new(MINUTE);
    hedge: HedgeLayer::default();
    retry: RetryLayer::new().rng(Rng::seeded(1));
    failover_with_one: FailoverLayer::new(probe::base(0));
    // Writes go to the first, which is where the probe looks for them.
    failover: FailoverLayer::new(probe::base(0)).or(probe::base(1)).rng(Rng::seeded(1));
    rate_limit: RateLimitLayer::new(Quota::per_second(1).burst(1));
    throttled_rate_limit: RateLimitLayer::new(Quota::per_second(1).burst(1)).classifier(Throttling);
    concurrency_limit: ConcurrencyLimitLayer::new(1);
    breaker: BreakerLayer::new(Settings::new().slow_call(MINUTE));
    // With what stands below it: only a response that can be cloned can be shared.
    coalesce: (CoalesceLayer::new(), CollectLayer::new());
    coalesce_off: (CoalesceLayer::off(), CollectLayer::new());
    aimd_limit: ConcurrencyLimitLayer::adaptive(Aimd::new(1).bounds(1, 1));
    gradient_limit: ConcurrencyLimitLayer::adaptive(Gradient::new(1).bounds(1, 1));
    all_of_them_with_a_provider: (
        CallSpanLayer::new(),
        DeadlineLayer::new(MINUTE),
        RetryLayer::new().rng(Rng::seeded(1)),
        RateLimitLayer::new(Quota::per_second(1).burst(1)),
        AttemptSpanLayer::new(),
        HeadersLayer::default(),
        AuthLayer::from_provider(secrets::provider(), [probe::origin()]),
        AttemptTimeoutLayer::new(MINUTE),
        CollectLayer::new(),
        LiftLayer::new(),
    );
    all_of_them: (
        CallSpanLayer::new(),
        DeadlineLayer::new(MINUTE),
        RetryLayer::new().rng(Rng::seeded(1)),
        FailoverLayer::new(probe::base(0)).or(probe::base(1)).rng(Rng::seeded(1)),
        RateLimitLayer::new(Quota::per_second(1).burst(1)),
        ConcurrencyLimitLayer::new(1),
        AttemptSpanLayer::new(),
        HeadersLayer::default(),
        AuthLayer::new(&secrets::credentials(), [0, 1].map(|at| probe::base(at).origin().clone())),
        AttemptTimeoutLayer::new(MINUTE),
        CollectLayer::new(),
        LiftLayer::new(),
    );
}
