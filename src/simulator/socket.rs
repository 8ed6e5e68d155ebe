use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// What a request may do to the connection that it came on.
#[derive(Debug, Default)]
pub(super) struct Fate {
    reset: AtomicBool,
    garbled: AtomicBool,
    over: CancellationToken,
}

impl Fate {
    /// The connection ends with a TCP reset.
    pub(super) fn reset(&self) {
        self.reset.store(true, Relaxed);
        self.over.cancel();
    }

    /// The connection ends.
    pub(super) fn end(&self) {
        self.over.cancel();
    }

    /// Whatever is written from now on goes out as bytes that mean nothing.
    pub(super) fn garble(&self) {
        self.garbled.store(true, Relaxed);
    }

    pub(super) async fn ended(&self) {
        self.over.cancelled().await;
    }
}

/// A connection with a [`Fate`].
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    fate: std::sync::Arc<Fate>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, fate: std::sync::Arc<Fate>) -> Self {
        Self { stream, fate }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.fate.reset.load(Relaxed) {
            reset(&self.stream);
        }
    }
}

/// Makes the close of a socket a reset: the peer gets RST, not FIN, and what it has not read is lost.
pub(super) fn reset(stream: &TcpStream) {
    // If it fails the connection is gone already, which is what was wanted.
    let _ = stream.set_zero_linger();
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.fate.garbled.load(Relaxed) {
            // As many bytes, so that the writer's count holds; no status line and no frame begins so.
            let garbage = vec![0x15; bytes.len()];
            return Pin::new(&mut self.stream).poll_write(cx, &garbage);
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
