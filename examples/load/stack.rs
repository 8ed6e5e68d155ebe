//! The stack that is loaded, and what it talks to.

use twilio_proxy::call::{Rng, ServiceSid};
use twilio_proxy::gateway::config::{
    ConfigSources, ConfiguredGateway, EndpointConfig, GatewayConfig, LayerName,
};
use twilio_proxy::gateway::{Gateway, GatewayBuilder};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator, SimulatorServer};
use twilio_proxy::wire::Endpoint;

use crate::args::Args;

/// A gateway whatever it stands on.
pub(crate) type Loaded = ConfiguredGateway;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the calls go to.
pub(crate) struct Target {
    /// The simulator, where it is one.
    pub(crate) simulator: Option<Simulator>,
    /// Its socket, where it has one.
    server: Option<SimulatorServer>,
    base_url: String,
    pub(crate) services: Vec<ServiceSid>,
    /// In words, for people.
    pub(crate) words: String,
}

impl Target {
    pub(crate) async fn open(args: &Args, config: Option<&GatewayConfig>) -> Result<Self, Failure> {
        let mut services = args.services.clone();
        if let Some(url) = &args.url {
            let (base_url, words) = (url.clone(), Endpoint::new(url)?.origin().to_string());
            return Ok(Self { simulator: None, server: None, base_url, services, words });
        }
        if services.is_empty() {
            services.push(Simulator::SERVICE_SID.parse()?);
        }
        let mut settings = Settings::default().latency(args.latency);
        if args.unlimited {
            settings = settings.without_rate_limit();
        }
        if config.is_some_and(|config| !config.layers().contains(&LayerName::Auth)) {
            settings = settings.without_authentication();
        }
        let simulator = Simulator::with(settings);
        simulator.set_faults(FaultPlan::random(args.seed).rate(args.faults));
        let server = if args.in_process { None } else { Some(simulator.serve().await?) };
        let (base_url, way) = match &server {
            Some(server) => (server.base_url(), format!("at {}", server.base_url())),
            // Nobody listens there, and nobody needs to.
            None => ("http://127.0.0.1".to_owned(), "in this process".to_owned()),
        };
        let words = format!(
            "the simulator {way}, which takes {:?} and breaks {:.1} % of requests",
            args.latency,
            args.faults * 100.0,
        );
        Ok(Self { simulator: Some(simulator), server, base_url, services, words })
    }

    pub(crate) async fn close(self) {
        if let Some(server) = self.server {
            server.shutdown().await;
        }
    }
}

/// The deployment's file, if one is named.
pub(crate) fn config(args: &Args) -> Result<Option<GatewayConfig>, Failure> {
    let read = |file| ConfigSources::new().file(file).environment().read();
    Ok(args.config.as_ref().map(read).transpose()?)
}

/// The gateway as the deployment's file has it, or the default one.
pub(crate) fn gateway(
    args: &Args,
    config: Option<GatewayConfig>,
    target: &Target,
) -> Result<Loaded, Failure> {
    match config {
        Some(config) => configured(args, config, target),
        None => default(args, target),
    }
}

fn configured(args: &Args, mut config: GatewayConfig, target: &Target) -> Result<Loaded, Failure> {
    let base_url = target.base_url.clone();
    let deployment = match &target.simulator {
        Some(simulator) if target.server.is_none() => {
            let rng = Rng::seeded(args.seed);
            let config = config.simulated(base_url);
            config.over_with(simulator.clone(), |builder| builder.rng(rng))?
        }
        Some(_) => config.simulated(base_url).build()?,
        None => {
            let user_agent = config.endpoint.user_agent.take();
            let mut endpoint = EndpointConfig::default();
            (endpoint.base_url, endpoint.user_agent) = (Some(base_url), user_agent);
            config.endpoint = endpoint;
            config.build()?
        }
    };
    Ok(deployment.gateway().clone())
}

fn default(args: &Args, target: &Target) -> Result<Loaded, Failure> {
    let mut builder = match &target.simulator {
        Some(_) => {
            let account = Simulator::ACCOUNT_SID.parse()?;
            Gateway::builder(Credentials::auth_token(account, Simulator::AUTH_TOKEN))
        }
        None => GatewayBuilder::from_env()?,
    };
    builder = builder.base_url(&target.base_url).user_agent("load/1").rng(Rng::seeded(args.seed));
    if args.unlimited {
        builder = builder.quota(Quota::per_second(u32::MAX).burst(u32::MAX));
    }
    Ok(match &target.simulator {
        Some(simulator) if target.server.is_none() => builder.over(simulator.clone())?.boxed(),
        _ => builder.build()?.boxed(),
    })
}
