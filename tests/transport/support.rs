//! Servers that do what a script says, and the requests that are sent to them.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use twilio_proxy::call::{CallFacts, Fault, Idempotency};
use twilio_proxy::transport::{Connect, ProxyTransport, ResponseBody};

use super::{Make, Transport};

/// The ceiling of every wait for something that must come.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it comes in the end")
}

/// A transport that does no TLS and asks no environment.
pub(crate) fn plain() -> Transport {
    ProxyTransport::builder().without_tls().tunnel_from_env(false).made().expect("settings")
}

pub(crate) fn request(method: Method, uri: &str, body: &'static str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().expect("a URI");
    request
}

pub(crate) fn get(uri: &str) -> Request<Full<Bytes>> {
    request(Method::GET, uri, "")
}

pub(crate) fn post(uri: &str) -> Request<Full<Bytes>> {
    request(Method::POST, uri, "Mode=voice-only")
}

/// The request with facts to watch.
pub(crate) fn watched(mut request: Request<Full<Bytes>>) -> (Request<Full<Bytes>>, Arc<CallFacts>) {
    let facts = Arc::new(CallFacts::new("test", Idempotency::Unsafe));
    request.extensions_mut().insert(Arc::clone(&facts));
    (request, facts)
}

pub(crate) async fn send<C: Connect>(
    transport: &Transport<C>,
    request: Request<Full<Bytes>>,
) -> Result<Response<ResponseBody>, Fault> {
    soon(transport.clone().oneshot(request)).await
}

/// Sends and reads the answer to its end, so that the connection is free again.
pub(crate) async fn text<C: Connect>(
    transport: &Transport<C>,
    request: Request<Full<Bytes>>,
) -> String {
    let response = send(transport, request).await.expect("an answer");
    let body = soon(response.into_body().collect()).await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

/// What caused the fault, and what caused that, down to the last.
pub(crate) fn along(fault: &Fault) -> Vec<&(dyn Error + 'static)> {
    let mut all = Vec::new();
    let mut next = fault.source();
    while let Some(error) = next {
        all.push(error);
        next = error.source();
    }
    all
}

/// An answer with this body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) struct Server(TcpListener);

impl Server {
    pub(crate) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().expect("bound").port()
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    pub(crate) async fn accept(&self) -> Peer<TcpStream> {
        Peer(soon(self.0.accept()).await.expect("a connection").0)
    }
}

/// The server's end of a connection.
pub(crate) struct Peer<T>(pub(crate) T);

impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    /// A whole request, head and body, or nothing where the client hangs up before the first byte.
    pub(crate) async fn try_read(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some(end) = text.find("\r\n\r\n") {
                let length = text[..end]
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().expect("a length"));
                if bytes.len() == end + 4 + length {
                    return Some(text.into_owned());
                }
            }
            match soon(self.0.read_buf(&mut bytes)).await {
                Ok(0) | Err(_) => {
                    assert!(bytes.is_empty(), "half a request: {bytes:?}");
                    return None;
                }
                Ok(_) => {}
            }
        }
    }

    pub(crate) async fn read(&mut self) -> String {
        self.try_read().await.expect("a request")
    }

    pub(crate) async fn write(&mut self, answer: &str) {
        soon(self.0.write_all(answer.as_bytes())).await.expect("the client reads");
        soon(self.0.flush()).await.expect("the client reads");
    }

    pub(crate) async fn answer(&mut self, answer: &str) -> String {
        let request = self.read().await;
        self.write(answer).await;
        request
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn closed(mut self) {
        assert_eq!(self.try_read().await, None);
    }
}

impl Peer<TcpStream> {
    /// Closes with RST in place of FIN.
    pub(crate) fn reset(self) {
        self.0.set_zero_linger().expect("a socket");
    }
}
