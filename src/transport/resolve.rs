use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::call::BoxError;

/// The host of a URL, as a resolver is asked for it: never an address, those are not looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(Name);

impl HostName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whoever looks names up: the operating system, or the caller's own service.
#[derive(Clone)]
pub(super) enum Resolver {
    System(GaiResolver),
    Custom(BoxCloneSyncService<HostName, vec::IntoIter<SocketAddr>, BoxError>),
}

impl Resolver {
    pub(super) fn system() -> Self {
        Self::System(GaiResolver::new())
    }

    pub(super) fn custom<R>(resolver: R) -> Self
    where
        R: Service<HostName> + Clone + Send + Sync + 'static,
        R::Response: IntoIterator<Item = SocketAddr>,
        R::Error: Into<BoxError>,
        R::Future: Send + 'static,
    {
        // Collected, so that the iterator's type needs no name: a look-up gives a handful.
        let resolver = resolver
            .map_response(|addresses| addresses.into_iter().collect::<Vec<_>>().into_iter())
            .map_err(Into::into);
        Self::Custom(BoxCloneSyncService::new(resolver))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System(_) => "System",
            Self::Custom(_) => "Custom",
        })
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::System(_) => Poll::Ready(Ok(())),
            Self::Custom(resolver) => resolver.poll_ready(cx),
        }
    }

    fn call(&mut self, name: Name) -> Self::Future {
        match self {
            Self::System(resolver) => {
                let looking = resolver.call(name);
                Box::pin(async move { Ok(looking.await?.collect::<Vec<_>>().into_iter()) })
            }
            Self::Custom(resolver) => Box::pin(resolver.call(HostName(name))),
        }
    }
}
