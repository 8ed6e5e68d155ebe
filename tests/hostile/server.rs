//! A server on loopback that does its deeds, with a simulator for all that it does well.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;
use twilio_proxy::simulator::Simulator;

use crate::deed::{Deed, Deeds, Ends, Reads, Right, Say};

/// What meets each connection before there is HTTP.
#[derive(Clone)]
pub(crate) enum Door {
    Plain,
    /// TLS with this identity.
    Tls(TlsAcceptor),
    /// The first connection (or every one, as the script has it) meets the deed as plain bytes or
    /// the other acceptor, the others a good one.
    Trap {
        bad: Option<TlsAcceptor>,
        good: TlsAcceptor,
    },
}

/// Which requests meet the deed.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) deed: Deeds,
    /// So many are answered well before.
    pub(crate) after: usize,
    pub(crate) always: bool,
}

impl Script {
    pub(crate) fn is_hostile(&self, number: usize) -> bool {
        number == self.after || (self.always && number > self.after)
    }

    fn turn(&self, number: usize) -> Option<&Deed> {
        match &self.deed {
            Deeds::Http1(deed) => self.is_hostile(number).then_some(deed),
            #[cfg(feature = "http2")]
            Deeds::Http2(_) => None,
        }
    }
}

/// What the server has seen and said.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) connections: usize,
    /// The first line of each request.
    pub(crate) heard: Vec<String>,
    /// Bytes that went into the socket, before TLS.
    pub(crate) written: u64,
    number: usize,
}

pub(crate) struct Shared {
    simulator: Simulator,
    pub(crate) script: Script,
    door: Door,
    port: u16,
    pub(crate) book: Mutex<Book>,
    /// What was answered when a hostile deed acted: a repeated request gets it again.
    right: Mutex<Option<Right>>,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(simulator: Simulator, door: Door, script: Script) -> Self {
        let listener = listen();
        let port = listener.local_addr().unwrap().port();
        let (book, right) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { simulator, script, door, port, book, right });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { port, shared, task }
    }

    pub(crate) fn simulator(&self) -> &Simulator {
        &self.shared.simulator
    }

    pub(crate) fn book<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.shared.book.lock().unwrap())
    }
}

/// With small buffers, so that a server which does not read is soon one that nobody can write to.
fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    socket.listen(1024).unwrap()
}

/// Connections end with the server.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let number = {
            let mut book = shared.book.lock().unwrap();
            book.connections += 1;
            book.connections - 1
        };
        let shared = Arc::clone(&shared);
        // A connection that breaks is what this is about.
        connections.spawn(async move { drop(enter(socket, number, shared).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn enter(socket: TcpStream, number: usize, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    #[cfg(feature = "http2")]
    if let Deeds::Http2(deed) = &shared.script.deed {
        let deed = deed.clone();
        return crate::http2::serve(socket, deed, shared).await;
    }
    let shared = &*shared;
    match &shared.door {
        Door::Plain => serve(Box::new(socket), shared).await,
        Door::Tls(acceptor) => serve(Box::new(acceptor.accept(socket).await?), shared).await,
        Door::Trap { bad, good } => match (shared.script.turn(number), bad) {
            (None, _) => {
                // The trap was the deed: from here on all is well.
                shared.book.lock().unwrap().number = usize::MAX / 2;
                serve(Box::new(good.accept(socket).await?), shared).await
            }
            (Some(_), Some(bad)) => serve(Box::new(bad.accept(socket).await?), shared).await,
            (Some(deed), None) => {
                let mut wire: Box<dyn Wire> = Box::new(socket);
                perform(&mut wire, deed, None, shared).await.map(drop)
            }
        },
    }
}

/// One connection, request by request.
async fn serve(mut wire: Box<dyn Wire>, shared: &Shared) -> io::Result<()> {
    loop {
        if let Some(deed) = shared.unprovoked() {
            return perform(&mut wire, &deed, None, shared).await.map(drop);
        }
        let head = read_head(&mut wire).await?;
        let line = head.split(|byte| *byte == b'\r').next().unwrap();
        let number = shared.hear(String::from_utf8_lossy(line).into_owned());
        let turn = shared.script.turn(number).cloned();
        if let Some(Deed { reads: Reads::Head, .. }) = turn {
            return perform(&mut wire, &turn.unwrap(), None, shared).await.map(drop);
        }
        let request = read_rest(&mut wire, head).await?;
        match turn {
            Some(deed) => {
                if !perform(&mut wire, &deed, Some(request), shared).await? {
                    return Ok(());
                }
            }
            None => {
                let right = shared.act(request).await;
                say(&mut wire, &Say::text(right.text()), shared).await?;
            }
        }
    }
}

impl Shared {
    /// The deed, if its turn is now and it waits for no request.
    fn unprovoked(&self) -> Option<Deed> {
        let mut book = self.book.lock().unwrap();
        let deed = self.script.turn(book.number).filter(|deed| deed.reads == Reads::Nothing)?;
        book.number += 1;
        Some(deed.clone())
    }

    /// Notes a request's first line, and says how many were noted before it.
    pub(crate) fn hear(&self, line: String) -> usize {
        let mut book = self.book.lock().unwrap();
        book.heard.push(line);
        book.number += 1;
        book.number - 1
    }

    pub(crate) async fn act(&self, request: Request<Full<Bytes>>) -> Right {
        Right::of(self.simulator.clone().oneshot(request).await.unwrap())
    }

    /// Acts once. A hostile server that is asked again says again what it said.
    pub(crate) async fn act_once(&self, request: Request<Full<Bytes>>) -> Right {
        let before = self.right.lock().unwrap().clone();
        match before {
            Some(right) => right,
            None => {
                let right = self.act(request).await;
                *self.right.lock().unwrap() = Some(right.clone());
                right
            }
        }
    }
}

/// Whether the connection goes on.
async fn perform(
    wire: &mut Box<dyn Wire>,
    deed: &Deed,
    request: Option<Request<Full<Bytes>>>,
    shared: &Shared,
) -> io::Result<bool> {
    let mut right = match request {
        Some(request) if deed.commits => shared.act_once(request).await,
        _ => Right::nothing(),
    };
    right.port = shared.port;
    right.number = shared.book.lock().unwrap().number.saturating_sub(1);
    for part in (deed.says)(&right) {
        say(wire, &part, shared).await?;
    }
    match deed.ends {
        Ends::Keep => return Ok(true),
        Ends::Reset => wire.reset(),
        Ends::Close => {}
        // Until the client hangs up, or this server is done with.
        Ends::Hold => while wire.read(&mut [0; 1024]).await? != 0 {},
    }
    Ok(false)
}

async fn say(wire: &mut Box<dyn Wire>, part: &Say, shared: &Shared) -> io::Result<()> {
    let mut write = async |bytes: &[u8]| {
        wire.write_all(bytes).await?;
        wire.flush().await?;
        shared.book.lock().unwrap().written += bytes.len() as u64;
        Ok::<(), io::Error>(())
    };
    match part {
        Say::Once(bytes) => write(bytes).await,
        Say::Endless(bytes) => loop {
            write(bytes).await?;
            tokio::task::yield_now().await;
        },
        Say::Drip(bytes, every) => {
            let mut pace = tokio::time::interval(*every);
            for byte in bytes.iter().cycle() {
                pace.tick().await;
                write(&[*byte]).await?;
            }
            Ok(())
        }
    }
}

async fn read_head(wire: &mut Box<dyn Wire>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        if wire.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}

async fn read_rest(
    wire: &mut Box<dyn Wire>,
    mut bytes: Vec<u8>,
) -> io::Result<Request<Full<Bytes>>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
        if name == "content-length" {
            length = value.parse().unwrap();
        }
    }
    while bytes.len() < end + length {
        if wire.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(request.body(Full::from(bytes.split_off(end))).unwrap())
}

/// A connection, plain or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {
    /// Has the connection end with RST in place of FIN.
    fn reset(&self);
}

impl Wire for TcpStream {
    fn reset(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Wire for TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.set_zero_linger().unwrap();
    }
}
