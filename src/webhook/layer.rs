use std::time::Duration;

use tower::Layer;

use super::{PublicUrl, Tokens, ValidateSignature};
use crate::call::Live;

/// The default cap on a body, in bytes: 256 KiB.
///
/// Proxy's callbacks have some 50 parameters, 3 KB in all, and the results of add-ons may come on top.
pub const DEFAULT_LIMIT: usize = 256 * 1024;

/// The default time for a body to come: 5 s.
///
/// Twilio has its body ready when it calls, and waits 15 s for the answer.
/// <https://www.twilio.com/docs/errors/11205>
pub const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets callbacks through that Twilio has signed, and answers all others itself. See the
/// [module](super) for what is checked.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use std::convert::Infallible;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use twilio_proxy::webhook::{AuthToken, PublicUrl, ValidateSignatureLayer, signed_form};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let token = AuthToken::new("12345")?;
/// let url = PublicUrl::new("https://hooks.example.com")?;
/// let server = ServiceBuilder::new().layer(ValidateSignatureLayer::new(token.clone(), url)).service(
///     service_fn(|callback: Request<Full<Bytes>>| async {
///         Ok::<_, Infallible>(Response::new(callback.into_body()))
///     }),
/// );
///
/// let parameters = [("interactionType", "Voice")];
/// let genuine = signed_form(&token, "https://hooks.example.com/intercept", parameters)?;
/// assert_eq!(server.clone().oneshot(genuine).await?.status(), StatusCode::OK);
///
/// // The same signature at another place.
/// let mut moved = signed_form(&token, "https://hooks.example.com/intercept", parameters)?;
/// *moved.uri_mut() = "/status".parse()?;
/// assert_eq!(server.oneshot(moved).await?.status(), StatusCode::FORBIDDEN);
/// # Ok(())
/// # }
/// ```
///
/// The answers of its own have an empty body, and are made for any body that has a `Default`, such
/// as axum's. The error type stays the inner service's.
///
/// # Layer order
///
/// Outside everything that changes the path, the query or the body: a router that takes off the
/// prefix of a nest, a decompression. With axum that is `Router::layer` on the outermost router;
/// on a nested one, [`PublicUrl`] carries the prefix. Inside whatever limits connections, so that
/// what is refused counts as well. The body that it hands on is here, whole, and as it came.
///
/// # Cancellation
///
/// Dropping the response future drops the body where it is, or the inner future. Nothing else is in it.
#[derive(Clone, Debug)]
pub struct ValidateSignatureLayer {
    pub(super) tokens: Live<Tokens>,
    pub(super) url: PublicUrl,
    pub(super) limit: usize,
    pub(super) timeout: Duration,
}

impl ValidateSignatureLayer {
    /// The tokens that sign, or a handle on them, and what the server is called by Twilio.
    #[must_use]
    pub fn new(tokens: impl Into<Live<Tokens>>, url: PublicUrl) -> Self {
        Self { tokens: tokens.into(), url, limit: DEFAULT_LIMIT, timeout: DEFAULT_BODY_TIMEOUT }
    }

    /// Sets the cap on a body, in bytes. Default: [`DEFAULT_LIMIT`]. One that announces more is
    /// refused before it is read.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Sets how long a body may take to come. Default: [`DEFAULT_BODY_TIMEOUT`].
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The handle on the tokens: what is set through it counts from the next callback on.
    #[must_use]
    pub fn tokens(&self) -> Live<Tokens> {
        self.tokens.clone()
    }
}

impl<S> Layer<S> for ValidateSignatureLayer {
    type Service = ValidateSignature<S>;

    fn layer(&self, inner: S) -> ValidateSignature<S> {
        ValidateSignature::new(inner, self.clone())
    }
}
