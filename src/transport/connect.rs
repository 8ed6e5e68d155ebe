use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

use super::fault::{ConnectTimeout, unwrap_io};
use super::io::Io;
use crate::call::BoxError;

/// What opens byte streams for the transport: any `tower::Service<Uri>` whose response is one of
/// tokio's, such as a `TcpStream` or a `UnixStream`.
///
/// It is asked with the scheme and authority of the request and the path `/`. TLS, where the scheme
/// is `https`, is put over what it returns. Implemented for every service that fits; there is
/// nothing to implement by hand.
pub trait Connect: Send + Sync + 'static {
    /// The byte stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens one.
    fn open(
        &self,
        to: Uri,
    ) -> impl Future<Output = Result<Self::Stream, BoxError>> + Send + 'static;
}

impl<S> Connect for S
where
    S: Service<Uri> + Clone + Send + Sync + 'static,
    S::Response: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Stream = S::Response;

    fn open(
        &self,
        to: Uri,
    ) -> impl Future<Output = Result<S::Response, BoxError>> + Send + 'static {
        let opening = self.clone().oneshot(to);
        async move { opening.await.map_err(Into::into) }
    }
}

/// A [`Connect`] with TLS over it and one timeout around it all.
pub(super) struct Connector<C> {
    // The pool clones its connector twice a request, so a clone is one reference count.
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    way: Way<C>,
    timeout: Option<Duration>,
}

enum Way<C> {
    /// TLS for `https`, the bare stream for `http`.
    ByScheme(HttpsConnector<Bare<C>>),
    /// The bare stream whatever the scheme.
    Bare(Bare<C>),
}

impl<C: Connect> Connector<C> {
    pub(super) fn new(
        connector: C,
        tls: Option<rustls::ClientConfig>,
        timeout: Option<Duration>,
    ) -> Self {
        let bare = Bare(Arc::new(connector));
        let way = match tls {
            Some(tls) => Way::ByScheme(HttpsConnector::from((bare, tls))),
            None => Way::Bare(bare),
        };
        Self { shared: Arc::new(Shared { way, timeout }) }
    }
}

impl<C: Connect> Shared<C> {
    async fn open(&self, to: Uri) -> Result<MaybeHttpsStream<Io<C::Stream>>, BoxError> {
        match &self.way {
            Way::ByScheme(connector) => {
                let mut connector = connector.clone();
                poll_fn(|cx| connector.poll_ready(cx)).await?;
                connector.call(to).await
            }
            Way::Bare(bare) => Ok(MaybeHttpsStream::Http(Io::new(bare.0.open(to).await?))),
        }
    }
}

impl<C> Clone for Connector<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<C> fmt::Debug for Connector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("timeout", &self.shared.timeout).finish_non_exhaustive()
    }
}

type Opening<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl<C: Connect> Service<Uri> for Connector<C> {
    type Response = MaybeHttpsStream<Io<C::Stream>>;
    type Error = BoxError;
    type Future = Opening<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let opening = shared.open(to);
            let opened = match shared.timeout {
                // hyper-util's own connect timeout is for TCP alone: a server that accepts and then
                // never answers the TLS handshake would hold the call for ever.
                Some(timeout) => match tokio::time::timeout(timeout, opening).await {
                    Ok(opened) => opened,
                    Err(_) => return Err(ConnectTimeout(timeout).into()),
                },
                None => opening.await,
            };
            opened.map_err(unwrap_io)
        })
    }
}

/// A [`Connect`] as hyper-rustls wants what it puts TLS over.
struct Bare<C>(Arc<C>);

impl<C> Clone for Bare<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Connect> Service<Uri> for Bare<C> {
    type Response = Io<C::Stream>;
    type Error = BoxError;
    type Future = Opening<Io<C::Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let opening = self.0.open(to);
        Box::pin(async move { opening.await.map(Io::new) })
    }
}
