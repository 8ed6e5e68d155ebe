use std::sync::Arc;

use http::{HeaderValue, Uri};
use tower::Layer;

use super::{Auth, Credentials};
use crate::call::{Authorization, Live, Origin};

/// Attaches credentials to requests for certain origins. See the [module](super) for which.
///
/// A call may bring its own credentials in
/// [`CallOptions::authorization`](crate::call::CallOptions::authorization), such as a subaccount's;
/// they take the place of the layer's, and the same origins are allowed to them. An `Authorization`
/// header that is on the request already is replaced.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::call::{AccountSid, BoxError, Origin};
/// use twilio_proxy::middleware::auth::{AuthLayer, Credentials};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let account = AccountSid::new("AC00000000000000000000000000000000")?;
/// let origin = Origin::of(&"https://proxy.twilio.com".parse()?)?;
/// let auth = AuthLayer::new(&Credentials::auth_token(account, "first"), [origin]);
/// let live = auth.live();
///
/// let stack = ServiceBuilder::new().layer(auth).service(service_fn(
///     |request: Request<Full<Bytes>>| async move {
///         assert!(request.headers()["authorization"].is_sensitive());
///         Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
///     },
/// ));
/// let to = |uri| Request::builder().uri(uri).body(Full::default());
/// stack.clone().oneshot(to("https://proxy.twilio.com/v1/Services")?).await?;
///
/// // Somewhere else, even with the same host, nothing is sent at all.
/// assert!(stack.clone().oneshot(to("https://proxy.twilio.com:8443/")?).await.is_err());
///
/// // The token is changed while the stack runs.
/// live.set(Credentials::auth_token(account, "second").authorization());
/// # Ok(())
/// # }
/// ```
///
/// # Layer order
///
/// Below retry, so that no request that is kept for a replay holds a secret and a replay gets the
/// credentials of its own time. Below the spans, so that none of them sees the header. Above a
/// layer that signs requests, and below one that rewrites where a request goes: what counts is
/// where it goes in the end.
///
/// # Cancellation
///
/// Dropping the response future drops the inner one; there is nothing else in it.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    live: Live<Option<Authorization>>,
    origins: Arc<[Origin]>,
    allow_insecure: bool,
}

impl AuthLayer {
    /// Credentials, and the origins that they may be sent to.
    #[must_use]
    pub fn new(credentials: &Credentials, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self::with_live(Live::new(credentials.authorization()), origins)
    }

    /// Credentials behind a handle, which something else may share and change.
    #[must_use]
    pub fn with_live(
        live: Live<Option<Authorization>>,
        origins: impl IntoIterator<Item = Origin>,
    ) -> Self {
        Self { live, origins: origins.into_iter().collect(), allow_insecure: false }
    }

    /// Lets credentials go over plain `http` to other machines, readable for all on the way.
    ///
    /// Off by default. For a network that protects what it carries by other means, such as a mesh.
    #[must_use]
    pub fn allow_insecure(mut self, allow: bool) -> Self {
        self.allow_insecure = allow;
        self
    }

    /// The handle on the credentials: what is set through it counts from the next attempt on.
    #[must_use]
    pub fn live(&self) -> Live<Option<Authorization>> {
        self.live.clone()
    }

    /// The header for a request: of the call's own credentials, or of the layer's.
    pub(super) fn header(&self, wanted: Option<&Authorization>) -> Option<HeaderValue> {
        let header = |authorization: &Authorization| authorization.header().clone();
        wanted.map(header).or_else(|| self.live.read(|own| own.as_ref().map(header)))
    }

    /// Whether credentials may go there, or why not.
    pub(super) fn admit(&self, uri: &Uri) -> Result<(), String> {
        let Some(origin) = self.origins.iter().find(|origin| origin.matches(uri)) else {
            let origin = Origin::of(uri).map(|origin| origin.to_string());
            let origin = origin.unwrap_or_else(|_| "a URL without a clear origin".to_owned());
            return Err(format!("not sent: the credentials are not meant for {origin}"));
        };
        if origin.is_secure() || origin.is_loopback() || self.allow_insecure {
            return Ok(());
        }
        Err(format!("not sent: the credentials would go over plain http to {origin}"))
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth::new(inner, self.clone())
    }
}
