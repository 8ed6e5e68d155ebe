use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;
use tower::util::BoxCloneSyncService;

use crate::call::{BoxError, Collected};

type Inner = BoxCloneSyncService<Request<Full<Bytes>>, Response<Collected>, BoxError>;

/// A stack behind one pointer: for fields and signatures that must not name the layers.
///
/// A type of its own, and no alias of tower's box: there the error type is a parameter, with a
/// lifetime in it, and rustc (as of 1.95) can't show that a future over such a type may be spawned.
///
/// # Cancellation
///
/// A dropped future drops what is inside the box.
#[derive(Clone)]
pub struct BoxedStack(Inner);

impl BoxedStack {
    /// Puts a stack behind a pointer.
    #[must_use]
    pub fn new<S>(stack: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<Collected>, Error = BoxError>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self(Inner::new(stack))
    }
}

impl Service<Request<Full<Bytes>>> for BoxedStack {
    type Response = Response<Collected>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Collected>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.0.call(request)
    }
}

impl fmt::Debug for BoxedStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxedStack").finish_non_exhaustive()
    }
}
