use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use super::attempt::{Attempt, judge};
use crate::call::{Classifier, Fault, Raise};

pin_project! {
    /// The response of a [`Breaker`](super::Breaker), or its refusal.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C> {
        #[pin]
        state: State<F>,
        classifier: C,
        // After the state: the inner future is gone before its attempt is given back.
        attempt: Option<Attempt>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Called { #[pin] future: F },
        Refused { fault: Option<Fault> },
    }
}

impl<F, C> ResponseFuture<F, C> {
    /// Without an attempt the call goes by the breaker.
    pub(super) fn called(future: F, classifier: C, attempt: Option<Attempt>) -> Self {
        Self { state: State::Called { future }, classifier, attempt }
    }

    pub(super) fn refused(fault: Fault, classifier: C) -> Self {
        Self { state: State::Refused { fault: Some(fault) }, classifier, attempt: None }
    }
}

impl<F, C, B, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Raise,
    C: Classifier<B>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateProjection::Called { future } => match future.poll(cx) {
                Poll::Ready(result) => {
                    if let Some(attempt) = this.attempt {
                        attempt.end(judge(&result, this.classifier));
                    }
                    Poll::Ready(result)
                }
                Poll::Pending => {
                    if let Some(attempt) = this.attempt {
                        attempt.look();
                    }
                    Poll::Pending
                }
            },
            StateProjection::Refused { fault } => match fault.take() {
                Some(fault) => Poll::Ready(Err(fault.into())),
                // OK because the future has ended, and nobody may poll it again.
                None => Poll::Pending,
            },
        }
    }
}

impl<F, C> fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Called { .. } => "ResponseFuture(called)",
            State::Refused { .. } => "ResponseFuture(refused)",
        })
    }
}
