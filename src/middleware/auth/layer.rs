use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, header};
use tower::Layer;

use super::provider::{ProvideAuthorization, ProviderStatus};
use super::{Auth, Credentials};
use crate::call::{Authorization, Live, Origin, Sid};

/// Attaches credentials to requests for certain origins. See the [module](super) for which.
///
/// A call may bring its own credentials in
/// [`CallOptions::authorization`](crate::call::CallOptions::authorization), such as a subaccount's;
/// they take the place of the layer's, and the same origins are allowed to them. An `Authorization`
/// header that is on the request already is replaced.
///
/// Credentials that expire, or that somebody else changes, come from a
/// [provider](ProvideAuthorization). A call waits where it has none at hand, and is otherwise no
/// slower for it. A 401 has the provider look for others; if there are, the layer notes it in the
/// [`CallFacts`](crate::call::CallFacts), and a [`Retry`](crate::middleware::retry::Retry) above makes
/// the call once more. Without a retry above, the 401 goes up.
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
/// Dropping the response future drops the inner one, and its part in the wait for a provider's
/// credentials: others who wait for the same go on waiting. A call that is dropped while it waits was
/// not sent.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    live: Live<Option<Authorization>>,
    /// Asked where `live` has none.
    provider: Option<Arc<dyn ProvideAuthorization>>,
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
        let origins = origins.into_iter().collect();
        Self { live, provider: None, origins, allow_insecure: false }
    }

    /// Credentials from whoever supplies them, asked anew for each attempt.
    #[must_use]
    pub fn from_provider(
        provider: impl ProvideAuthorization,
        origins: impl IntoIterator<Item = Origin>,
    ) -> Self {
        let layer = Self::with_live(Live::default(), origins);
        Self { provider: Some(Arc::new(provider)), ..layer }
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
    ///
    /// Where a provider supplies them it is empty, and what is set takes the place of the provider's,
    /// until it is set to `None` again: for the day on which the provider is what is broken.
    #[must_use]
    pub fn live(&self) -> Live<Option<Authorization>> {
        self.live.clone()
    }

    /// Who is asked, where the [handle](Self::live) has none.
    pub(super) fn provider(&self) -> Option<&Arc<dyn ProvideAuthorization>> {
        self.provider.as_ref()
    }

    /// The account that the credentials are for, where it is known by now.
    #[must_use]
    pub fn account(&self) -> Option<Sid> {
        let fixed = self.live.read(|own| own.as_ref().and_then(Authorization::account));
        fixed.or_else(|| self.provider.as_ref()?.account())
    }

    /// How the provider does, if there is one.
    #[must_use]
    pub fn provider_status(&self) -> Option<ProviderStatus> {
        self.provider.as_ref().map(|provider| provider.status())
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

impl AuthLayer {
    /// Whether the `Host` that a request names itself, if it does, is one of those that credentials may
    /// go to: whatever stands before the API may send requests on by it.
    pub(super) fn admit_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        let Some(host) = headers.get(header::HOST) else { return Ok(()) };
        let authority = Authority::try_from(host.as_bytes()).ok();
        let named = authority.and_then(|authority| {
            let named = Uri::builder().scheme(uri.scheme_str()?).authority(authority);
            named.path_and_query("/").build().ok()
        });
        if named.is_some_and(|named| self.origins.iter().any(|origin| origin.matches(&named))) {
            return Ok(());
        }
        Err("not sent: the credentials are not meant for what the Host header names".to_owned())
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth::new(inner, self.clone())
    }
}
