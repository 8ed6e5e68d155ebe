//! The gateway that the sidecar stands on.

use std::time::Duration;

use twilio_proxy::gateway::config::{
    ConfigError, ConfigSources, ConfiguredGateway, CredentialsConfig, CredentialsFrom, Deployment,
    GatewayConfig, HumanDuration,
};
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

use crate::args::Upstream;

/// A gateway whose type says nothing of its layers.
pub(crate) type Upward = ConfiguredGateway;

/// How many requests a simulator breaks.
const BREAKAGE: f64 = 0.25;

/// Where a simulator in memory is taken to be. Nobody listens there, and nobody needs to.
const SIMULATED: &str = "http://127.0.0.1";

/// What the file says, what the environment says, and then the command line.
pub(crate) fn config(args: &Upstream) -> Result<GatewayConfig, ConfigError> {
    let file = args.config.iter();
    let sources = file.fold(ConfigSources::new(), ConfigSources::file);
    let mut config = sources.environment().read()?;
    if let Some(url) = &args.upstream {
        config.endpoint.base_url = Some(url.clone());
    }
    if let Some(attempts) = args.max_attempts {
        config.retry.max_attempts = Some(attempts);
    }
    let human = |time: Option<Duration>| time.map(HumanDuration);
    config.deadline.within = human(args.deadline).or(config.deadline.within);
    config.attempt_timeout.within = human(args.attempt_timeout).or(config.attempt_timeout.within);
    let agent = concat!("sidecar/", env!("CARGO_PKG_VERSION"));
    config.endpoint.user_agent.get_or_insert_with(|| agent.to_owned());
    if args.simulate.is_some() {
        config = config.simulated(SIMULATED);
    }
    if args.callers_credentials {
        let mut nobodys = CredentialsConfig::default();
        nobodys.from = Some(CredentialsFrom::None);
        config.credentials = nobodys;
    }
    config.check().map(|()| config)
}

/// The stack as the configuration has it.
pub(crate) fn deployment(args: &Upstream) -> Result<Deployment, ConfigError> {
    let config = config(args)?;
    let Some(seed) = args.simulate else { return config.build() };
    let simulator = Simulator::with(Settings::default().without_authentication());
    simulator.set_faults(FaultPlan::random(seed).rate(BREAKAGE));
    config.over(simulator)
}
