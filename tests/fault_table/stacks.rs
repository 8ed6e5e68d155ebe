//! The stacks: the default one, and the same with one layer out or one more in.

use std::time::Duration;

use twilio_proxy::call::{Clock, Live, Rng};
use twilio_proxy::gateway::{Gateway, GatewayBuilder, StackLayers};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials};
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::simulator::{Settings, Simulator};
use twilio_proxy::wire::Endpoint;

use crate::edges::{Edges, FIRST};
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
    NoRetry,
}

pub(crate) fn all() -> Vec<Variant> {
    use Variant::*;
    vec![NoLayers, Default, NoReconcile, NoRetry]
}

impl Variant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoLayers => "no layer but headers and credentials",
            Self::Default => "**default**",
            Self::NoReconcile => "default − reconcile",
            Self::NoRetry => "default − retry",
        }
    }

    fn change(self, builder: GatewayBuilder) -> GatewayBuilder {
        match self {
            Self::NoRetry => builder.max_attempts(1),
            _ => builder,
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
