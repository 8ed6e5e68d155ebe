use tower::Layer;

use super::Forward;

/// Forwards requests of other programs: see the [module](super).
///
/// ```
/// use tower::Layer;
/// use twilio_proxy::gateway::{ForwardLayer, Gateway};
/// use twilio_proxy::middleware::auth::Credentials;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "secret");
/// let gateway = Gateway::builder(credentials).base_url("http://127.0.0.1:4010").build()?;
/// let forward = ForwardLayer::new().callers_credentials(true).layer(gateway);
/// # drop(forward);
/// # Ok(())
/// # }
/// ```
///
/// # Layer order
///
/// Outermost, around a [`Reconcile`](crate::gateway::Reconcile): without it, a named create whose
/// answer was lost is reported as refused with an unknown effect. What bounds a server's
/// connections, bodies and time belongs outside, before a request is whole.
///
/// # Cancellation
///
/// Dropping the future, as a server does whose client has gone, gives the call up: attempts,
/// queues and looks. What a create has done by then is unknown, and nobody is left to be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForwardLayer {
    pub(super) callers_credentials: bool,
}

impl ForwardLayer {
    /// Forwards with the gateway's credentials. Whoever may connect acts for its account.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether calls are made with the caller's own credentials, and with no others: a request
    /// without an `Authorization` is answered 401. Off by default: the caller's are dropped, so
    /// that a client which insists on credentials may have made-up ones.
    ///
    /// The header is taken off the request, and put on each attempt by the [auth](crate::middleware::auth)
    /// layer, below spans and retries. Quotas count by the account that it names; those of API keys
    /// and tokens, which name none, are counted as one.
    #[must_use]
    pub fn callers_credentials(mut self, yes: bool) -> Self {
        self.callers_credentials = yes;
        self
    }
}

impl<G> Layer<G> for ForwardLayer {
    type Service = Forward<G>;

    fn layer(&self, gateway: G) -> Forward<G> {
        Forward::new(gateway, *self)
    }
}
