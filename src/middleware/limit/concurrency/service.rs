use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::time::Instant;
use tower::Service;

use super::super::line::{Guest, Joined, Refused, Woken};
use super::permit::Permit;
use super::shared::Rig;
use super::{Fixed, LimitPolicy, ResponseFuture};
use crate::call::{CallFacts, Classifier, Fault, FaultKind, Raise, Rejection, StatusClassifier};

/// A service with a limit on calls under way. Made by [`ConcurrencyLimitLayer`](super::ConcurrencyLimitLayer).
pub struct ConcurrencyLimit<S, P = Fixed, C = StatusClassifier> {
    inner: S,
    rig: Arc<Rig<P, C>>,
}

impl<S, P: LimitPolicy, C> ConcurrencyLimit<S, P, C> {
    pub(super) fn new(inner: S, rig: Arc<Rig<P, C>>) -> Self {
        Self { inner, rig }
    }

    /// Puts the call at the end of the line, if that is worth its while.
    fn queue<B>(&self, request: &Request<B>) -> Result<Joined, Fault> {
        let facts = CallFacts::of(request.extensions());
        let priority = facts.map(|facts| facts.priority()).unwrap_or_default();
        let shared = &self.rig.shared;
        let guest = Guest {
            priority,
            headroom: shared.headroom(facts),
            deadline: facts.and_then(|facts| facts.deadline()),
            places: priority.share_of(self.rig.settings.places),
            now: Instant::now(),
        };
        let mut woken = Woken::default();
        let joined = shared.line.join(&guest, shared.pace(), &mut woken).map_err(refusal)?;
        let operation = facts.map(|facts| facts.operation());
        tracing::debug!(operation, ahead = joined.ahead, "a call waits for the concurrency limit");
        Ok(joined)
    }
}

fn refusal(refused: Refused) -> Fault {
    let (rejection, detail, after) = match refused {
        Refused::Full(after) => {
            (Rejection::QueueFull, "the queue before the concurrency limit is full", after)
        }
        Refused::Late(after) => {
            let detail =
                "the queue before the concurrency limit is too long for the call's deadline";
            (Rejection::Shed, detail, after)
        }
    };
    let fault = Fault::new(FaultKind::Rejected(rejection), detail);
    match after {
        Some(after) => fault.with_retry_after(after),
        None => fault,
    }
}

impl<S, B, R, P, C> Service<Request<B>> for ConcurrencyLimit<S, P, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Raise,
    P: LimitPolicy,
    C: Classifier<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, P, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let place = match self.rig.shared.line.take() {
            Some(place) => place,
            None => match self.queue(&request) {
                Ok(joined) => joined.place,
                Err(fault) => return ResponseFuture::refused(fault),
            },
        };
        let has_slot = place.has_slot();
        let mut permit = Permit::new(place);
        if has_slot {
            // Where nobody may wait, those who needn't are all who can say when to come back.
            if P::LEARNS || self.rig.settings.places == 0 {
                let facts = CallFacts::of(request.extensions());
                permit.begin(&self.rig, facts.map_or_else(Instant::now, |facts| facts.now()));
            }
            return ResponseFuture::called(self.inner.call(request), permit);
        }
        // The readied instance goes along with the call; what stays is to be readied anew.
        let clone = self.inner.clone();
        let readied = mem::replace(&mut self.inner, clone);
        ResponseFuture::held(readied, request, permit, Arc::clone(&self.rig))
    }
}

impl<S: Clone, P, C> Clone for ConcurrencyLimit<S, P, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rig: Arc::clone(&self.rig) }
    }
}

impl<S: fmt::Debug, P, C: fmt::Debug> fmt::Debug for ConcurrencyLimit<S, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("inner", &self.inner)
            .field("limit", &self.rig.shared.line.slots())
            .field("settings", &self.rig.settings)
            .finish()
    }
}
