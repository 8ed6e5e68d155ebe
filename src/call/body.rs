use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A response body that is already here, whole: layers above may look at it without consuming it.
///
/// It is still a [`Body`], so that foreign layers and the gateway treat it like any other.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    bytes: Option<Bytes>,
}

impl Collected {
    /// A body made of these bytes.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes: (!bytes.is_empty()).then_some(bytes) }
    }

    /// The bytes that have not been read yet.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    /// Takes the bytes out, without copying.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes.unwrap_or_default()
    }
}

impl Body for Collected {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes().len() as u64)
    }
}
