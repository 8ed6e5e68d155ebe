use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::Recover;
use super::names::Names;
use crate::gateway::{BoxedStack, Drained, Error, Gateway, Health, HttpStack};
use crate::wire::{Endpoint, Operation};

/// A gateway that finds again what lost answers have done; see the [module](super).
#[derive(Clone, Debug)]
pub struct Reconcile<G> {
    gateway: G,
    manner: Manner,
}

/// How a [`Reconcile`] was set up, for the [kind of recovery](Recover) that does the work.
#[derive(Clone, Debug)]
pub struct Manner {
    pub(super) compare_participants: bool,
    pub(super) names: Option<Arc<Names>>,
    /// Those under way that may need a look. The gateway loses sight of them between its calls.
    pub(super) under_way: TaskTracker,
}

impl<G> Reconcile<G> {
    pub(super) fn new(gateway: G, manner: Manner) -> Self {
        Self { gateway, manner }
    }

    /// The gateway alone, which reports lost creates as errors.
    pub fn into_inner(self) -> G {
        self.gateway
    }
}

impl<S> Reconcile<Gateway<S>>
where
    S: HttpStack + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::ResponseBody: Send + 'static,
{
    /// The same with the stack behind one pointer; see [`Gateway::boxed`].
    #[must_use]
    pub fn boxed(self) -> Reconcile<Gateway<BoxedStack>> {
        Reconcile { gateway: self.gateway.boxed(), manner: self.manner }
    }
}

impl<S> Reconcile<Gateway<S>> {
    /// Where the calls go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.gateway.endpoint()
    }

    /// How many calls are in flight; see [`Gateway::in_flight`].
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.gateway.in_flight()
    }

    /// What the gateway and its layers are doing now; see [`Gateway::health`].
    #[must_use]
    pub fn health(&self) -> Health {
        self.gateway.health()
    }

    /// Takes no new calls, and waits for those in flight; see [`Gateway::shutdown`]. A look that a
    /// call in flight needs is part of that call, and is waited for also while the stack is not
    /// ready for it.
    ///
    /// # Cancellation
    ///
    /// The gateway stays closed when this is dropped; calling it again goes on waiting.
    pub async fn shutdown(&self, within: Duration) -> Drained {
        let begun = Instant::now();
        let under_way = &self.manner.under_way;
        under_way.close();
        loop {
            let left = || within.saturating_sub(begun.elapsed());
            self.gateway.shutdown(left()).await;
            // Nobody may be in flight for a moment: a create has ended, and its look is to begin.
            let _ = tokio::time::timeout(left(), under_way.wait()).await;
            let cut_off = self.in_flight().max(under_way.len());
            // What is left are looks of another layer over the same gateway, or the time is over.
            if cut_off == 0 || begun.elapsed() >= within {
                return Drained { cut_off };
            }
        }
    }
}

impl<G, O> Service<O> for Reconcile<G>
where
    O: Operation<Recovery: Recover<G, O>>,
    G: Service<O, Error = Error>,
{
    type Response = O::Output;
    type Error = Error;
    type Future = <O::Recovery as Recover<G, O>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.gateway.poll_ready(cx)
    }

    fn call(&mut self, operation: O) -> Self::Future {
        O::Recovery::start(&mut self.gateway, operation, &self.manner)
    }
}
