use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tower::{Service, ServiceExt};

use super::{Client, answer};
use crate::call::{BoxError, Clock, Fault, FaultKind, Live, Rng, Sid};
use crate::middleware::auth::Grant;
use crate::middleware::auth::provider::Pending;
use crate::middleware::auth::renewal::{Renewal, Source, provides_its_renewal};

/// The most bytes of an answer: many times what a token takes.
const LARGEST: usize = 64 * 1024;

/// Bearer tokens from a token endpoint, each for as long as it lives. See the [module](super).
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::call::{BoxError, Origin};
/// use twilio_proxy::middleware::auth::AuthLayer;
/// use twilio_proxy::middleware::auth::oauth::{Client, ClientCredentials};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// // Stands for the token endpoint; give a stack with a timeout and a retry of its own here.
/// let endpoint = service_fn(|_: Request<Full<Bytes>>| async {
///     let body = r#"{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}"#;
///     Ok::<_, BoxError>(Response::new(Full::new(Bytes::from(body))))
/// });
/// let client = Client::new("https://id.example/token", "our-id", "hush");
/// let provider = ClientCredentials::new(client, endpoint)?;
///
/// let origin = Origin::of(&"https://api.example".parse()?)?;
/// let stack = ServiceBuilder::new().layer(AuthLayer::from_provider(provider, [origin])).service(
///     service_fn(|request: Request<Full<Bytes>>| async move {
///         assert_eq!(request.headers()["authorization"], "Bearer t0ken");
///         Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
///     }),
/// );
/// stack.oneshot(Request::builder().uri("https://api.example/").body(Full::default())?).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
///
/// Calls that wait may be dropped: the request for a token is polled by those that are left, and else kept
/// for the next call to go on with, or dropped with the provider. There is at most one, and nothing
/// runs by itself.
#[derive(Clone)]
pub struct ClientCredentials {
    renewal: Renewal<TokenEndpoint>,
}

type Asked = Pending<Result<(Parts, Bytes), BoxError>>;

struct TokenEndpoint {
    client: Live<Client>,
    ask: Arc<dyn Fn(Request<Full<Bytes>>) -> Asked + Send + Sync>,
    clock: Clock,
}

impl ClientCredentials {
    /// Tokens for this client, asked for over `service`: a stack with a timeout and a retry of its
    /// own. A token that is asked for twice harms nobody, and its [`CallFacts`](crate::call::CallFacts)
    /// say so.
    ///
    /// # Errors
    ///
    /// [`Config`](FaultKind::Config): the token URL can't be, is plain `http` to another machine, or
    /// id or secret are empty.
    pub fn new<S, B>(client: Client, service: S) -> Result<Self, Fault>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send,
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        Self::with(client, service, Clock::system(), Rng::random())
    }

    /// The same with a clock, by which dates in `Retry-After` are read, and a generator for the
    /// jitter: for a run that is to be replayed.
    ///
    /// # Errors
    ///
    /// As [`ClientCredentials::new`].
    pub fn with<S, B>(client: Client, service: S, clock: Clock, rng: Rng) -> Result<Self, Fault>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send,
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        client.checked()?;
        let ask = move |request| -> Asked {
            let asked = service.clone().oneshot(request);
            Box::pin(async move {
                let (head, body) = asked.await.map_err(Into::into)?.into_parts();
                let body = Limited::new(body, LARGEST).collect().await?;
                Ok((head, body.to_bytes()))
            })
        };
        let endpoint = TokenEndpoint { client: Live::new(client), ask: Arc::new(ask), clock };
        Ok(Self { renewal: Renewal::new(endpoint, rng) })
    }

    /// Another id or secret from now on. The token that there is goes on being used while the next
    /// call has another one fetched; a pause after failures is over.
    ///
    /// The account that quotas are counted under stays what it was when the stack was built.
    ///
    /// # Errors
    ///
    /// As [`ClientCredentials::new`]; nothing is changed then.
    pub fn set_client(&self, client: Client) -> Result<(), Fault> {
        client.checked()?;
        self.renewal.source().client.set(client);
        self.renewal.renew();
        Ok(())
    }
}

impl Source for TokenEndpoint {
    const NAME: &'static str = "oauth";
    const KEEPS_REJECTED: bool = false;

    fn ask(&self, _afresh: bool) -> Pending<Result<Grant, Fault>> {
        let (client, ask, clock) = (self.client.snapshot(), Arc::clone(&self.ask), self.clock);
        Box::pin(async move {
            let request = client.request(client.checked()?);
            let (head, body) = ask(request).await.map_err(unreachable)?;
            answer::read(&head, &body, client.stated_account(), &clock)
        })
    }

    fn account(&self) -> Option<Sid> {
        self.client.read(Client::stated_account)
    }
}

/// No answer came. Whatever was done at the endpoint, nothing was done at the API.
fn unreachable(error: BoxError) -> Fault {
    let wait = Fault::find(&*error).and_then(Fault::retry_after);
    let fault = Fault::new(FaultKind::Credentials, "the token endpoint gave no answer");
    let fault = fault.with_source(error);
    match wait {
        Some(wait) => fault.with_retry_after(wait),
        None => fault,
    }
}

provides_its_renewal!(ClientCredentials);

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client", &*self.renewal.source().client.snapshot())
            .field("status", &self.renewal.status())
            .finish()
    }
}
