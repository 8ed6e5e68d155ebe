//! HTTP/2 servers: h2 for all that is good, and raw frames in between for all that is not.

mod floods;
mod frames;
mod streams;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use h2::server::{Builder, SendResponse};
use http::{Request, Response};
use http_body_util::Full;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::deed::{Deeds, Right};
use crate::row::Row;
use crate::server::Shared;

type Act = Arc<dyn Fn(Exchange) -> BoxFuture<'static, io::Result<()>> + Send + Sync>;

/// What a server does with one request, once it has read it whole.
#[derive(Clone)]
pub(crate) struct Http2Deed {
    pub(crate) commits: bool,
    settings: fn(&mut Builder),
    act: Act,
}

impl Http2Deed {
    /// One that does nothing but this.
    pub(crate) fn new<F>(act: impl Fn(Exchange) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let act: Act = Arc::new(move |exchange| act(exchange).boxed());
        Self { commits: false, settings: |_| {}, act }
    }

    pub(crate) fn commits(self) -> Self {
        Self { commits: true, ..self }
    }

    pub(crate) fn settings(self, settings: fn(&mut Builder)) -> Self {
        Self { settings, ..self }
    }
}

impl From<Http2Deed> for Deeds {
    fn from(deed: Http2Deed) -> Self {
        Self::Http2(deed)
    }
}

/// A request that was read, and all ways to answer it.
pub(crate) struct Exchange {
    pub(crate) right: Right,
    pub(crate) respond: SendResponse<Bytes>,
    pub(crate) stream: u32,
    socket: Arc<TcpStream>,
    take: mpsc::Sender<oneshot::Sender<()>>,
    shared: Arc<Shared>,
}

impl Exchange {
    /// Takes the connection from h2: from here on it carries raw frames alone.
    pub(crate) async fn seize(&self) {
        let (taken, wait) = oneshot::channel();
        self.take.send(taken).await.unwrap();
        wait.await.unwrap();
    }

    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.socket.writable().await?;
            match self.socket.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.shared.book.lock().unwrap().written += bytes.len() as u64;
        Ok(())
    }

    /// Reads what comes and throws it away, until the client closes.
    pub(crate) async fn drain(&self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            self.socket.readable().await?;
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The right answer.
    pub(crate) fn answer(&mut self) -> io::Result<()> {
        answer(&mut self.respond, &self.right)
    }
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::other(error)
}

fn answer(respond: &mut SendResponse<Bytes>, right: &Right) -> io::Result<()> {
    let mut response = Response::builder().status(right.status);
    for (name, value) in &right.headers {
        response = response.header(name, value);
    }
    let response = response.body(()).unwrap();
    let mut stream = respond.send_response(response, right.body.is_empty()).map_err(broken)?;
    if !right.body.is_empty() {
        stream.send_data(Bytes::from(right.body.clone()), true).map_err(broken)?;
    }
    Ok(())
}

/// One connection.
pub(crate) async fn serve(
    socket: TcpStream,
    deed: Http2Deed,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let socket = Arc::new(socket);
    let mut builder = Builder::new();
    (deed.settings)(&mut builder);
    let handshake = builder.handshake::<_, Bytes>(Half(Arc::clone(&socket)));
    let mut connection = handshake.await.map_err(broken)?;
    let (take, mut taken) = mpsc::channel::<oneshot::Sender<()>>(1);
    let mut exchanges = JoinSet::new();
    let seized = loop {
        tokio::select! {
            biased;
            taken = taken.recv() => break taken,
            next = connection.accept() => match next {
                Some(Ok((request, respond))) => {
                    let (socket, take) = (Arc::clone(&socket), take.clone());
                    let stream = respond.stream_id().into();
                    let right = Right::nothing();
                    let shared = Arc::clone(&shared);
                    let exchange = Exchange { right, respond, stream, socket, take, shared };
                    exchanges.spawn(meet(request, deed.clone(), exchange));
                }
                _ => break None,
            },
        }
    };
    if let Some(seized) = seized {
        seized.send(()).unwrap();
        while exchanges.join_next().await.is_some() {}
    }
    Ok(())
}

async fn meet(
    request: Request<h2::RecvStream>,
    deed: Http2Deed,
    mut exchange: Exchange,
) -> io::Result<()> {
    let number = exchange.shared.hear(format!("{} {}", request.method(), request.uri().path()));
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(broken)?;
        body.flow_control().release_capacity(data.len()).map_err(broken)?;
        bytes.extend_from_slice(&data);
    }
    let request = Request::from_parts(head, Full::from(bytes));
    if !exchange.shared.script.is_hostile(number) {
        let right = exchange.shared.act(request).await;
        return answer(&mut exchange.respond, &right);
    }
    if deed.commits {
        exchange.right = exchange.shared.act_once(request).await;
    }
    (deed.act)(exchange).await
}

/// h2's end of a socket that others write to as well.
struct Half(Arc<TcpStream>);

impl AsyncRead for Half {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(to.initialize_unfilled()) {
                Ok(read) => {
                    to.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Half {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

pub(crate) fn rows() -> Vec<Row> {
    [streams::rows(), floods::rows()].concat()
}
