use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::Service;

use super::shared::Stake;

pin_project! {
    /// The second try: it gets its service ready, then calls it.
    ///
    /// Boxed where it is kept, so that the future of a call without one is no larger for it.
    pub(super) struct Second<S>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        future: Option<S::Future>,
        service: S,
        request: Option<Request<Full<Bytes>>>,
        stake: Stake,
    }
}

impl<S> Second<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(super) fn new(service: S, request: Request<Full<Bytes>>, stake: Stake) -> Self {
        Self { future: None, service, request: Some(request), stake }
    }
}

impl<S> Future for Second<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(future) = this.future.as_mut().as_pin_mut() {
                return future.poll(cx);
            }
            ready!(this.service.poll_ready(cx))?;
            // OK because a request that is gone has become the future above.
            let Some(request) = this.request.take() else { return Poll::Pending };
            this.stake.made();
            this.future.set(Some(this.service.call(request)));
        }
    }
}
