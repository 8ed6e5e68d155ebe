//! Who supplies the builder's credentials, and the small stack that tokens come over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde::Serialize;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use super::{Error, GatewayBuilder, HttpStack};
use crate::call::{Authorization, BoxError, Clock, Collected, Live, Raise, Rng};
use crate::middleware::auth::oauth::{Client, ClientCredentials};
use crate::middleware::auth::signing::SigningKey;
use crate::middleware::auth::{ProvideAuthorization, ProviderStatus};
use crate::middleware::collect::CollectLayer;
use crate::middleware::deadline::{AttemptTimeoutLayer, DeadlineLayer};
use crate::middleware::headers::{HeadersLayer, UserAgent};
use crate::middleware::lift::LiftLayer;
use crate::middleware::observe::AttemptSpanLayer;
use crate::middleware::retry::{RetryLayer, StandardPolicy};
use crate::transport;
use crate::wire::TOKEN_URL;

/// How long a token may take, all attempts and pauses included: less than a call has by default.
const DEADLINE: Duration = Duration::from_secs(12);
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a token is asked for before the renewal pauses.
const ATTEMPTS: u32 = 3;
/// The most bytes of an answer.
const LARGEST: usize = 64 * 1024;

/// Who supplies credentials.
pub(super) enum Who {
    Fixed(Live<Option<Authorization>>),
    Provider(Arc<dyn ProvideAuthorization>),
    OAuth(Client),
}

impl GatewayBuilder {
    /// Credentials from whoever supplies them, in place of those that the builder was made with: a
    /// [file](crate::middleware::auth::FileCredentials), a
    /// [function](crate::middleware::auth::FnCredentials), or a provider of your own. The gateway's
    /// type stays the same. See the [guide](crate::guide::credentials).
    ///
    /// Calls are counted under the account that the provider states as the gateway is built, if it
    /// states one.
    pub fn credentials_from(mut self, provider: impl ProvideAuthorization) -> Self {
        self.who = Who::Provider(Arc::new(provider));
        self
    }

    /// Signs each request with a private key, for an account that wants
    /// [client validation](crate::middleware::auth::signing). The gateway's credentials have to be the
    /// key's own API key. Give it a [`Live`] handle, and the key may change while calls go on.
    pub fn sign_with(mut self, key: impl Into<Live<Option<SigningKey>>>) -> Self {
        self.signing = key.into();
        self
    }

    /// Tokens for a client of an OAuth app, in place of the credentials that the builder was made
    /// with, from Twilio's token endpoint.
    /// <https://www.twilio.com/docs/iam/oauth-apps>
    ///
    /// ```
    /// use twilio_proxy::gateway::Gateway;
    /// use twilio_proxy::middleware::auth::Credentials;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let roots = twilio_proxy::transport::ProxyTransport::builder().without_tls();
    /// let gateway = Gateway::builder(Credentials::none())
    ///     .oauth("OQaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "hush")
    /// #   .transport(roots)
    ///     .build()?;
    /// // Nothing is asked before the first call.
    /// assert_eq!(gateway.health().credentials.unwrap().source, "oauth");
    /// # Ok(())
    /// # }
    /// ```
    pub fn oauth(self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.oauth_client(Client::new(TOKEN_URL, id, secret.into()))
    }

    /// The same with settings: another token endpoint, a scope, the account that calls are counted
    /// under.
    ///
    /// Tokens are asked for over a stack of their own: 12 s in all, three attempts of 5 s each, the
    /// builder's [`transport`](Self::transport) settings on connections of their own. Where the
    /// gateway goes [over](Self::over) a transport of yours, so must they:
    /// [`token_transport`](Self::token_transport).
    pub fn oauth_client(mut self, client: Client) -> Self {
        self.who = Who::OAuth(client);
        self
    }

    /// What the requests for tokens go over, in place of a
    /// [`ProxyTransport`](crate::transport::ProxyTransport).
    pub fn token_transport<T>(mut self, transport: T) -> Self
    where
        T: HttpStack<Error: Raise, Future: Send, ResponseBody: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.tokens = Some(boxed(transport));
        self
    }

    /// The builder's credentials, or who supplies them.
    pub(super) fn supplied(
        &mut self,
        transport: Option<transport::Builder>,
        agent: &UserAgent,
    ) -> Result<Supplied, Error> {
        let client = match std::mem::replace(&mut self.who, Who::Fixed(Live::default())) {
            Who::Fixed(live) => return Ok(Supplied::Fixed(live)),
            Who::Provider(provider) => return Ok(Supplied::Provider(provider)),
            Who::OAuth(client) if self.plain_http => client.allow_insecure(true),
            Who::OAuth(client) => client,
        };
        let over = match (self.tokens.take(), transport) {
            (Some(over), _) => over,
            // As for the API: nothing to trust where nothing is encrypted.
            (None, Some(transport)) if client.is_plain() => boxed(transport.without_tls().build()?),
            (None, Some(transport)) => boxed(transport.build()?),
            (None, None) => {
                let missing = "tokens can't be asked for: the gateway goes over a transport of its \
                               own, and `token_transport` says none for them";
                return Err(Error::config(missing.to_owned()));
            }
        };
        let stack = token_stack(over, agent, self.clock, &self.rng);
        let provider = ClientCredentials::with(client, stack, self.clock, self.rng.clone())?;
        Ok(Supplied::Provider(Arc::new(provider)))
    }
}

/// What becomes an `AuthLayer`.
pub(super) enum Supplied {
    Fixed(Live<Option<Authorization>>),
    Provider(Arc<dyn ProvideAuthorization>),
}

/// What tokens are asked for over, at the bottom.
pub(super) type TokenTransport =
    BoxCloneSyncService<Request<Full<Bytes>>, Response<Collected>, BoxError>;

/// Behind a pointer: a token is asked for once an hour, and the builder's type must not know.
fn boxed<T>(transport: T) -> TokenTransport
where
    T: HttpStack<Error: Raise, Future: Send, ResponseBody: Send> + Clone + Send + Sync + 'static,
{
    let whole = ServiceBuilder::new()
        .layer(LiftLayer::new())
        // Around collect: a body that trickles is as late as a head that doesn't come.
        .layer(AttemptTimeoutLayer::new(ATTEMPT_TIMEOUT))
        .layer(CollectLayer::new().limit(LARGEST))
        .service(transport);
    BoxCloneSyncService::new(whole)
}

/// What tokens are asked for over. No limit and no circuit: one request is under way at a time, and the
/// renewal pauses by itself after failures.
fn token_stack(
    over: TokenTransport,
    agent: &UserAgent,
    clock: Clock,
    rng: &Rng,
) -> impl HttpStack<Error = BoxError, Future: Send, ResponseBody = Collected>
+ Clone
+ Send
+ Sync
+ 'static
+ use<> {
    ServiceBuilder::new()
        .layer(DeadlineLayer::new(DEADLINE))
        .layer(
            RetryLayer::new()
                .policy(StandardPolicy::new().max_attempts(ATTEMPTS))
                .clock(clock)
                .rng(rng.clone()),
        )
        .layer(AttemptSpanLayer::new())
        .layer(HeadersLayer::new(agent.clone()).rng(rng))
        .service(over)
}

/// Whoever supplies the credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CredentialsHealth {
    /// `oauth`, `file`, `function`, or what a provider of your own calls itself.
    pub source: &'static str,
    /// How old the credentials are that calls get, if there are any.
    pub age_ms: Option<u64>,
    /// How long they are still good for, if they expire.
    pub expires_in_ms: Option<u64>,
    /// Failed renewals since the last that went well.
    pub failures: u32,
    /// What the last of them failed for.
    pub problem: Option<String>,
}

impl From<ProviderStatus> for CredentialsHealth {
    fn from(status: ProviderStatus) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            source: status.source,
            age_ms: status.age.map(millis),
            expires_in_ms: status.expires_in.map(millis),
            failures: status.failures,
            problem: status.problem,
        }
    }
}
