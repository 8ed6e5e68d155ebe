//! What of a configuration may change while calls go on.

use std::time::Duration;

use serde_json::Value;

use super::{
    ConfigError, CredentialsFrom, GatewayConfig, HedgeConfig, HumanDuration, LayerName, OrNever,
    Percent,
};
use crate::call::{Authorization, Live};
use crate::gateway::ConcurrencyClassifier;
use crate::gateway::StackLayers;
use crate::gateway::concurrency::policy;
use crate::gateway::defaults::{ATTEMPT_TIMEOUT, DEADLINE};
use crate::gateway::edges::ejection;
use crate::middleware::auth::signing::SigningKey;
use crate::middleware::breaker;
use crate::middleware::coalesce::CoalesceLayer;
use crate::middleware::failover::Ejection;
use crate::middleware::hedge::{Delay, HedgeHandle, HedgeSettings};
use crate::middleware::limit::concurrency::Aimd;
use crate::middleware::limit::fleet::FleetSettings;
use crate::middleware::limit::rate::Limiter;
use crate::middleware::limit::{ConcurrencyLimitLayer, Quota};
use crate::middleware::retry::StandardPolicy;

/// What came of a [reload](super::Deployment::reload): keys by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// What holds from now on.
    pub changed: Vec<String>,
    /// What is different in the new configuration and holds only after a restart.
    pub needs_restart: Vec<String>,
}

/// Keys, or whole tables, that a running gateway takes over if it has their layer. Credentials are a matter of their own.
const LIVE: &[&str] = &[
    "attempt_timeout",
    "breaker",
    "coalesce",
    "concurrency.max",
    "concurrency.min",
    "deadline",
    "failover.eject_after",
    "failover.eject_for",
    "failover.max_eject_for",
    "failover.panic_below",
    "fleet.processes",
    "hedge",
    "rate_limit.burst",
    "rate_limit.quota",
    "retry.max_attempts",
    "retry.max_retry_after",
    "retry.statuses",
];

/// How many processes a fleet is taken for unless it says so.
const PROCESSES: u32 = FleetSettings::PROCESSES;

/// The handles that the layers were made with.
#[derive(Debug, Default)]
pub(super) struct Handles {
    pub(super) deadline: Live<Duration>,
    pub(super) attempt_timeout: Live<Duration>,
    pub(super) retry: Live<StandardPolicy>,
    pub(super) breaker: Live<breaker::Settings>,
    pub(super) quota: Live<Quota>,
    pub(super) processes: Live<u32>,
    pub(super) ejection: Live<Ejection>,
    pub(super) authorization: Live<Option<Authorization>>,
    pub(super) signing: Live<Option<SigningKey>>,
}

/// The handles of layers that have their own.
#[derive(Debug)]
pub(super) struct Layered {
    hedge: HedgeHandle,
    coalesce: CoalesceLayer,
    concurrency: ConcurrencyLimitLayer<Aimd, ConcurrencyClassifier>,
}

impl Layered {
    pub(super) fn of<L: Limiter>(layers: &StackLayers<L>) -> Self {
        Self {
            hedge: layers.hedge.handle(),
            coalesce: layers.coalesce.clone(),
            concurrency: layers.concurrency.clone(),
        }
    }

    /// Puts everything in place that a configuration says of these layers.
    pub(super) fn set(&self, config: &GatewayConfig) {
        self.hedge.set(hedging(&config.hedge));
        self.coalesce.set_enabled(config.coalesce.enabled == Some(true));
        self.concurrency.set_policy(config.concurrency_policy());
    }
}

impl Handles {
    /// Puts everything in place that a configuration says, but for credentials and keys.
    pub(super) fn set(&self, config: &GatewayConfig) {
        self.deadline.set(or(config.deadline.within, DEADLINE));
        self.attempt_timeout.set(or(config.attempt_timeout.within, ATTEMPT_TIMEOUT));
        self.retry.set(config.retry_policy());
        self.breaker.set(config.breaker_settings());
        self.quota.set(config.quota());
        self.processes.set(config.fleet.processes.map_or(PROCESSES, u32::from));
        self.ejection.set(config.ejection());
    }
}

impl GatewayConfig {
    fn retry_policy(&self) -> StandardPolicy {
        let it = &self.retry;
        let mut policy = StandardPolicy::new();
        if let Some(attempts) = it.max_attempts {
            policy = policy.max_attempts(attempts.get());
        }
        if let Some(HumanDuration(longest)) = it.max_retry_after {
            policy = policy.max_retry_after(longest);
        }
        let statuses = it.statuses.iter().flatten();
        // Those that are none are a problem, which is found before.
        let statuses = statuses.filter_map(|it| http::StatusCode::from_u16(it.get()).ok());
        statuses.fold(policy, StandardPolicy::retry_status)
    }

    fn breaker_settings(&self) -> breaker::Settings {
        let it = &self.breaker;
        let mut settings = breaker::Settings::new();
        if let Some(HumanDuration(window)) = it.window {
            settings = settings.window(window);
        }
        if let Some(calls) = it.min_calls {
            settings = settings.min_calls(calls.get().into());
        }
        if let Some(percent) = it.failure_percent {
            settings = settings.failure_percent(percent.get());
        }
        if let Some(OrNever(from)) = it.slow_call {
            settings = settings.slow_call(from);
        }
        if let Some(percent) = it.slow_percent {
            settings = settings.slow_percent(percent.get());
        }
        if let Some(HumanDuration(time)) = it.open_for {
            settings = settings.open_for(time);
        }
        if let Some(HumanDuration(time)) = it.max_open_for {
            settings = settings.max_open_for(time);
        }
        if let Some(at_once) = it.probes {
            settings = settings.probes(at_once.get());
        }
        if let Some(needed) = it.passes {
            settings = settings.passes(needed.get());
        }
        settings
    }

    fn quota(&self) -> Quota {
        let default = Quota::default();
        let burst = self.rate_limit.burst.map_or(default.max_burst(), u32::from);
        self.rate_limit.quota.map_or(default, |quota| quota.quota()).burst(burst)
    }

    fn ejection(&self) -> Ejection {
        let it = &self.failover;
        let mut ejection = ejection();
        if let Some(failures) = it.eject_after {
            ejection = ejection.after(failures.get());
        }
        if let Some(HumanDuration(time)) = it.eject_for {
            ejection = ejection.base(time);
        }
        if let Some(HumanDuration(time)) = it.max_eject_for {
            ejection = ejection.cap(time);
        }
        if let Some(percent) = it.panic_below {
            ejection = ejection.panic_below(percent.get().into());
        }
        ejection
    }

    pub(super) fn concurrency_policy(&self) -> Aimd {
        policy(self.concurrency.min.map(usize::from), self.concurrency.max.map(usize::from))
    }

    /// What is different in `new`: what a running gateway takes over, and what not.
    pub(super) fn differences(&self, new: &Self) -> Reloaded {
        let (old_keys, new_keys) = (self.flat(), new.flat());
        let mut reloaded = Reloaded::default();
        let names = old_keys.iter().chain(&new_keys).map(|(key, _)| key);
        let mut names: Vec<&String> = names.collect();
        names.sort();
        names.dedup();
        for name in names {
            let of = |keys: &[(String, Value)]| {
                keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            };
            let is_own_matter = ["credentials.", "signing."].iter().any(|it| name.starts_with(it));
            if is_own_matter || of(&old_keys) == of(&new_keys) {
                continue;
            }
            let is_in = |live: &str| {
                name.strip_prefix(live).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            if LIVE.iter().any(|live| is_in(live)) && self.runs(name) {
                reloaded.changed.push(name.clone());
            } else {
                reloaded.needs_restart.push(name.clone());
            }
        }
        reloaded
    }

    /// Every key that is given and its value, tables apart.
    fn flat(&self) -> Vec<(String, Value)> {
        let tree = serde_json::to_value(self).unwrap_or_default();
        let mut flat = Vec::new();
        for (name, value) in tree.as_object().into_iter().flatten() {
            match value.as_object() {
                Some(table) => flat.extend(
                    table.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())),
                ),
                None => flat.push((name.clone(), value.clone())),
            }
        }
        flat
    }

    /// Whether there is something that heeds a key of a layer, or of the fleet.
    fn runs(&self, key: &str) -> bool {
        let table = key.split('.').next().unwrap_or(key);
        let is_in_stack = self.layers().iter().any(|layer| layer.as_str() == table);
        is_in_stack || (table == "fleet" && self.fleet.redis.is_some())
    }

    /// This configuration with all of `new` that a running gateway takes over.
    pub(super) fn take_over(&mut self, new: &Self) {
        let stack = self.layers().to_vec();
        let runs = |layer| stack.contains(&layer);
        if runs(LayerName::Deadline) {
            self.deadline = new.deadline.clone();
        }
        if runs(LayerName::AttemptTimeout) {
            self.attempt_timeout = new.attempt_timeout.clone();
        }
        if runs(LayerName::Coalesce) {
            self.coalesce = new.coalesce.clone();
        }
        if runs(LayerName::Hedge) {
            self.hedge = new.hedge.clone();
        }
        if runs(LayerName::Breaker) {
            self.breaker = new.breaker.clone();
        }
        if runs(LayerName::Retry) {
            self.retry.max_attempts = new.retry.max_attempts;
            self.retry.max_retry_after = new.retry.max_retry_after;
            self.retry.statuses = new.retry.statuses.clone();
        }
        if runs(LayerName::RateLimit) {
            self.rate_limit.quota = new.rate_limit.quota;
            self.rate_limit.burst = new.rate_limit.burst;
        }
        if self.fleet.redis.is_some() {
            self.fleet.processes = new.fleet.processes;
        }
        if runs(LayerName::Concurrency) {
            self.concurrency.min = new.concurrency.min;
            self.concurrency.max = new.concurrency.max;
        }
        if runs(LayerName::Failover) {
            self.failover.eject_after = new.failover.eject_after;
            self.failover.eject_for = new.failover.eject_for;
            self.failover.max_eject_for = new.failover.max_eject_for;
            self.failover.panic_below = new.failover.panic_below;
        }
    }

    /// Credentials that are read when a gateway is built, and again at each reload.
    pub(super) fn has_fixed_credentials(&self) -> bool {
        use CredentialsFrom::{ApiKey, AuthToken, Environment};
        matches!(
            self.credentials.source(),
            Environment | AuthToken | ApiKey | CredentialsFrom::None
        )
    }

    /// The new values of what is read from elsewhere.
    pub(super) fn secrets(
        &self,
    ) -> Result<(Option<Authorization>, Option<SigningKey>), ConfigError> {
        let authorization = match self.has_fixed_credentials() {
            true => self.fixed_credentials()?.authorization(),
            false => None,
        };
        Ok((authorization, self.signing_key()?))
    }
}

fn hedging(it: &HedgeConfig) -> HedgeSettings {
    let mut settings = HedgeSettings::new().on(it.enabled == Some(true));
    let percent = |share: Percent| u32::from(share.get());
    if let Delay::Percentile { percent: share, floor, cap } = Delay::percentile(95) {
        settings = settings.delay(Delay::Percentile {
            percent: it.percentile.map_or(share, percent),
            floor: or(it.floor, floor),
            cap: or(it.cap, cap),
        });
    }
    if let Some(HumanDuration(time)) = it.after {
        settings = settings.delay(Delay::Fixed(time));
    }
    if let Some(share) = it.percent {
        settings = settings.percent(percent(share));
    }
    if let Some(hedges) = it.burst {
        settings = settings.burst(hedges.get());
    }
    if let Some(HumanDuration(time)) = it.suspend_for {
        settings = settings.suspend_for(time);
    }
    settings
}

fn or(time: Option<HumanDuration>, default: Duration) -> Duration {
    time.map_or(default, |HumanDuration(time)| time)
}
