use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::pool::Hold;

pin_project! {
    /// The body of a response, as it comes off the wire.
    ///
    /// Reading it to its end gives the connection back to the pool; dropping it earlier closes an
    /// HTTP/1.1 connection, or resets an HTTP/2 stream.
    #[derive(Debug)]
    pub struct ResponseBody {
        #[pin]
        incoming: Incoming,
        hold: Hold,
    }
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self { incoming, hold: Hold::Nothing }
    }

    /// A body that keeps its connection from others until it has ended.
    pub(super) fn holding(incoming: Incoming, mut hold: Hold) -> Self {
        if incoming.is_end_stream() {
            hold.release();
        }
        Self { incoming, hold }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut this = self.project();
        let polled = this.incoming.as_mut().poll_frame(cx);
        match &polled {
            Poll::Ready(None) => this.hold.release(),
            Poll::Ready(Some(Ok(_))) if this.incoming.is_end_stream() => this.hold.release(),
            Poll::Ready(Some(Err(_))) => this.hold.broke_off(),
            _ => {}
        }
        polled.map_err(BodyError)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Why a response's body ended before it was whole. The server has answered by then, so nothing
/// follows for whether it acted: the status, which came before, says that.
#[derive(Debug)]
pub struct BodyError(hyper::Error);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response's body broke off")
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
