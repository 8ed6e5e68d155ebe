//! The stacks: the default one, and the same with one layer out or one more in.

use std::time::Duration;

use twilio_proxy::call::{Clock, Live, Rng};
use twilio_proxy::gateway::{Gateway, GatewayBuilder, RateClassifier, StackLayers};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials};
use twilio_proxy::middleware::breaker;
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::middleware::hedge::HedgeSettings;
use twilio_proxy::middleware::limit::concurrency::Aimd;
use twilio_proxy::simulator::{Settings, Simulator};
use twilio_proxy::wire::Endpoint;

use crate::edges::{Edges, FIRST, SECOND};
use crate::faults::Fault;
use crate::traffic::{Summary, run as drive};

/// How long the server works on a request.
const WORK: Duration = Duration::from_millis(40);

/// One row of each table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    NoLayers,
    Default,
    NoReconcile,
    NoDeadline,
    NoRetry,
    NoBreaker,
    NoThrottling,
    FixedConcurrency,
    NoAttemptTimeout,
    WithFailover,
    WithHedge,
    WithCoalesce,
}

pub(crate) fn all() -> Vec<Variant> {
    use Variant::*;
    vec![
        NoLayers,
        Default,
        NoReconcile,
        NoDeadline,
        NoRetry,
        NoBreaker,
        NoThrottling,
        FixedConcurrency,
        NoAttemptTimeout,
        WithFailover,
        WithHedge,
        WithCoalesce,
    ]
}

impl Variant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoLayers => "headers and credentials alone",
            Self::Default => "**default**",
            Self::NoReconcile => "− reconcile",
            Self::NoDeadline => "− deadline",
            Self::NoRetry => "− retry",
            Self::NoBreaker => "− breaker",
            Self::NoThrottling => "− slowing down on 429",
            Self::FixedConcurrency => "− learning concurrency",
            Self::NoAttemptTimeout => "− attempt timeout",
            Self::WithFailover => "+ failover to a second edge",
            Self::WithHedge => "+ hedged reads",
            Self::WithCoalesce => "+ coalesced reads",
        }
    }

    fn change(self, builder: GatewayBuilder) -> GatewayBuilder {
        match self {
            Self::NoLayers | Self::Default | Self::NoReconcile => builder,
            Self::NoDeadline => builder.deadline(Duration::MAX),
            Self::NoRetry => builder.max_attempts(1),
            // It never has calls enough to judge by.
            Self::NoBreaker => builder.breaker(breaker::Settings::new().min_calls(u32::MAX)),
            Self::NoThrottling => builder.layers(|layers| StackLayers {
                rate_limit: layers
                    .rate_limit
                    .classifier(RateClassifier::new().hear_throttles(false)),
                ..layers
            }),
            Self::FixedConcurrency => builder.layers(|layers| {
                layers.concurrency.set_policy(Aimd::new(295).bounds(295, 295));
                layers
            }),
            Self::NoAttemptTimeout => builder.attempt_timeout(Duration::MAX),
            Self::WithFailover => builder.failover_to(SECOND),
            Self::WithHedge => builder.hedge(HedgeSettings::new()),
            Self::WithCoalesce => builder.coalesce(true),
        }
    }
}

fn credentials() -> Credentials {
    Credentials::auth_token(Simulator::ACCOUNT_SID.parse().unwrap(), Simulator::AUTH_TOKEN)
}

pub(crate) async fn run(variant: Variant, fault: &Fault) -> Summary {
    let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
    let settings = Settings::default().clock(clock).rng(Rng::seeded(1)).latency(WORK);
    let edges = Edges {
        simulator: Simulator::with((fault.settings)(settings)),
        first_is_down: Live::new(false),
    };
    let builder = Gateway::builder(credentials()).base_url(FIRST).clock(clock).rng(Rng::seeded(2));
    match variant {
        Variant::NoLayers => {
            let endpoint = Endpoint::new(FIRST).unwrap();
            let auth = AuthLayer::new(&credentials(), [endpoint.origin().clone()]);
            let layers = (HeadersLayer::default(), auth);
            let stack = tower::Layer::layer(&layers, edges.clone());
            let gateway = Gateway::with_clock(stack, endpoint, clock, &Rng::seeded(2));
            drive(gateway, &edges, fault).await
        }
        Variant::NoReconcile => {
            let gateway = builder.over(edges.clone()).unwrap().into_inner();
            drive(gateway, &edges, fault).await
        }
        _ => drive(variant.change(builder).over(edges.clone()).unwrap(), &edges, fault).await,
    }
}
