use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tower::Service;

use super::attempt::Attempt;
use super::machine::Refusal;
use super::{Circuits, ResponseFuture};
use crate::call::{CallFacts, Classifier, Fault, FaultKind, Raise, Rejection};

/// A service with a circuit for each origin. Made by [`BreakerLayer`](super::BreakerLayer).
#[derive(Clone)]
pub struct Breaker<S, C> {
    inner: S,
    circuits: Circuits,
    classifier: C,
}

impl<S, C> Breaker<S, C> {
    pub(super) fn new(inner: S, circuits: Circuits, classifier: C) -> Self {
        Self { inner, circuits, classifier }
    }
}

impl<S, C, A, B> Service<Request<A>> for Breaker<S, C>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Error: Raise,
    C: Classifier<B> + Clone,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let classifier = self.classifier.clone();
        let Some(circuit) = self.circuits.of(request.uri()) else {
            return ResponseFuture::called(self.inner.call(request), classifier, None);
        };
        match Attempt::begin(circuit, CallFacts::of(request.extensions()).cloned()) {
            Ok(mut attempt) => {
                let future = self.inner.call(request);
                attempt.called();
                ResponseFuture::called(future, classifier, Some(attempt))
            }
            Err(refusal) => ResponseFuture::refused(refusal.into_fault(), classifier),
        }
    }
}

impl Refusal {
    fn into_fault(self) -> Fault {
        let fault = |detail| Fault::new(FaultKind::Rejected(Rejection::CircuitOpen), detail);
        match self {
            Self::Open { after } => fault("the endpoint's circuit is open")
                .with_retry_after(Duration::from_nanos(after)),
            Self::Probing { after } => {
                fault("the endpoint's circuit is half-open, and its probes are under way")
                    .with_retry_after(Duration::from_nanos(after))
            }
            // Only whoever forced it knows when.
            Self::ForcedOpen => fault("the endpoint's circuit is held open"),
        }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Breaker<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("inner", &self.inner)
            .field("circuits", &self.circuits)
            .finish_non_exhaustive()
    }
}
