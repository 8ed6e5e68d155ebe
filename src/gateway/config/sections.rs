//! The tables of a configuration, one for each layer and a few beside them. What is not given keeps
//! the layer's own default, which is written down there and nowhere else.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{HumanDuration, HumanQuota, HumanSize, OrNever, Percent, Secret};
use crate::call::{AccountSid, ApiKeySid, PublicKeySid, Sid};

/// A table whose keys may all be left out.
macro_rules! sections {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$field_about])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    )*};
}

sections! {
    /// `[endpoint]`: where the API is, and what the requests call themselves.
    EndpointConfig {
        /// The base URL; Twilio's own by default.
        base_url: String,
        /// The Twilio region, such as "ie1"; with credentials from the environment, TWILIO_REGION by default.
        region: String,
        /// The Twilio edge, such as "dublin"; with credentials from the environment, TWILIO_EDGE by default.
        edge: String,
        /// Further edges that calls may go through, such as "frankfurt".
        failover_edges: Vec<String>,
        /// Further base URLs that lead to the same sessions.
        failover_urls: Vec<String>,
        /// Whether credentials may go to other machines without TLS; false by default.
        allow_plain_http: bool,
        /// Appended to the User-Agent, such as "shop/3.1".
        user_agent: String,
    }

    /// `[credentials]`: who the requests come from. `from` says which of the other keys count.
    CredentialsConfig {
        /// Where they come from; "environment" by default.
        from: CredentialsFrom,
        /// The account, for "auth_token", "api_key" and "oauth".
        #[schemars(with = "Option<String>")]
        account_sid: AccountSid,
        /// The account's token, for "auth_token".
        auth_token: Secret,
        /// The API key, for "api_key".
        #[schemars(with = "Option<String>")]
        api_key_sid: ApiKeySid,
        /// The API key's secret, for "api_key".
        api_key_secret: Secret,
        /// The file, for "file": one KEY=value a line. It is read again whenever it changes.
        file: String,
        /// How often the file is looked at, for "file"; 10s by default.
        check_every: HumanDuration,
        /// The client's id, for "oauth".
        client_id: String,
        /// The client's secret, for "oauth".
        client_secret: Secret,
        /// The token endpoint, for "oauth"; Twilio's own by default.
        token_url: String,
        /// What the token shall be good for, for "oauth".
        scope: String,
    }

    /// `[deadline]`: how long a whole call may take.
    DeadlineConfig {
        /// Queues, attempts and back-off included; 35s by default. Changes while running.
        within: HumanDuration,
    }

    /// `[coalesce]`: equal reads at the same moment share one request.
    CoalesceConfig {
        /// false by default. Changes while running.
        enabled: bool,
    }

    /// `[hedge]`: second tries of slow reads. All of it changes while running.
    HedgeConfig {
        /// false by default.
        enabled: bool,
        /// The second try starts when the first is slower than so many percent; 95 by default, 99 at most.
        percentile: Percent,
        /// No sooner than this; 20ms by default.
        floor: HumanDuration,
        /// No later than this; 2s by default.
        cap: HumanDuration,
        /// The second try starts after this time, in place of a percentile.
        after: HumanDuration,
        /// How many second tries a hundred calls pay for; 5 by default.
        percent: Percent,
        /// How many may be saved up; 10 by default.
        burst: NonZeroU32,
        /// How long there are none after the server throttled; 10s by default.
        suspend_for: HumanDuration,
    }

    /// `[retry]`: how often a call is tried, and how the attempts are spaced.
    RetryConfig {
        /// The first included; 4 by default. Changes while running.
        max_attempts: NonZeroU32,
        /// The longest Retry-After that is sat out; 60s by default. Changes while running.
        max_retry_after: HumanDuration,
        /// Further statuses to retry, such as 409. Changes while running.
        statuses: Vec<NonZeroU16>,
        /// The first delay is up to this, the next up to twice that, …; 50ms by default.
        base: HumanDuration,
        /// The same after a throttle; 1s by default.
        throttled_base: HumanDuration,
        /// No delay is longer than this, but for a Retry-After; 20s by default.
        cap: HumanDuration,
        /// The tokens of the budget: a retry takes 14, and 5 when throttled; 500 by default.
        budget: u32,
    }

    /// `[failover]`: when one of several endpoints is left out. The first four change while running.
    FailoverConfig {
        /// After so many failures in a row; 5 by default.
        eject_after: NonZeroU32,
        /// The first ejection lasts so long, the second twice that, …; 30s by default, `max_eject_for` or less.
        eject_for: HumanDuration,
        /// No ejection lasts longer; 300s by default.
        max_eject_for: HumanDuration,
        /// The share of endpoints, in percent, that must stay; all but one may go by default.
        panic_below: Percent,
        /// How long it takes until a peak of latency is two thirds forgotten; 10s by default, 1ms or more.
        decay: HumanDuration,
    }

    /// `[breaker]`: when an endpoint's circuit opens. All of it changes while running.
    BreakerConfig {
        /// How far back attempts count; 10s by default, 100ms or more.
        window: HumanDuration,
        /// How many attempts it must hold to say anything; 20 by default, 50000 or less.
        min_calls: NonZeroU16,
        /// The share of failures that opens the circuit; 50 by default.
        failure_percent: Percent,
        /// What counts as slow; 3s by default.
        slow_call: OrNever,
        /// The share of slow attempts that opens the circuit; 80 by default.
        slow_percent: Percent,
        /// How long it stays open the first time; 5s by default.
        open_for: HumanDuration,
        /// How long it stays open at most; 60s by default.
        max_open_for: HumanDuration,
        /// How many probes may be under way at once; 1 by default.
        probes: NonZeroU32,
        /// How many probes must pass; 3 by default.
        passes: NonZeroU32,
    }

    /// `[rate_limit]`: calls in a time, for each account, operation and Service.
    RateLimitConfig {
        /// "29/s" by default, within Proxy's 150 in any 5 seconds. Changes while running.
        quota: HumanQuota,
        /// How many may go at once after a rest; 5 by default. Changes while running.
        burst: NonZeroU32,
        /// "wait" or "refuse"; "wait" by default.
        when_limited: Choice,
        /// How many calls may wait for each key; 1024 by default.
        max_waiting: usize,
        /// How long before its deadline a call's turn must come; 500ms by default.
        headroom: HumanDuration,
    }

    /// `[fleet]`: one quota for many processes, kept in Redis (feature `redis`). With it the quota and
    /// burst of `[rate_limit]` are the fleet's.
    FleetConfig {
        /// Where it is kept, such as "redis://10.0.0.5:6379" or "rediss://user:password@host".
        redis: Secret,
        /// How many processes there are, at most: each keeps to its part while Redis is away; 10 by
        /// default. Changes while running.
        processes: NonZeroU32,
        /// What the names of the keys begin with; "twilio-proxy" by default.
        prefix: String,
        /// How long a question may take before Redis counts as away; 100ms by default.
        patience: HumanDuration,
    }

    /// `[concurrency]`: attempts under way at once. The first two change while running.
    ConcurrencyConfig {
        /// The most; 295 by default.
        max: NonZeroUsize,
        /// The least that the limit falls to; 10 by default, or the most if that is less.
        min: NonZeroUsize,
        /// How many calls may wait; 1024 by default.
        max_waiting: usize,
    }

    /// `[headers]`: what each request carries.
    HeadersConfig {
        /// Further headers, such as { X-Team = "payments" }. No credentials: they are not kept secret.
        extra: BTreeMap<String, String>,
        /// Whether each attempt has an id in x-request-id; true by default.
        request_id: bool,
    }

    /// `[signing]`: signatures of requests, for an account that wants client validation.
    SigningConfig {
        /// The private key: a PEM file, read again at each reload.
        key_file: String,
        /// The SID of its public half at Twilio.
        #[schemars(with = "Option<String>")]
        credential_sid: PublicKeySid,
        /// The API key that the requests are authorized by.
        #[schemars(with = "Option<String>")]
        api_key_sid: ApiKeySid,
        /// The account.
        #[schemars(with = "Option<String>")]
        account_sid: AccountSid,
        /// "rs256" by default.
        algorithm: Algorithm,
    }

    /// `[attempt_timeout]`: how long one attempt may take.
    AttemptTimeoutConfig {
        /// Its body included; 10s by default. Changes while running.
        within: HumanDuration,
    }

    /// `[collect]`: the cap on answers.
    CollectConfig {
        /// How large a body may be; 8MiB by default.
        limit: HumanSize,
    }

    /// `[reconcile]`: how lost creates are found again.
    ReconcileConfig {
        /// Whether the participants have to be the same as well: one more read. false by default.
        compare_participants: bool,
        /// Gives creates without a UniqueName one that begins with this, so that they can be found.
        name_unnamed: String,
    }

    /// `[transport]`: how bytes move.
    TransportConfig {
        /// How long a connection may take to come about; 5s by default.
        connect_timeout: OrNever,
        /// When the second family of addresses is tried beside the first; 250ms by default.
        happy_eyeballs: OrNever,
        /// Whether small writes leave at once; true by default.
        tcp_nodelay: bool,
        /// After which silence the kernel asks the other side; 60s by default.
        tcp_keepalive: OrNever,
        /// How long an unused connection is kept; 50s by default.
        idle_timeout: OrNever,
        /// How many unused connections a host may have; 100 by default.
        max_idle_per_host: usize,
        /// How many connections a host may have open at once; as many as there are calls by default. Calls
        /// beyond it wait in line, first come first served, until their deadline.
        max_connections: NonZeroUsize,
        /// How long a connection is used before another takes its place, less up to a tenth by chance;
        /// "never" by default, for as long as it is good. A name is looked up when one is opened.
        max_age: OrNever,
        /// "auto" by default: HTTP/2 where the server offers it.
        protocol: Protocol,
        /// How often an HTTP/2 connection with calls under way is asked whether it is there; 20s by default.
        http2_keep_alive: OrNever,
        /// How long it may take to answer before it is given up; 10s by default.
        http2_keep_alive_timeout: HumanDuration,
        /// The URL of a CONNECT proxy, as in HTTPS_PROXY; the environment's by default.
        tunnel: Secret,
        /// What is reached without it, such as "localhost,10.0.0.0/8".
        tunnel_except: String,
        /// Whether HTTPS_PROXY and the like count; true by default.
        tunnel_from_env: bool,
        /// A PEM file: the root certificates to trust, and no others.
        roots_file: String,
        /// A PEM file: root certificates to trust as well.
        add_roots_file: String,
    }
}

/// A closed set of words.
macro_rules! words {
    ($($(#[$about:meta])* $name:ident { $($(#[$word_about:meta])* $word:ident,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_about])* $word,)*
        }
    )*};
}

words! {
    /// Where credentials come from.
    CredentialsFrom {
        /// `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_API_KEY`, `TWILIO_API_SECRET`.
        Environment,
        /// `account_sid` and `auth_token`.
        AuthToken,
        /// `api_key_sid`, `api_key_secret` and, if quotas are to be counted by it, `account_sid`.
        ApiKey,
        /// `file`.
        File,
        /// `client_id` and `client_secret`.
        Oauth,
        /// Nowhere: each call brings its own, or something on the way adds them.
        None,
    }

    /// What a rate limit does with a call that comes too early.
    Choice {
        /// Let it wait.
        Wait,
        /// Refuse it.
        Refuse,
    }

    /// How requests are signed.
    Algorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256,
        /// RSASSA-PSS with SHA-256.
        Ps256,
    }

    /// Which HTTP is spoken.
    Protocol {
        /// What the server offers.
        Auto,
        /// HTTP/1.1 only.
        Http1,
        /// HTTP/2 only, which needs the feature `http2`.
        Http2,
    }
}

impl CredentialsConfig {
    /// Where they come from, if not said otherwise.
    pub(super) fn source(&self) -> CredentialsFrom {
        self.from.unwrap_or(CredentialsFrom::Environment)
    }

    pub(super) fn account(&self) -> Option<Sid> {
        self.account_sid.map(Sid::from)
    }
}
