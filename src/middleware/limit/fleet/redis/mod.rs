//! The store that Redis is: one script, and the connection that the `redis` crate keeps.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionAddr, RedisError, Script};
use secrecy::{ExposeSecret, SecretString};

use super::{Answer, Ask, FleetLimiter, FleetSettings, Store};
use crate::call::Live;
use crate::middleware::limit::Quota;

/// How long a connection may take to come about. It does so in the background, whatever becomes of the
/// question that it was needed for.
const CONNECT: Duration = Duration::from_secs(2);

/// A fleet's quota kept in Redis (6.2 or newer, or what speaks like it).
///
/// ```
/// use twilio_proxy::gateway::Gateway;
/// use twilio_proxy::middleware::auth::Credentials;
/// use twilio_proxy::middleware::limit::Quota;
/// use twilio_proxy::middleware::limit::fleet::RedisLimiter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = RedisLimiter::builder("redis://127.0.0.1:6379")
///     .quota(Quota::per_second(29).burst(5))
///     .processes(8)
///     .build()?;
/// let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "secret");
/// let gateway = Gateway::builder(credentials)
///     .base_url("http://127.0.0.1:4010")
///     .build_limited_by(limiter.clone())?;
/// // Nothing is connected before the first call.
/// assert_eq!(limiter.status().round_trips, 0);
/// # drop(gateway);
/// # Ok(())
/// # }
/// ```
pub type RedisLimiter = FleetLimiter<RedisStore>;

impl FleetLimiter<RedisStore> {
    /// A limiter over the Redis at this URL, to be set up: `redis://[user:password@]host[:port][/db]`,
    /// `rediss://` for TLS, `redis+unix:///path`.
    pub fn builder(url: impl Into<SecretString>) -> RedisLimiterBuilder {
        RedisLimiterBuilder { url: url.into(), settings: FleetSettings::new(Quota::default()) }
    }
}

/// Sets up a [`RedisLimiter`]. What it does not set is in its [settings](Self::settings).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct RedisLimiterBuilder {
    url: SecretString,
    settings: FleetSettings,
}

impl RedisLimiterBuilder {
    /// The fleet's quota, for each account, operation and Service; the default [`Quota`] if not said.
    pub fn quota(mut self, quota: impl Into<Live<Quota>>) -> Self {
        self.settings.quota = quota.into();
        self
    }

    /// How many processes share it, at most: see [`FleetSettings::processes`].
    pub fn processes(mut self, processes: impl Into<Live<u32>>) -> Self {
        self.settings = self.settings.processes(processes);
        self
    }

    /// What the names of the keys begin with: see [`FleetSettings::prefix`].
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings = self.settings.prefix(prefix);
        self
    }

    /// How long a question to Redis may take: see [`FleetSettings::patience`].
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings = self.settings.patience(patience);
        self
    }

    /// Replaces all settings, those above included.
    pub fn settings(mut self, settings: FleetSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The limiter. It connects with the first call, and needs no runtime before.
    ///
    /// For `rediss://` it makes aws-lc-rs rustls' default provider, where the process has none.
    ///
    /// # Errors
    ///
    /// A URL that is none of Redis'.
    pub fn build(self) -> Result<RedisLimiter, RedisUrlError> {
        let store = RedisStore::new(self.url.expose_secret())?;
        Ok(FleetLimiter::new(store, self.settings))
    }
}

/// A [`Store`] in Redis.
pub struct RedisStore {
    client: Client,
    script: Script,
    connection: OnceLock<ConnectionManager>,
}

impl RedisStore {
    /// The Redis at this URL.
    ///
    /// # Errors
    ///
    /// A URL that is none of Redis'.
    pub fn new(url: &str) -> Result<Self, RedisUrlError> {
        // Not the crate's own error: it may quote the URL, and the password with it.
        let client = Client::open(url).map_err(|_| RedisUrlError(()))?;
        if matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. }) {
            // What rustls does by itself where one provider is compiled in; where there are two it panics.
            // An error says that somebody else has chosen, and that is as well.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let script = Script::new(include_str!("script.lua"));
        Ok(Self { client, script, connection: OnceLock::new() })
    }

    /// The connection, which is made, and made anew, in the background. Asked for inside a runtime only.
    fn connection(&self) -> Result<ConnectionManager, RedisError> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            // How long an answer may take is the limiter's affair. But a connection that says nothing
            // at all has to be noticed here, to be replaced.
            .set_response_timeout(Some(CONNECT))
            // When to try again is the limiter's affair as well.
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(self.client.clone(), config)?;
        Ok(self.connection.get_or_init(|| connection).clone())
    }
}

impl Store for RedisStore {
    type Error = RedisFailure;

    async fn ask(&self, ask: Ask) -> Result<Answer, RedisFailure> {
        let mut connection = self.connection().map_err(RedisFailure)?;
        let mut invocation = self.script.key(&*ask.key);
        invocation.arg(ask.interval).arg(ask.tolerance).arg(ask.horizon).arg(ask.cells);
        invocation.arg(ask.floor).arg(ask.debt).arg(ask.hold);
        // One round trip; three where Redis does not know the script yet.
        let (now, first, cells, turn, settled): (u64, u64, u32, u64, u64) =
            invocation.invoke_async(&mut connection).await.map_err(RedisFailure)?;
        Ok(Answer { now, first, cells, turn, settled })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the client, which knows the password.
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

/// The URL is none of Redis'. It is not repeated, for it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrlError(());

impl fmt::Display for RedisUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a URL of Redis: redis://, rediss:// or redis+unix://")
    }
}

impl std::error::Error for RedisUrlError {}

/// Why Redis did not answer, in words that hold no secret.
#[derive(Debug)]
pub struct RedisFailure(RedisError);

impl fmt::Display for RedisFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.category())?;
        self.0.code().map_or(Ok(()), |code| write!(f, " ({code})"))
    }
}

impl std::error::Error for RedisFailure {}
