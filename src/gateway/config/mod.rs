//! A gateway from a file: every setting, and the order of the layers.
//!
//! # Why
//!
//! One binary runs in many places, and each wants another deadline, another quota, another stack. With
//! this an operator writes a file and no code, and finds out at the start, and not at three in the
//! morning, that a key is misspelt or that an order of layers would send a create twice.
//!
//! ```
//! use twilio_proxy::gateway::config::GatewayConfig;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = GatewayConfig::from_toml(
//!     r#"
//!     stack = ["deadline", "retry", "rate_limit", "auth", "attempt_timeout", "collect"]
//!
//!     [endpoint]
//!     base_url = "http://127.0.0.1:4010"
//!
//!     [credentials]
//!     from = "auth_token"
//!     account_sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
//!     auth_token = "secret"
//!
//!     [rate_limit]
//!     quota = "10/s"
//!     "#,
//! )?;
//! let deployment = config.build()?;
//! let gateway = deployment.gateway().clone();
//!
//! // Later, when the file has changed: quotas, limits and credentials are put in place.
//! let mut changed = deployment.config();
//! changed.rate_limit.quota = Some("5/s".parse().map_err(|()| "a quota")?);
//! assert_eq!(deployment.reload(&changed)?.changed, ["rate_limit.quota"]);
//! # let _ = gateway;
//! # Ok(())
//! # }
//! ```
//!
//! # Where it comes from
//!
//! [`GatewayConfig::load`] reads a file (`.toml` or `.json`) and then the variables of the environment
//! that begin with `TWILIO_PROXY__`; [`ConfigSources`] reads any number of them, the later before the
//! earlier. Times and sizes are written as people write them: `"250ms"`, `"8MiB"`, `"29/s"`.
//!
//! Everything that is wrong is said at once, each thing with its key, its value, where that comes from
//! and what to do: see [`ConfigError`]. [`GatewayConfig::json_schema`] is for editors.
//!
//! # What it costs
//!
//! A stack whose order comes from a file can't be known when the program is compiled. Without a
//! `stack`, or with the default one, the layers are the same static ones that
//! [`Gateway::builder`](super::Gateway::builder) puts together, behind one pointer. In another order
//! each layer is behind a pointer of its own: one allocation an attempt and layer, about 70 ns. See
//! `cargo bench --bench configured`, and the [guide](crate::guide::deployments) for the rest.

mod apply;
mod build;
mod check;
mod credentials;
mod files;
mod live;
mod order;
mod outward;
mod problems;
mod read;
mod sections;
#[cfg(feature = "simulator")]
mod simulated;
mod sources;
mod stack;
mod times;
mod values;

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use build::{Carrier, ConfiguredGateway, Deployment};
pub use live::Reloaded;
pub use order::LayerName;
pub use problems::{ConfigError, Problem};
pub use sections::{
    Algorithm, AttemptTimeoutConfig, BreakerConfig, Choice, CoalesceConfig, CollectConfig,
    ConcurrencyConfig, CredentialsConfig, CredentialsFrom, DeadlineConfig, EndpointConfig,
    FailoverConfig, FleetConfig, HeadersConfig, HedgeConfig, Protocol, RateLimitConfig,
    ReconcileConfig, RetryConfig, SigningConfig, TransportConfig,
};
pub use sources::ConfigSources;
use sources::Origins;
pub use values::{HumanDuration, HumanQuota, HumanSize, OrNever, Percent, Secret};

/// A gateway's settings: one table for each layer, and a few beside them. See the [module](self).
///
/// What is not given keeps its default. It serialises to what it was read from, with secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GatewayConfig {
    /// The layers by name, outermost first; the default stack if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Vec<LayerName>>,
    /// Where the API is.
    pub endpoint: EndpointConfig,
    /// Who the requests come from.
    pub credentials: CredentialsConfig,
    /// How bytes move.
    pub transport: TransportConfig,
    /// How lost creates are found again.
    pub reconcile: ReconcileConfig,
    /// How long a whole call may take.
    pub deadline: DeadlineConfig,
    /// Equal reads that share an answer.
    pub coalesce: CoalesceConfig,
    /// Second tries of slow reads.
    pub hedge: HedgeConfig,
    /// How often a call is tried.
    pub retry: RetryConfig,
    /// When an endpoint is left out.
    pub failover: FailoverConfig,
    /// When a circuit opens.
    pub breaker: BreakerConfig,
    /// Calls in a time.
    pub rate_limit: RateLimitConfig,
    /// One quota for many processes.
    pub fleet: FleetConfig,
    /// Attempts at once.
    pub concurrency: ConcurrencyConfig,
    /// What each request carries.
    pub headers: HeadersConfig,
    /// Signatures of requests.
    pub signing: SigningConfig,
    /// How long one attempt may take.
    pub attempt_timeout: AttemptTimeoutConfig,
    /// The cap on answers.
    pub collect: CollectConfig,
    #[serde(skip)]
    origins: Arc<Origins>,
}

impl GatewayConfig {
    /// Reads a file, `.toml` or `.json`, and then the environment, which goes before it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them: see [`ConfigSources::read`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        ConfigSources::new().file(path).environment().read()
    }

    /// Reads the environment alone.
    ///
    /// # Errors
    ///
    /// As [`GatewayConfig::load`].
    pub fn from_env() -> Result<Self, ConfigError> {
        ConfigSources::new().environment().read()
    }

    /// Reads a text in TOML, and no environment.
    ///
    /// # Errors
    ///
    /// As [`GatewayConfig::load`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        ConfigSources::new().toml(text).read()
    }

    /// Reads a text in JSON, and no environment.
    ///
    /// # Errors
    ///
    /// As [`GatewayConfig::load`].
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        ConfigSources::new().json(text).read()
    }

    /// The JSON Schema of a configuration, for editors and for checks before a deployment.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        read::schema::<Self>(false)
    }

    /// The layers of the stack, outermost first.
    #[must_use]
    pub fn layers(&self) -> &[LayerName] {
        self.stack.as_deref().unwrap_or(LayerName::DEFAULT_ORDER)
    }
}

#[cfg(test)]
mod tests;
