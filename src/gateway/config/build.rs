//! The gateway that a configuration describes, and its reload.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::live::{Handles, Layered};
use super::{ConfigError, CredentialsFrom, GatewayConfig, LayerName, Problem, Reloaded, stack};
use crate::call::Raise;
use crate::gateway::prepared::Prepared;
use crate::gateway::{BoxedStack, Error, Gateway, GatewayBuilder, HttpStack, Reconcile};
use crate::middleware::limit::rate::Limiter;

/// What a configuration builds: its type says nothing of the layers, so it is the same for all.
pub type ConfiguredGateway = Reconcile<Gateway<BoxedStack>>;

/// A transport that a [`Deployment`] can go over: the bounds in one word. Whatever fits is one.
pub trait Carrier:
    HttpStack<Error: Raise + Send + Sync, Future: Send, ResponseBody: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Carrier for T where
    T: HttpStack<Error: Raise + Send + Sync, Future: Send, ResponseBody: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A gateway that runs as a configuration says, and may be told to run as another does.
pub struct Deployment {
    gateway: ConfiguredGateway,
    handles: Handles,
    layered: Layered,
    running: Mutex<GatewayConfig>,
}

impl GatewayConfig {
    /// The gateway, over a new [`ProxyTransport`](crate::transport::ProxyTransport).
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration, files that it names and that can't be read included.
    pub fn build(self) -> Result<Deployment, ConfigError> {
        self.check()?;
        let handles = self.handles()?;
        let builder = self.builder(&handles)?;
        let (transport, prepared) = builder.prepare().map_err(|error| self.cannot(&error))?;
        self.deploy(prepared, handles, transport)
    }

    /// The gateway over a transport of your own, such as the simulator. Tokens, if the configuration
    /// wants any, are asked for over it as well.
    ///
    /// # Errors
    ///
    /// As [`GatewayConfig::build`].
    pub fn over<T: Carrier>(self, transport: T) -> Result<Deployment, ConfigError> {
        self.over_with(transport, |builder| builder)
    }

    /// The same with a builder that code has changed further, by what no file can say: a hook on
    /// retries, a clock and a generator for a run that is to be replayed.
    ///
    /// # Errors
    ///
    /// As [`GatewayConfig::build`].
    pub fn over_with<T: Carrier>(
        self,
        transport: T,
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Result<Deployment, ConfigError> {
        self.check()?;
        let handles = self.handles()?;
        let builder = self.builder(&handles)?.token_transport(transport.clone());
        let prepared = change(builder).prepare_over().map_err(|error| self.cannot(&error))?;
        self.deploy(prepared, handles, transport)
    }

    /// Everything that is wrong with it, as far as can be told without opening a file. What was read
    /// from a file or the environment has been checked already; what was put together in code has not.
    ///
    /// # Errors
    ///
    /// All the problems at once.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::of(self.problems())
    }

    pub(super) fn handles(&self) -> Result<Handles, ConfigError> {
        let handles = Handles::default();
        let (authorization, signing) = self.secrets()?;
        handles.authorization.set(authorization);
        handles.signing.set(signing);
        handles.set(self);
        Ok(handles)
    }

    fn deploy<T: Carrier>(
        self,
        prepared: Prepared,
        handles: Handles,
        transport: T,
    ) -> Result<Deployment, ConfigError> {
        #[cfg(feature = "redis")]
        if let Some(limiter) = self.fleet_limiter(&handles)? {
            return Ok(self.deploy_limited(prepared.limited_by(limiter), handles, transport));
        }
        Ok(self.deploy_limited(prepared, handles, transport))
    }

    fn deploy_limited<T: Carrier, L: Limiter>(
        self,
        prepared: Prepared<L>,
        handles: Handles,
        transport: T,
    ) -> Deployment {
        let layered = Layered::of(&prepared.layers);
        layered.set(&self);
        let gateway = match self.layers() {
            // The layers that were put together when this was compiled are the cheaper ones.
            order if order == LayerName::DEFAULT_ORDER => prepared.over(transport).boxed(),
            order => prepared.with(|layers| stack::over(&layers, order, transport)).boxed(),
        };
        Deployment { gateway, handles, layered, running: Mutex::new(self) }
    }

    /// What the builder has against it; which key that is about, it does not say.
    fn cannot(&self, error: &Error) -> ConfigError {
        let mut fix = "see `endpoint`, `credentials` and `transport`".to_owned();
        if self.credentials.source() == CredentialsFrom::Environment {
            fix += ", and the variables TWILIO_REGION and TWILIO_EDGE";
        }
        let mut said = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            said = format!("{said}: {cause}");
            source = cause.source();
        }
        Problem::new("", said, fix).into()
    }
}

impl Deployment {
    /// The gateway; clone it freely. A reload changes what its clones do.
    #[must_use]
    pub fn gateway(&self) -> &ConfiguredGateway {
        &self.gateway
    }

    /// The configuration that holds now. Secrets in it are masked when it is shown.
    #[must_use]
    pub fn config(&self) -> GatewayConfig {
        self.lock().clone()
    }

    /// Puts in place what of a new configuration can be while calls go on: quotas, limits, timeouts,
    /// and credentials that are fixed; credentials in a file change by themselves. No call is dropped:
    /// those under way finish with what they have begun with, or go on with the new limits.
    ///
    /// What would need another stack or transport is left as it is, and said.
    ///
    /// # Errors
    ///
    /// What is wrong with the new configuration, or between what it changes and what can't be changed
    /// now. Nothing is changed then.
    pub fn reload(&self, new: &GatewayConfig) -> Result<Reloaded, ConfigError> {
        new.check()?;
        // Before any file is read: of two reloads at once the later one must not have the older key.
        let mut running = self.lock();
        let (authorization, signing) = new.secrets()?;
        let mut reloaded = running.differences(new);
        let mut next = running.clone();
        next.take_over(new);
        ConfigError::of(next.problems().into_iter().map(remaining).collect())?;
        *running = next;
        self.handles.set(&running);
        self.layered.set(&running);
        let was = self.handles.authorization.snapshot();
        let are_fixed = running.has_fixed_credentials() && new.has_fixed_credentials();
        match are_fixed && running.has(LayerName::Auth) {
            true if *was != authorization => {
                self.handles.authorization.set(authorization);
                running.credentials = new.credentials.clone();
                reloaded.changed.push("credentials".to_owned());
            }
            true => running.credentials = new.credentials.clone(),
            false if running.credentials == new.credentials => {}
            false => reloaded.needs_restart.push("credentials".to_owned()),
        }
        if running.has(LayerName::Signing) {
            if running.signing != new.signing {
                reloaded.changed.push("signing".to_owned());
                running.signing = new.signing.clone();
            }
            // The file may say something else under the same name.
            self.handles.signing.set(signing);
        } else if running.signing != new.signing {
            reloaded.needs_restart.push("signing".to_owned());
        }
        Ok(reloaded)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, GatewayConfig> {
        // Each field is whole whatever a panic elsewhere has interrupted.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A problem between what is new and what stays.
fn remaining(problem: Problem) -> Problem {
    let what =
        "some of it holds only after a restart, and what runs until then contradicts the rest";
    let fix = "restart, or change the rest later".to_owned();
    Problem { problem: format!("{}; {what}", problem.problem), fix, ..problem }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("running", &self.running).finish_non_exhaustive()
    }
}
