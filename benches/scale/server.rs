//! The server: another process, so that neither its time nor its memory is the client's.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http::Response;
use tokio::net::{TcpSocket, TcpStream};
use tower::BoxError;

use crate::support::{answer, talk};

/// Streams that a connection of HTTP/2 may have at once: nginx's default, and many others'.
pub(crate) const STREAMS: u32 = 128;

/// How many connections may come at once before the kernel lets them wait.
const BACKLOG: u32 = 16_384;

/// What the server speaks, and whether it ever answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Http1,
    Http2,
    SilentHttp1,
    SilentHttp2,
}

const NAMES: [(&str, Manner); 4] = [
    ("http1", Manner::Http1),
    ("http2", Manner::Http2),
    ("silent-http1", Manner::SilentHttp1),
    ("silent-http2", Manner::SilentHttp2),
];

impl Manner {
    pub(crate) fn named(name: &str) -> Result<Self, BoxError> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known
            .map(|(_, manner)| *manner)
            .ok_or_else(|| format!("no manner of a server: {name}").into())
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, manner)| *manner == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::SilentHttp2)
    }

    /// What people call it.
    pub(crate) fn protocol(self) -> &'static str {
        if self.is_http2() { "HTTP/2" } else { "HTTP/1.1" }
    }
}

/// A server's process, from the client's side.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(manner: Manner) -> Result<Self, BoxError> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", manner.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        if let Some(stdout) = &mut process.stdout {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        Ok(Self { process, address: said.trim().parse()? })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's process: it says where it is, and ends with whoever has started it.
pub(crate) fn stand(manner: &str) -> Result<(), BoxError> {
    let manner = Manner::named(manner)?;
    let runtime = crate::runtime()?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind("127.0.0.1:0".parse()?)?;
        let listener = socket.listen(BACKLOG)?;
        println!("{}", listener.local_addr()?);
        let answer: Bytes = answer().into();
        loop {
            let (stream, _) = listener.accept().await?;
            let answer = answer.clone();
            tokio::spawn(async move {
                match manner {
                    Manner::Http1 => talk(stream, answer).await,
                    Manner::SilentHttp1 => talk(stream, Bytes::new()).await,
                    // Why one ended, the client will say.
                    _ => drop(talk_http2(stream, answer, manner == Manner::SilentHttp2).await),
                }
            });
        }
    })
}

/// The same answer for every stream, or none at all.
async fn talk_http2(stream: TcpStream, answer: Bytes, silent: bool) -> Result<(), BoxError> {
    stream.set_nodelay(true)?;
    let mut body = answer;
    if let Some(at) = body.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        body = body.split_off(at + 4);
    }
    let mut builder = h2::server::Builder::new();
    let mut connection = builder.max_concurrent_streams(STREAMS).handshake(stream).await?;
    let mut kept = Vec::new();
    while let Some(stream) = connection.accept().await {
        let (request, mut respond) = stream?;
        if silent {
            kept.push((request, respond));
            continue;
        }
        let head = Response::builder()
            .header("content-type", "application/json")
            .header("twilio-request-id", "RQaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
            .body(())?;
        respond.send_response(head, false)?.send_data(body.clone(), true)?;
    }
    Ok(())
}
