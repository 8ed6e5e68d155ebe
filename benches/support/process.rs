//! The server as a process of its own: the bench's own program, started once more with the argument `serve`.
//!
//! A client that shares a process with its server shares an allocator, caches and what valgrind counts.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tower::BoxError;

use crate::support::{serve, session};

/// The server's process: it says where it is, and ends with whoever has started it.
pub(crate) fn stand() -> Result<(), BoxError> {
    println!("{} {}", serve()?, serve_http2()?);
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// A server in another process, which ends with this value.
pub(crate) struct Server {
    process: Child,
    /// Where it speaks HTTP/1.1.
    pub(crate) http1: SocketAddr,
    /// Where it speaks HTTP/2, with prior knowledge.
    #[allow(dead_code, reason = "not every bench speaks it")]
    pub(crate) http2: SocketAddr,
}

impl Server {
    #[allow(dead_code, reason = "one that is pinned is started by another command")]
    pub(crate) fn start() -> Result<Self, BoxError> {
        Self::start_by(Command::new(std::env::current_exe()?))
    }

    /// By a command that runs this program with whatever arguments follow.
    pub(crate) fn start_by(mut command: Command) -> Result<Self, BoxError> {
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut said = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        match said.trim().split_once(' ') {
            Some((http1, http2)) => {
                Ok(Self { process, http1: http1.parse()?, http2: http2.parse()? })
            }
            None => Err(format!("the server did not say where it is, but {said:?}").into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The same answer over HTTP/2, on another thread.
fn serve_http2() -> Result<SocketAddr, BoxError> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let session: Bytes = session().into();
            while let Ok((stream, _)) = listener.accept().await {
                let session = session.clone();
                // What ends a connection is the client's to tell: it counts each call that fails.
                tokio::spawn(async move { talk_http2(stream, session).await.is_ok() });
            }
        });
    });
    Ok(address)
}

async fn talk_http2(stream: TcpStream, session: Bytes) -> Result<(), BoxError> {
    stream.set_nodelay(true)?;
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request?;
        let head = http::Response::builder()
            .header("content-type", "application/json")
            .header("twilio-request-id", "RQaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
            .header("content-length", session.len())
            .body(())?;
        respond.send_response(head, false)?.send_data(session.clone(), true)?;
    }
    Ok(())
}
