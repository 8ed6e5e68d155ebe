use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A response body that is already here, whole: layers above may look at it without consuming it.
///
/// It is still a [`Body`], so that foreign layers and the gateway treat it like any other. `Debug`
/// says how long it is, and not what is in it.
#[derive(Clone, Default)]
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

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collected({} bytes)", self.bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body holds phone numbers and names, and `Debug` goes wherever an error goes.
    #[test]
    fn what_is_in_a_body_is_not_printed() {
        let mut body = Collected::new(Bytes::from_static(b"+15551234567"));
        assert_eq!(format!("{body:?}"), "Collected(12 bytes)");
        body.bytes = None;
        assert_eq!(format!("{body:?}"), "Collected(0 bytes)");
    }
}
