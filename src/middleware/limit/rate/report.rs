//! What a call brings back to the limiter that let it go.

use std::sync::Arc;

use http::Response;
use tokio::time::Instant;

use super::Limiter;
use super::hashed::Bits;
use super::layer::Settings;
use super::table::Table;
use super::throttle::Throttle;
use crate::call::{Class, Classifier, retry_after};

/// What all services share that one layer has made.
pub(super) struct Shared<L: Limiter, C> {
    pub(super) table: Arc<Table<L>>,
    pub(super) settings: Settings<C>,
}

/// Which key a call went by, and when, so that its answer is heard in the right place. Dropped with
/// the call, it says nothing.
pub(super) struct Report<L: Limiter, C> {
    shared: Arc<Shared<L, C>>,
    bits: Bits,
    granted: Instant,
}

impl<L: Limiter, C> Report<L, C> {
    /// None for a limiter that does not listen.
    pub(super) fn of(shared: &Arc<Shared<L, C>>, bits: Bits, granted: Instant) -> Option<Self> {
        L::LISTENS.then(|| Self { shared: Arc::clone(shared), bits, granted })
    }

    /// Tells the limiter if the server throttled. An answer of any other kind costs the look at it.
    pub(super) fn hear<R>(self, response: &Response<R>)
    where
        C: Classifier<R>,
    {
        let Settings { classifier, clock, .. } = &self.shared.settings;
        if classifier.classify(response) == Class::Throttled {
            let after = retry_after(response.headers(), clock);
            let throttle = Throttle::new(self.granted, Instant::now()).retry_after(after);
            self.shared.table.throttled(self.bits, &throttle);
        }
    }
}
