//! What a run is made of, drawn from its seed: the stack's settings, as a text that an operator could have written,
//! and the weather that it goes through.

use std::fmt::Write;
use std::time::Duration;

use http::StatusCode;
use twilio_proxy::call::Rng;
use twilio_proxy::gateway::config::LayerName;
use twilio_proxy::simulator::{FaultPlan, Mishap, RetryAfter, Settings, Simulator};

const KEYS: [(&str, &str); 2] = [
    ("SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "first-secret"),
    ("SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "second-secret"),
];

/// Lets both keys in, beside the account's own token.
pub(crate) fn with_keys(settings: Settings) -> Settings {
    KEYS.into_iter().fold(settings, |settings, (key, secret)| {
        match (key.parse(), Simulator::ACCOUNT_SID.parse()) {
            (Ok(key), Ok(account)) => settings.api_key(key, secret, account),
            // Never: both have the form of a SID.
            _ => settings,
        }
    })
}

/// What stays as it is while a gateway runs.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// See [`Manner`](crate::visit::Manner).
    pub(crate) unit: Duration,
    pub(crate) stack: Vec<LayerName>,
    pub(crate) endpoint: String,
    /// Calls a second that the smallest quota allows.
    pub(crate) least_quota: u32,
    /// The limits on attempts at once that there may be.
    pub(crate) limits: [u32; 3],
    /// How many may wait before a limit.
    pub(crate) queues: [u32; 2],
    /// Whether creates get names that are made up, where they have none.
    pub(crate) named: bool,
    /// Tables and keys that only a restart changes, chosen once.
    pub(crate) choices: u64,
}

impl Frame {
    fn has(&self, layer: LayerName) -> bool {
        self.stack.contains(&layer)
    }

    /// A configuration in TOML. `live` draws what a reload may change; the rest is the frame's.
    pub(crate) fn config(&self, live: &Rng) -> String {
        let fixed = Rng::seeded(self.choices);
        let mut text = Text(String::new());
        let names: Vec<String> = self.stack.iter().map(|layer| format!("\"{layer}\"")).collect();
        text.line(format_args!("stack = [{}]", names.join(", ")));
        text.line(format_args!("[endpoint]\n{}", self.endpoint));
        text.line(format_args!("[credentials]\n{}", credentials(live)));
        let one = |rng: &Rng, of: &[u32]| {
            let at = (rng.bits() % of.len() as u64) as usize;
            of.get(at).copied().unwrap_or(1)
        };
        let time = |units: u32| format!("{}us", (self.unit * units).as_micros());
        if self.has(LayerName::Deadline) {
            text.line(format_args!("[deadline]\nwithin = \"{}\"", time(one(live, &[100, 350]))));
        }
        if self.has(LayerName::Coalesce) {
            text.line(format_args!("[coalesce]\nenabled = {}", one(live, &[0, 1]) == 1));
        }
        if self.has(LayerName::Hedge) {
            let (on, after) = (one(live, &[0, 1]) == 1, time(one(live, &[1, 3])));
            let text = &mut text;
            text.line(format_args!("[hedge]\nenabled = {on}\nafter = \"{after}\"\npercent = 50"));
        }
        if self.has(LayerName::Retry) {
            let (attempts, budget) = (one(live, &[1, 2, 4, 6]), one(&fixed, &[20, 500, 100_000]));
            let (base, cap) = (time(1), time(one(&fixed, &[20, 80])));
            text.line(format_args!(
                "[retry]\nmax_attempts = {attempts}\nbudget = {budget}\nbase = \"{base}\"\n\
                 throttled_base = \"{base}\"\ncap = \"{cap}\""
            ));
        }
        if self.has(LayerName::Failover) {
            let (after, time) = (one(live, &[2, 5]), time(one(live, &[10, 50])));
            text.line(format_args!(
                "[failover]\neject_after = {after}\neject_for = \"{time}\"\nmax_eject_for = \"{time}\""
            ));
        }
        if self.has(LayerName::Breaker) {
            let (calls, time) = (one(live, &[5, 20]), time(one(live, &[5, 20])));
            let (probes, passes) = (one(live, &[1, 3]), one(live, &[1, 3]));
            text.line(format_args!(
                "[breaker]\nmin_calls = {calls}\nopen_for = \"{time}\"\nmax_open_for = \"{time}\"\n\
                 probes = {probes}\npasses = {passes}"
            ));
        }
        if self.has(LayerName::RateLimit) {
            let (quota, burst) = (self.least_quota * one(live, &[1, 2, 8]), one(live, &[1, 5, 50]));
            let waiting = one(&fixed, &self.queues);
            text.line(format_args!(
                "[rate_limit]\nquota = \"{quota}/s\"\nburst = {burst}\nmax_waiting = {waiting}"
            ));
        }
        if self.has(LayerName::Concurrency) {
            let (most, waiting) = (one(live, &self.limits), one(&fixed, &self.queues));
            let least = self.limits[0] / 2;
            text.line(format_args!(
                "[concurrency]\nmax = {most}\nmin = {least}\nmax_waiting = {waiting}"
            ));
        }
        if self.has(LayerName::AttemptTimeout) {
            let within = time(one(live, &[50, 100]));
            text.line(format_args!("[attempt_timeout]\nwithin = \"{within}\""));
        }
        let compare = one(&fixed, &[0, 1]) == 1;
        text.line(format_args!("[reconcile]\ncompare_participants = {compare}"));
        if self.named {
            text.line(format_args!("name_unnamed = \"made-up-\""));
        }
        text.0
    }
}

struct Text(String);

impl Text {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A string takes whatever is written to it.
        let _ = writeln!(self.0, "{line}");
    }
}

/// One of those that are let in; and, now and then, one that is not.
fn credentials(rng: &Rng) -> String {
    let account = Simulator::ACCOUNT_SID;
    let token = |token: &str| {
        format!("from = \"auth_token\"\naccount_sid = \"{account}\"\nauth_token = \"{token}\"")
    };
    let key = |(key, secret): (&str, &str)| {
        format!(
            "from = \"api_key\"\naccount_sid = \"{account}\"\napi_key_sid = \"{key}\"\n\
             api_key_secret = \"{secret}\""
        )
    };
    let [first, second] = KEYS;
    match rng.bits() % 16 {
        0 => token("revoked"),
        1..=5 => token(Simulator::AUTH_TOKEN),
        6..=10 => key(first),
        _ => key(second),
    }
}

/// What goes wrong from now on: nothing, some things now and then, or a great deal.
pub(crate) fn weather(rng: &Rng, unit: Duration, whole_seconds: bool) -> FaultPlan {
    let rate = match rng.bits() % 8 {
        0 | 1 => 0.0,
        2..=4 => 0.05,
        5 | 6 => 0.2,
        _ => 0.5,
    };
    let mut mishaps = vec![
        (Mishap::Latency(unit * 2), 4),
        (Mishap::Latency(unit * 30), 1),
        // Longer than an attempt may take: the answer is on its way when nobody waits any more.
        (Mishap::Latency(unit * 120), 1),
        (Mishap::Refused, 3),
        (Mishap::ResetBefore, 3),
        (Mishap::ResetAfter, 4),
        (Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE), 3),
        (Mishap::ErrorAfter(StatusCode::INTERNAL_SERVER_ERROR), 3),
        (Mishap::Html(StatusCode::BAD_GATEWAY), 2),
        (Mishap::Rejected(StatusCode::CONFLICT, 80623), 1),
        (Mishap::Truncated, 2),
        (Mishap::GarbledBody, 1),
        (Mishap::GarbledWire, 2),
        (Mishap::StallBefore, 1),
        (Mishap::StallAfter, 1),
    ];
    // A rate that was cut takes seconds to come back, in which a run on real time would do little.
    if whole_seconds || rng.bits().is_multiple_of(16) {
        mishaps.push((Mishap::Throttled(None), 1));
    }
    if whole_seconds {
        mishaps.push((Mishap::Throttled(Some(RetryAfter::Seconds(1))), 1));
        mishaps.push((Mishap::Throttled(Some(RetryAfter::DateIn(Duration::from_secs(2)))), 1));
    }
    // Each kind of weather has its own few, so that one mishap is seen alone as well.
    mishaps.retain(|_| !rng.bits().is_multiple_of(3));
    FaultPlan::random(rng.bits()).rate(rate).mix(mishaps)
}
