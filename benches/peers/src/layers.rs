//! What the layers cost by themselves: the default stack over a service that answers at once, with nothing to
//! do, against the identical request over none.
//!
//! The bench `overhead` has each layer's time. This is for the goals: in turns and by the thread's CPU time, so
//! that whatever else the machine does falls out.

use tokio::runtime::Runtime;
use tower::{BoxError, ServiceBuilder};
use twilio_proxy::call::{AccountSid, ServiceSid, SessionSid};
use twilio_proxy::gateway::{Gateway, GatewayExt};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials};
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::wire::Endpoint;

use crate::WIDE_OPEN;
use crate::clients::{Batch, run};
use crate::instantly::Instantly;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// Headers and authorization, or the requests would differ.
    SameRequest,
    /// The default stack.
    DefaultStack,
    /// The same behind a box.
    Boxed,
}

impl Layers {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SameRequest, Self::DefaultStack, Self::Boxed];

    /// For arguments.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::SameRequest => "layers_same_request",
            Self::DefaultStack => "layers_default_stack",
            Self::Boxed => "layers_boxed",
        }
    }

    /// By its key.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layers| layers.key() == key)
    }
}

/// Ready to be called.
pub fn batch(layers: Layers, runtime: &Runtime) -> Result<Batch<'_>, BoxError> {
    let _entered = runtime.enter();
    let account: AccountSid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let service: ServiceSid = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let session: SessionSid = "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
    let fetch = FetchSession::new(service, session);
    let credentials = Credentials::auth_token(account, "not-a-secret");
    let endpoint = Endpoint::new(Endpoint::TWILIO)?;
    let bare = Instantly::default();
    if layers == Layers::SameRequest {
        let stack = ServiceBuilder::new()
            .layer(HeadersLayer::default())
            .layer(AuthLayer::new(&credentials, [endpoint.origin().clone()]))
            .service(bare);
        let gateway = Gateway::new(stack, endpoint);
        return Ok(run(runtime, move || {
            let sent = gateway.send(fetch.clone());
            async move { sent.await.is_ok() }
        }));
    }
    let quota = Quota::per_second(WIDE_OPEN).burst(WIDE_OPEN);
    let gateway = Gateway::builder(credentials).quota(quota).over(bare)?;
    Ok(if layers == Layers::Boxed {
        let boxed = gateway.boxed();
        run(runtime, move || {
            let sent = boxed.send(fetch.clone());
            async move { sent.await.is_ok() }
        })
    } else {
        run(runtime, move || {
            let sent = gateway.send(fetch.clone());
            async move { sent.await.is_ok() }
        })
    })
}
