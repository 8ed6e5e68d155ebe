//! One deadline for many calls: a typed layer of the tool's own.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower::Service;
use twilio_proxy::call::CallOptions;
use twilio_proxy::gateway::Error;
use twilio_proxy::wire::{Configured, Operation};

/// A gateway whose calls must all be over by the same moment.
#[derive(Clone, Debug)]
pub(crate) struct Within<G> {
    gateway: G,
    by: Option<Instant>,
}

impl<G> Within<G> {
    /// From now on; `None` leaves each call its own deadline.
    pub(crate) fn new(gateway: G, within: Option<Duration>) -> Self {
        // A moment too far off to be told is as good as none.
        Self { gateway, by: within.and_then(|within| Instant::now().checked_add(within)) }
    }
}

impl<G, O> Service<O> for Within<G>
where
    O: Operation,
    G: Service<Configured<O>, Response = O::Output, Error = Error>,
{
    type Response = O::Output;
    type Error = Error;
    type Future = G::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.gateway.poll_ready(cx)
    }

    fn call(&mut self, operation: O) -> G::Future {
        let mut options = CallOptions::new();
        if let Some(by) = self.by {
            options = options.deadline(by.saturating_duration_since(Instant::now()));
        }
        self.gateway.call(operation.with(options))
    }
}
