use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::{Authority, Scheme};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower::{Service, ServiceExt};

use super::resolve::Resolver;
use super::tunnel::Tunnels;
use crate::call::{BoxError, Fault, FaultKind};

type Tcp = HttpConnector<Resolver>;

/// Opens TCP connections, all of a host's addresses tried as RFC 8305 says ("happy eyeballs"),
/// through a CONNECT proxy where one was configured.
#[derive(Clone, Debug)]
pub struct DefaultConnector {
    tcp: Tcp,
    tunnelled: Option<Arc<Tunnelled>>,
}

#[derive(Debug)]
struct Tunnelled {
    tunnels: Tunnels,
    /// For CONNECT proxies that are themselves reached by `https`.
    tls: Option<Arc<ClientConfig>>,
}

impl DefaultConnector {
    pub(super) fn new(tcp: Tcp, tunnels: Option<Tunnels>, tls: Option<&ClientConfig>) -> Self {
        let tunnelled = tunnels.map(|tunnels| {
            let tls = tls.map(|tls| {
                let mut tls = tls.clone();
                // CONNECT is said in HTTP/1.1: the proxy must not choose anything else.
                tls.alpn_protocols.clear();
                Arc::new(tls)
            });
            Arc::new(Tunnelled { tunnels, tls })
        });
        Self { tcp, tunnelled }
    }
}

impl Service<Uri> for DefaultConnector {
    type Response = Socket;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Socket, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        if let Some(tunnelled) = &self.tunnelled
            && let Some(through) = tunnelled.tunnels.intercept(&target)
        {
            // A clone was never asked whether it is ready, and asks for itself.
            let (tcp, tls) = (self.tcp.clone(), tunnelled.tls.clone());
            return Box::pin(tunnel(tcp, tls, through, target));
        }
        let connecting = self.tcp.call(target);
        Box::pin(async move { Ok(Socket::new(MaybeHttpsStream::Http(connecting.await?))) })
    }
}

async fn tunnel(
    tcp: Tcp,
    tls: Option<Arc<ClientConfig>>,
    through: Intercept,
    target: Uri,
) -> Result<Socket, BoxError> {
    let target = with_port(target)?;
    let proxy = through.uri().clone();
    let stream = match (proxy.scheme_str(), tls) {
        (Some("http"), _) => {
            let tunnel = authorized(Tunnel::new(proxy, tcp), &through);
            MaybeHttpsStream::Http(tunnel.oneshot(target).await?)
        }
        (Some("https"), Some(tls)) => {
            let secured = HttpsConnector::from((tcp, tls));
            authorized(Tunnel::new(proxy, secured), &through).oneshot(target).await?
        }
        (Some("https"), None) => {
            return Err(Fault::new(
                FaultKind::Config,
                "a CONNECT proxy reached by https needs TLS",
            )
            .into());
        }
        (scheme, _) => {
            let scheme = scheme.unwrap_or_default();
            let detail = format!(
                "CONNECT proxies that speak {scheme} are not supported, only http and https"
            );
            return Err(Fault::new(FaultKind::Config, detail).into());
        }
    };
    Ok(Socket::new(stream))
}

fn authorized<C>(tunnel: Tunnel<C>, through: &Intercept) -> Tunnel<C> {
    match through.basic_auth() {
        Some(authorization) => tunnel.with_auth(authorization.clone()),
        None => tunnel,
    }
}

/// The tunnel takes 443 where a URL names no port, whatever its scheme.
fn with_port(target: Uri) -> Result<Uri, BoxError> {
    if target.port().is_some() || target.scheme() == Some(&Scheme::HTTPS) {
        return Ok(target);
    }
    let mut parts = target.into_parts();
    if let Some(authority) = parts.authority {
        parts.authority = Some(Authority::try_from(format!("{}:80", authority.host()))?);
    }
    Ok(Uri::from_parts(parts)?)
}

/// A TCP connection, or a tunnel through a CONNECT proxy that looks like one.
#[derive(Debug)]
pub struct Socket(TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>);

impl Socket {
    fn new(stream: MaybeHttpsStream<TokioIo<TcpStream>>) -> Self {
        Self(TokioIo::new(stream))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
}
