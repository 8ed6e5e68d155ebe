use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use tower::Service;

use super::Simulator;
use super::exchange::{Outcome, exchange};
use crate::call::{BoxError, CallFacts, Collected, Effect, Fault, FaultKind};

/// A request that a [`Simulator`] is answering.
///
/// # Cancellation
///
/// Dropped before it was polled, nothing was sent. Dropped while Proxy works on it (the
/// simulator's [latency](super::Settings::latency)), nothing was done; dropped while its answer is
/// late ([`Mishap::Latency`](super::Mishap::Latency)) or never comes, what was done stays done. The
/// [`CallFacts`] say *unknown* in both cases, as they would of a real server.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture {
    inner: Pin<Box<dyn Future<Output = Result<Response<Collected>, Fault>> + Send>>,
}

impl Future for ResponseFuture {
    type Output = Result<Response<Collected>, Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// In place of the transport. Always ready; marks the call's facts as a transport does.
impl<B> Service<Request<B>> for Simulator
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Collected>;
    type Error = Fault;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let facts = CallFacts::of(request.extensions()).cloned();
        if let Some(facts) = &facts {
            facts.mark_reached();
        }
        let shared = Arc::clone(&self.shared);
        let inner = Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|error| {
                Fault::new(FaultKind::Unprocessed, "the request's body broke off")
                    .with_source(error)
            })?;
            let taken = || facts.iter().for_each(|facts| facts.mark_sent());
            match exchange(&shared, head, body.to_bytes(), taken).await {
                Outcome::Answer(response) => {
                    if let Some(facts) = &facts
                        && Effect::of_status(response.status()) == Effect::None
                    {
                        facts.mark_harmless();
                    }
                    Ok(response)
                }
                Outcome::Refused => {
                    Err(Fault::new(FaultKind::Connect, "the simulator refused the connection"))
                }
                Outcome::Reset => {
                    Err(Fault::new(FaultKind::Interrupted, "the simulator reset the connection"))
                }
                Outcome::Garbled(_) => {
                    Err(Fault::new(FaultKind::Interrupted, "the simulator sent what is no HTTP"))
                }
                Outcome::Truncated(response) => Err(Fault::new(
                    FaultKind::Incomplete,
                    "the simulator broke off in the middle of the answer",
                )
                .with_status(response.status())),
                Outcome::Stalled { _ticket } => std::future::pending().await,
            }
        });
        ResponseFuture { inner }
    }
}
