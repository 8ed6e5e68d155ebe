//! A create whose answer was lost is found again by its name, and an update by its SID.
//!
//! Twilio documents no idempotency key, so a create that broke off may or may not have made its
//! session. With a UniqueName there is a way to know: the replay of a create that had succeeded
//! is refused with 80603, since the name is taken, and then the session can be fetched by that
//! name. [`Reconcile`] does so, and returns the session when it is this call's own:
//!
//! - an earlier attempt of this very call is of unknown effect, and
//! - the session was created since this call began, by the server's own `Date` header, give or
//!   take [`SKEW`], and
//! - it has the mode, the expiry and the TTL that were asked for.
//!
//! Otherwise the error stands, and says which it is. A session from before the call, or of another
//! mode, is somebody else's: nothing was created, effect none. A TTL or an expiry that differs
//! proves nothing, since whoever saw the session may have changed it: that could not be told,
//! effect unknown.
//!
//! What can't be proven: two callers that race with the same name and the same wishes within the
//! same seconds look alike. A UniqueName must be unique per intent: an order's number, not a
//! customer's.
//!
//! An update sets values, so its replay is refused only where the session has moved on, as a close
//! does that meets a session which it has closed already (80607, 80608). Then the session is
//! fetched, and the update has succeeded if the session is as was asked for.
//!
//! Which operations are recovered is said by [`Operation::Recovery`]: [`Plain`] ones pass straight
//! through, and cost nothing.

mod future;
mod recover;

use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Layer, Service};

use super::{BoxedStack, Drained, Error, Gateway, HttpStack};
use crate::wire::{Endpoint, Operation, Plain};

pub use future::RecoverFuture;
pub use recover::{Clue, Findable, Recover};

/// How far two of the server's clocks may be apart: whole seconds on both sides, and some.
pub const SKEW: Duration = Duration::from_secs(5);

/// Finds again what lost answers have done: see [`Reconcile`].
///
/// # Layer order
///
/// A typed layer, around a [`Gateway`]: it needs to know what the operation means. Layers that
/// count or time calls as their caller sees them go outside it.
///
/// # Cancellation
///
/// Dropping the future drops the create or the fetch that is under way, nothing else is held.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReconcileLayer;

impl ReconcileLayer {
    /// The layer.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<G> Layer<G> for ReconcileLayer {
    type Service = Reconcile<G>;

    fn layer(&self, gateway: G) -> Reconcile<G> {
        Reconcile { gateway }
    }
}

/// A gateway that finds again what lost answers have done; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Reconcile<G> {
    gateway: G,
}

impl<G> Reconcile<G> {
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
        Reconcile { gateway: self.gateway.boxed() }
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

    /// Takes no new calls, and waits for those in flight; see [`Gateway::shutdown`]. A look that a
    /// call in flight needs is part of that call.
    pub async fn shutdown(&self, within: Duration) -> Drained {
        self.gateway.shutdown(within).await
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
        O::Recovery::start(&mut self.gateway, operation)
    }
}

impl<G, O> Recover<G, O> for Plain
where
    O: Operation,
    G: Service<O, Response = O::Output, Error = Error>,
{
    type Future = G::Future;

    fn start(gateway: &mut G, operation: O) -> G::Future {
        gateway.call(operation)
    }
}

#[cfg(test)]
mod tests;
