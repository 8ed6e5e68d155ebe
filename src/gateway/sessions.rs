use tower::Service;
use tower::util::Oneshot;

use super::{Error, GatewayExt, Items, Pages};
use crate::call::{ServiceSid, SessionSid};
use crate::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Session, UpdateSession,
};
use crate::wire::Page;

/// The sessions of one Service: the five operations, short to write.
///
/// Made by [`GatewayExt::sessions`]. Every method is [`GatewayExt::send`] of the operation that it
/// names; build that operation yourself where you want [wishes for one
/// call](crate::call::CallOptions) or [metadata](crate::wire::Reply).
///
/// ```
/// use twilio_proxy::gateway::{Gateway, GatewayExt};
/// # use twilio_proxy::gateway::HttpStack;
/// # use twilio_proxy::sessions::Participant;
/// # async fn open<S: HttpStack + Clone>(gateway: Gateway<S>) -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = gateway.sessions("KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?);
/// let session = sessions
///     .create(|new| new.unique_name("order-1").participant(Participant::new("+15550100")))
///     .await?;
/// if let Some(sid) = session.sid {
///     sessions.delete(sid).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sessions<G> {
    gateway: G,
    service: ServiceSid,
}

impl<G: GatewayExt> Sessions<G> {
    pub(super) fn new(gateway: G, service: ServiceSid) -> Self {
        Self { gateway, service }
    }

    /// Creates a session. Give it a UniqueName, and a lost answer can be made good.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; before repeating a create without a name, ask for its
    /// [`effect`](Error::effect).
    #[must_use = "a call does nothing unless awaited"]
    pub fn create(
        &self,
        describe: impl FnOnce(CreateSession) -> CreateSession,
    ) -> Oneshot<G, CreateSession>
    where
        G: Service<CreateSession, Error = Error>,
    {
        self.gateway.send(describe(CreateSession::new(self.service)))
    }

    /// Fetches a session by its SID.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`is_not_found`](Error::is_not_found) where there is none.
    #[must_use = "a call does nothing unless awaited"]
    pub fn fetch(&self, session: SessionSid) -> Oneshot<G, FetchSession> {
        self.gateway.send(FetchSession::new(self.service, session))
    }

    /// Fetches a session by its UniqueName.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`is_not_found`](Error::is_not_found) where there is none.
    #[must_use = "a call does nothing unless awaited"]
    pub fn fetch_by_name(&self, name: impl Into<String>) -> Oneshot<G, FetchSession> {
        self.gateway.send(FetchSession::by_name(self.service, name))
    }

    /// Changes a session.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    #[must_use = "a call does nothing unless awaited"]
    pub fn update(
        &self,
        session: SessionSid,
        describe: impl FnOnce(UpdateSession) -> UpdateSession,
    ) -> Oneshot<G, UpdateSession>
    where
        G: Service<UpdateSession, Error = Error>,
    {
        self.gateway.send(describe(UpdateSession::new(self.service, session)))
    }

    /// Deletes a session. Succeeds as well when an attempt whose answer was lost has done it.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    #[must_use = "a call does nothing unless awaited"]
    pub fn delete(&self, session: SessionSid) -> Oneshot<G, DeleteSession>
    where
        G: Service<DeleteSession, Error = Error>,
    {
        self.gateway.send(DeleteSession::new(self.service, session))
    }

    /// Lists sessions, as a stream.
    pub fn list(&self, describe: impl FnOnce(ListSessions) -> ListSessions) -> Items<G>
    where
        G: Service<ListSessions, Response = Page<Session>, Error = Error>,
    {
        self.gateway.items(describe(ListSessions::new(self.service)))
    }

    /// Lists sessions, as a stream of pages.
    pub fn pages(&self, describe: impl FnOnce(ListSessions) -> ListSessions) -> Pages<G>
    where
        G: Service<ListSessions, Response = Page<Session>, Error = Error>,
    {
        self.gateway.pages(describe(ListSessions::new(self.service)))
    }

    /// Fetches one page that another page named: its next, previous or first one.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; a URL on another origin is refused before anything is sent.
    #[must_use = "a call does nothing unless awaited"]
    pub fn page(&self, url: &str) -> Oneshot<G, ListSessions>
    where
        G: Service<ListSessions, Response = Page<Session>, Error = Error>,
    {
        self.gateway.send(ListSessions::page(self.service, url))
    }
}
