//! The gateway that the sidecar stands on.

use twilio_proxy::gateway::{BoxedStack, Error, Gateway, GatewayBuilder, Reconcile};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

use crate::args::Upstream;

/// A gateway whose type says nothing of its layers.
pub(crate) type Upward = Reconcile<Gateway<BoxedStack>>;

/// How many requests a simulator breaks.
const BREAKAGE: f64 = 0.25;

/// The default stack, with what the command line says of it.
pub(crate) fn gateway(args: &Upstream) -> Result<Upward, Error> {
    if let Some(seed) = args.simulate {
        let simulator = Simulator::with(Settings::default().without_authentication());
        simulator.set_faults(FaultPlan::random(seed).rate(BREAKAGE));
        return Ok(tuned(Gateway::builder(Credentials::none()), args).over(simulator)?.boxed());
    }
    let builder = match args.callers_credentials {
        true => Gateway::builder(Credentials::none()),
        false => GatewayBuilder::from_env()?,
    };
    Ok(tuned(builder, args).build()?.boxed())
}

fn tuned(mut builder: GatewayBuilder, args: &Upstream) -> GatewayBuilder {
    if let Some(url) = &args.upstream {
        builder = builder.base_url(url);
    }
    if let Some(deadline) = args.deadline {
        builder = builder.deadline(deadline);
    }
    if let Some(timeout) = args.attempt_timeout {
        builder = builder.attempt_timeout(timeout);
    }
    if let Some(attempts) = args.max_attempts {
        builder = builder.max_attempts(attempts);
    }
    builder.user_agent(concat!("sidecar/", env!("CARGO_PKG_VERSION")))
}
