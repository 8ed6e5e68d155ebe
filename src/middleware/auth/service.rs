use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, header};
use pin_project_lite::pin_project;
use tower::Service;

use super::AuthLayer;
use crate::call::{CallFacts, CallOptions, Fault, FaultKind, Raise};

/// Attaches credentials to requests. Made by [`AuthLayer`].
#[derive(Clone, Debug)]
pub struct Auth<S> {
    inner: S,
    settings: AuthLayer,
}

impl<S> Auth<S> {
    pub(super) fn new(inner: S, settings: AuthLayer) -> Self {
        Self { inner, settings }
    }
}

impl<S, B> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>>,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let options = CallFacts::of(request.extensions()).and_then(|facts| facts.options());
        let wanted = options.and_then(CallOptions::wanted_authorization);
        let Some(value) = self.settings.header(wanted) else {
            return ResponseFuture::sent(self.inner.call(request));
        };
        if let Err(reason) = self.settings.admit(request.uri()) {
            return ResponseFuture::refused(Fault::new(FaultKind::Config, reason));
        }
        request.headers_mut().insert(header::AUTHORIZATION, value);
        ResponseFuture::sent(self.inner.call(request))
    }
}

pin_project! {
    /// The response of an [`Auth`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Projected]
    #[derive(Debug)]
    enum State<F> {
        Sent {
            #[pin]
            future: F,
        },
        Refused {
            fault: Option<Fault>,
        },
    }
}

impl<F> ResponseFuture<F> {
    fn sent(future: F) -> Self {
        Self { state: State::Sent { future } }
    }

    fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) } }
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Raise,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            Projected::Sent { future } => future.poll(cx),
            // Nothing is left to say to whoever polls again after the end.
            Projected::Refused { fault } => match fault.take() {
                Some(fault) => Poll::Ready(Err(fault.into())),
                None => Poll::Pending,
            },
        }
    }
}
