use tower::Service;
use tower::util::{Oneshot, Ready, ServiceExt};

use super::{Error, Pages, SessionStream, Sessions};
use crate::call::ServiceSid;
use crate::sessions::{FetchSession, ListSessions, Session};
use crate::wire::Page;

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
    fn send<O>(&self, operation: O) -> Oneshot<Self, O>
    where
        Self: Service<O, Error = Error>,
    {
        self.clone().oneshot(operation)
    }

    /// Waits until the service is ready for operations of type `O`.
    ///
    /// `ready()` alone is ambiguous on a service of many request types.
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
    fn pages(&self, list: ListSessions) -> Pages<Self>
    where
        Self: Service<ListSessions, Response = Page<Session>, Error = Error>,
    {
        Pages::new(self.clone(), list)
    }

    /// The sessions on the pages that answer a list; see [`SessionStream`].
    fn session_stream(&self, list: ListSessions) -> SessionStream<Self>
    where
        Self: Service<ListSessions, Response = Page<Session>, Error = Error>,
    {
        SessionStream::new(self.pages(list))
    }
}

impl<G: Clone + Service<FetchSession, Error = Error>> GatewayExt for G {}
