use tower::Service;
use tower::util::{Oneshot, Ready, ServiceExt};

use super::{Error, Items, Pages, Sessions};
use crate::call::ServiceSid;
use crate::sessions::FetchSession;
use crate::wire::{Listing, Page};

/// Sugar over any typed service: a [`Gateway`](super::Gateway), or one with typed layers around it.
///
/// It is a trait over `Service<FetchSession>`, not methods of the gateway, so that it survives
/// whatever a caller wraps around it.
pub trait GatewayExt: Clone + Service<FetchSession, Error = Error> {
    /// Sends one operation: waits until a clone is ready and calls that clone.
    ///
    /// # Errors
    ///
    /// Any [`Error`]: bad input, a limit, the network, the API.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the call up; see [`Gateway`](super::Gateway#cancellation).
    #[must_use = "a call does nothing unless awaited"]
    fn send<O>(&self, operation: O) -> Oneshot<Self, O>
    where
        Self: Service<O, Error = Error>,
    {
        self.clone().oneshot(operation)
    }

    /// Waits until the service is ready for operations of type `O`.
    ///
    /// `ready()` alone is ambiguous on a service of many request types.
    #[must_use = "futures do nothing unless awaited"]
    fn ready_for<O>(&mut self) -> Ready<'_, Self, O>
    where
        Self: Service<O, Error = Error>,
    {
        self.ready()
    }

    /// The sessions of one Service.
    fn sessions(&self, service: ServiceSid) -> Sessions<Self> {
        Sessions::new(self.clone(), service)
    }

    /// The pages that answer a list, one after the other; see [`Pages`].
    ///
    /// A list with [wishes of its own](crate::wire::Operation::with) takes them to every page.
    fn pages<L>(&self, list: L) -> Pages<Self, L>
    where
        L: Listing,
        Self: Service<L, Response = Page<L::Item>, Error = Error>,
    {
        Pages::new(self.clone(), list)
    }

    /// The records on the pages that answer a list; see [`Items`].
    fn items<L>(&self, list: L) -> Items<Self, L>
    where
        L: Listing,
        Self: Service<L, Response = Page<L::Item>, Error = Error>,
    {
        Items::new(self.pages(list))
    }
}

impl<G: Clone + Service<FetchSession, Error = Error>> GatewayExt for G {}
