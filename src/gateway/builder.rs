use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::concurrency::concurrency_limit_to;
use super::credentials::{Supplied, Who};
use super::defaults::Parts;
use super::edges::Other;
use super::prepared::Prepared;
use super::{BoxedStack, DefaultGateway, Error, HttpStack, ReconcileLayer, StackLayers};
use crate::call::{Authorization, Clock, Live, Raise, Rng, TraceContext, WhenLimited};
use crate::middleware::auth::signing::{SigningKey, SigningLayer};
use crate::middleware::auth::{AuthLayer, Credentials};
use crate::middleware::breaker;
use crate::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use crate::middleware::headers::UserAgent;
use crate::middleware::hedge::HedgeSettings;
use crate::middleware::limit::Quota;
use crate::middleware::retry::{RetryEvent, StandardPolicy};
use crate::transport::{self, ProxyTransport};
use crate::wire::Endpoint;

/// Sets up a [`Gateway`](super::Gateway) with the default stack.
///
/// Each setting replaces one layer's default; [`layers`](Self::layers) reaches all the others.
/// Where a setting takes `impl Into<Live<…>>`, give it a [`Live`] handle and keep a clone, and it
/// may change while calls go on; the [guide](crate::guide::tuning) has the others.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::gateway::Gateway;
/// use twilio_proxy::middleware::auth::Credentials;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "secret");
/// let gateway = Gateway::builder(credentials)
///     .base_url("http://127.0.0.1:4010")
///     .deadline(Duration::from_secs(5))
///     .max_attempts(3)
///     .on_retry(|event| eprintln!("{event:?}"))
///     .build()?;
/// # drop(gateway);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct GatewayBuilder {
    pub(super) who: Who,
    pub(super) tokens: Option<BoxedStack>,
    pub(super) signing: Live<Option<SigningKey>>,
    pub(super) base_url: String,
    pub(super) others: Vec<Other>,
    pub(super) region: Option<String>,
    pub(super) edge: Option<String>,
    pub(super) plain_http: bool,
    quota: Live<Quota>,
    breaker: Live<breaker::Settings>,
    products: Vec<String>,
    transport: transport::Builder,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
    reconcile: ReconcileLayer,
    changes: Vec<Change>,
}

type Change = Box<dyn FnOnce(StackLayers) -> StackLayers + Send>;

impl GatewayBuilder {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            who: Who::Fixed(Live::new(credentials.authorization())),
            tokens: None,
            signing: Live::default(),
            base_url: Endpoint::TWILIO.to_owned(),
            others: Vec::new(),
            region: None,
            edge: None,
            plain_http: false,
            quota: Live::default(),
            breaker: Live::default(),
            products: Vec::new(),
            transport: ProxyTransport::builder(),
            clock: Clock::system(),
            rng: Rng::random(),
            reconcile: ReconcileLayer::new(),
            changes: Vec::new(),
        }
    }

    /// What the environment says: credentials as [`Credentials::from_env`] reads them, and
    /// `TWILIO_REGION` and `TWILIO_EDGE`.
    ///
    /// # Errors
    ///
    /// Names the variable that is missing or malformed.
    pub fn from_env() -> Result<Self, Error> {
        let mut builder = Self::new(Credentials::from_env()?);
        // What is no text becomes what is no label: refused by `build`, and not taken for unset.
        let named = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        builder.region = named("TWILIO_REGION");
        builder.edge = named("TWILIO_EDGE");
        Ok(builder)
    }

    /// Where the API is; [`Endpoint::TWILIO`] by default. Plain `http` is for loopback, unless
    /// [`allow_plain_http`](Self::allow_plain_http) says otherwise.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// The Twilio region, such as `ie1`; see [`Endpoint`].
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The Twilio edge, such as `dublin`; see [`Endpoint`].
    pub fn edge(mut self, edge: impl Into<String>) -> Self {
        self.edge = Some(edge.into());
        self
    }

    /// Credentials that may change while calls go on, in place of those that the builder was made
    /// with. A call in flight goes on with what it has, and its next attempt has the new ones. For those
    /// that expire see [`credentials_from`](Self::credentials_from).
    pub fn authorization(mut self, authorization: Live<Option<Authorization>>) -> Self {
        self.who = Who::Fixed(authorization);
        self
    }

    /// How bytes move: roots of trust, connect timeout, pool, proxies.
    pub fn transport(mut self, transport: transport::Builder) -> Self {
        self.transport = transport;
        self
    }

    /// How long a whole call may take, queues, attempts and back-off included; 35 s by default.
    pub fn deadline(self, within: impl Into<Live<Duration>>) -> Self {
        let within = within.into();
        self.layers(move |layers| StackLayers { deadline: DeadlineLayer::new(within), ..layers })
    }

    /// How long one attempt may take, its body included; 10 s by default.
    pub fn attempt_timeout(self, timeout: impl Into<Live<Duration>>) -> Self {
        let timeout = timeout.into();
        self.layers(move |layers| StackLayers {
            attempt_timeout: AttemptTimeoutLayer::new(timeout),
            ..layers
        })
    }

    /// How often a call may be tried, the first time included; 4 by default. It replaces the whole
    /// [policy](StandardPolicy), so give the policy itself where you set more of it.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.layers(move |layers| {
            let policy = StandardPolicy::new().max_attempts(attempts);
            StackLayers { retry: layers.retry.policy(policy), ..layers }
        })
    }

    /// Sees every retry before it is slept for; it must not block.
    pub fn on_retry(self, hook: impl Fn(&RetryEvent) + Send + Sync + 'static) -> Self {
        self.layers(move |layers| StackLayers { retry: layers.retry.on_retry(hook), ..layers })
    }

    /// The rate limit, per account, operation and Service; a [`Live`] one may change as calls go on.
    /// Without effect where [`layers`](Self::layers) puts another rate limit in.
    pub fn quota(mut self, quota: impl Into<Live<Quota>>) -> Self {
        self.quota = quota.into();
        self
    }

    /// Whether calls wait at the rate limit (the default) or are refused.
    pub fn when_limited(self, choice: WhenLimited) -> Self {
        self.layers(move |layers| StackLayers {
            rate_limit: layers.rate_limit.when_limited(choice),
            ..layers
        })
    }

    /// How many attempts may be under way at once, at most; 295 by default. Where Twilio says that
    /// there are too many at once (20429), or attempts time out in numbers, the limit falls for a
    /// while, though not below 10.
    pub fn max_in_flight(self, attempts: usize) -> Self {
        self.layers(move |layers| StackLayers {
            concurrency: concurrency_limit_to(attempts),
            ..layers
        })
    }

    /// When an endpoint's circuit opens, and for how long; a [`Live`] one may change as calls go on.
    /// Without effect where [`layers`](Self::layers) puts another breaker in.
    pub fn breaker(mut self, settings: impl Into<Live<breaker::Settings>>) -> Self {
        self.breaker = settings.into();
        self
    }

    /// Second tries of slow reads, off by default; see [`hedge`](crate::middleware::hedge) for what
    /// they cost. None is made while a circuit is not closed or the server throttles.
    pub fn hedge(self, settings: HedgeSettings) -> Self {
        self.layers(move |layers| {
            layers.hedge.handle().set(settings);
            layers
        })
    }

    /// Whether equal reads at the same moment share one request and its answer, off by default; see
    /// [`coalesce`](crate::middleware::coalesce) for what to mind.
    pub fn coalesce(self, yes: bool) -> Self {
        self.layers(move |layers| {
            layers.coalesce.set_enabled(yes);
            layers
        })
    }

    /// How many bytes an answer's body may have; 8 MiB by default.
    pub fn body_limit(self, bytes: usize) -> Self {
        self.layers(move |layers| StackLayers { collect: layers.collect.limit(bytes), ..layers })
    }

    /// Appends to the `User-Agent`, such as `shop/3.1`.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.products.push(product.into());
        self
    }

    /// Who knows where the program stands in a trace, such as OpenTelemetry's current span: it goes out
    /// as `traceparent`. See [`HeadersLayer::trace_context`](crate::middleware::headers::HeadersLayer::trace_context)
    /// for when it is asked; a call's own [context](crate::call::CallOptions::trace_context) goes before it.
    pub fn trace_context(
        self,
        current: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.layers(move |layers| StackLayers {
            headers: layers.headers.trace_context(current),
            ..layers
        })
    }

    /// Sends credentials over plain `http` to other machines than this one: to a sidecar on a
    /// network that you trust, say.
    pub fn allow_plain_http(mut self, allowed: bool) -> Self {
        self.plain_http = allowed;
        self
    }

    /// How lost creates are found again, in place of the default; where it has no generator of its
    /// own it draws from the builder's.
    pub fn reconcile(mut self, layer: ReconcileLayer) -> Self {
        self.reconcile = layer;
        self
    }

    /// Changes any layer of the default stack; changes are made in the order they were asked for.
    ///
    /// A layer that you make yourself has its own clock and generator, unless you hand it yours.
    pub fn layers(
        mut self,
        change: impl FnOnce(StackLayers) -> StackLayers + Send + 'static,
    ) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The clock of all layers, for a run that is to be replayed.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The generator of all jitter, for a run that is to be replayed.
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }

    /// The gateway, over a new [`ProxyTransport`].
    ///
    /// # Errors
    ///
    /// A base URL, region or edge that can't be, or roots of trust that can't be read or are missing.
    pub fn build(self) -> Result<DefaultGateway, Error> {
        let (transport, prepared) = self.prepare()?;
        Ok(prepared.over(transport))
    }

    /// The gateway over a transport of your own, such as the simulator.
    ///
    /// # Errors
    ///
    /// A base URL, region, edge or product of the `User-Agent` that can't be.
    pub fn over<T>(self, transport: T) -> Result<DefaultGateway<T>, Error>
    where
        T: HttpStack<Error: Raise> + Clone,
    {
        Ok(self.prepare_over()?.over(transport))
    }

    /// The transport, and all that goes over it.
    pub(super) fn prepare(mut self) -> Result<(ProxyTransport, Prepared), Error> {
        let mut transport = std::mem::replace(&mut self.transport, ProxyTransport::builder());
        if self.plain_http {
            transport = transport.allow_plain_http(true);
        }
        // Nothing to trust where nothing is encrypted, not even on the way to a tunnel, of which
        // loopback has none: the store of roots need not be read, nor exist.
        let endpoint = self.endpoint()?;
        let is_local = |at: &Endpoint| !at.origin().is_secure() && at.origin().is_loopback();
        // Tokens come from elsewhere, perhaps.
        let tokens = matches!(self.who, Who::OAuth(_)).then(|| transport.clone());
        if endpoint.all().all(is_local) {
            transport = transport.without_tls();
        }
        let transport = transport.build()?;
        let mut prepared = self.assemble(endpoint, tokens)?;
        prepared.pool = Some(Arc::new(transport.watch()));
        Ok((transport, prepared))
    }

    /// All that goes over a transport of the caller's.
    pub(super) fn prepare_over(self) -> Result<Prepared, Error> {
        let endpoint = self.endpoint()?;
        self.assemble(endpoint, None)
    }

    fn assemble(
        mut self,
        endpoint: Endpoint,
        tokens: Option<transport::Builder>,
    ) -> Result<Prepared, Error> {
        let mut agent = UserAgent::default();
        for product in &self.products {
            agent = agent.with(product).map_err(|error| Error::config(error.to_string()))?;
        }
        let origins = || endpoint.all().map(|at| at.origin().clone());
        let signing = SigningLayer::with_live(self.signing.clone(), origins());
        let auth = match self.supplied(tokens, &agent)? {
            Supplied::Fixed(live) => AuthLayer::with_live(live, origins()),
            Supplied::Provider(provider) => AuthLayer::from_provider(provider, origins()),
        };
        let account = auth.account();
        let parts = Parts {
            clock: self.clock,
            rng: &self.rng,
            failover: self.failover(&endpoint)?,
            quota: self.quota,
            breaker: self.breaker,
            agent,
            auth: auth.allow_insecure(self.plain_http),
            signing: signing.allow_insecure(self.plain_http),
        };
        let layers = StackLayers::new(parts);
        let layers = self.changes.into_iter().fold(layers, |layers, change| change(layers));
        let reconcile = self.reconcile.rng_or(&self.rng);
        Ok(Prepared {
            layers,
            endpoint,
            account,
            clock: self.clock,
            rng: self.rng,
            reconcile,
            pool: None,
        })
    }
}

impl fmt::Debug for GatewayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBuilder")
            // Not the text as it came: somebody may have written a password into it.
            .field("origin", &self.endpoint().ok().map(|endpoint| endpoint.origin().to_string()))
            .finish_non_exhaustive()
    }
}
