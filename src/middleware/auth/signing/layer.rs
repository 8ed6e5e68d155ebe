use http::{HeaderName, header};
use tower::Layer;

use super::work::Bench;
use super::{Signing, SigningKey};
use crate::call::{Clock, Live, Origin};
use crate::middleware::auth::allowed::Allowed;

/// Signs requests for certain origins with a private key. See the [module](super) for when and why.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::auth::signing::SigningLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// // Without a key it lets everything pass; `layer.live()` gives it one while calls go on.
/// let layer = SigningLayer::off();
/// let service = layer.layer(service_fn(|request: Request<Full<Bytes>>| async move {
///     assert!(!request.headers().contains_key("twilio-client-validation"));
///     Ok::<_, BoxError>(Response::new(()))
/// }));
/// service.oneshot(Request::get("https://proxy.twilio.com/").body(Full::default())?).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A fault of kind [`Config`](crate::call::FaultKind::Config), and nothing is sent: where the request
/// goes to an origin that is not on the list, or is authorized by anything else than the key's own API
/// key (Twilio would refuse it), or can't be signed since the runtime is shutting down.
///
/// # Layer order
///
/// Right below [`Auth`](crate::middleware::auth::Auth), for the authorization is part of what is signed;
/// below retry and failover, for each attempt wants a signature of its own time and place; and below every
/// layer that changes method, URI, body, or a header that is signed. Above
/// [`AttemptTimeout`](crate::middleware::deadline::AttemptTimeout): the time a signature takes is ours and
/// not the server's. The deadline of the call covers it.
///
/// # Cancellation
///
/// A call that is dropped while it waits for its signature was not sent. A signature that a thread is
/// computing at that moment is finished, within a millisecond, and thrown away; one that was not begun
/// never is.
#[derive(Clone, Debug)]
pub struct SigningLayer {
    pub(super) live: Live<Option<SigningKey>>,
    pub(super) allowed: Allowed,
    pub(super) names: Vec<HeaderName>,
    pub(super) clock: Clock,
    /// Where signatures are made; `None` for right here.
    pub(super) bench: Option<Bench>,
}

impl SigningLayer {
    /// A key, and the origins that signed requests may go to.
    #[must_use]
    pub fn new(key: SigningKey, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self::with_live(Live::new(Some(key)), origins)
    }

    /// No key, until the [handle](Self::live) gives it one, and no origin.
    #[must_use]
    pub fn off() -> Self {
        Self::with_live(Live::new(None), [])
    }

    /// A key behind a handle, which something else may share and change.
    #[must_use]
    pub fn with_live(
        live: Live<Option<SigningKey>>,
        origins: impl IntoIterator<Item = Origin>,
    ) -> Self {
        Self {
            live,
            allowed: Allowed::new(origins),
            names: vec![header::AUTHORIZATION, header::HOST],
            clock: Clock::system(),
            bench: Some(Bench::new()),
        }
    }

    /// One more header that is signed, where a request has it: something below that changes it on the
    /// way would show. `Authorization` and `Host` always are.
    #[must_use]
    pub fn sign_header(mut self, name: HeaderName) -> Self {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        self
    }

    /// What time it is: the system's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Whether signatures are made in the task of the call itself, instead of on tokio's threads for
    /// blocking work. See the [module](super#where-it-is-computed) for what that does to other calls.
    ///
    /// Off by default. For executors that do nothing but a few such calls.
    #[must_use]
    pub fn in_place(mut self, yes: bool) -> Self {
        self.bench = (!yes).then(Bench::new);
        self
    }

    /// Lets signed requests go over plain `http` to other machines.
    ///
    /// Off by default. For a network that protects what it carries by other means, such as a mesh.
    #[must_use]
    pub fn allow_insecure(mut self, allow: bool) -> Self {
        self.allowed = self.allowed.insecure(allow);
        self
    }

    /// The handle on the key: what is set through it counts from the next attempt on.
    #[must_use]
    pub fn live(&self) -> Live<Option<SigningKey>> {
        self.live.clone()
    }
}

impl<S> Layer<S> for SigningLayer {
    type Service = Signing<S>;

    fn layer(&self, inner: S) -> Signing<S> {
        Signing::new(inner, self)
    }
}
