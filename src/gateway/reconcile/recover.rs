use std::future::Future;

use tower::Service;

use super::RecoverFuture;
use crate::call::CallOptions;
use crate::gateway::Error;
use crate::sessions::{CreateSession, FetchSession, Session};
use crate::wire::{ByName, Configured, Detailed, Operation, Reply};

/// How operations of one kind of recovery are called: a type-level branch, since an
/// implementation for every operation and one for creates would overlap.
pub trait Recover<G, O: Operation> {
    /// The call under way.
    type Future: Future<Output = Result<O::Output, Error>>;

    /// Calls the gateway, which is ready for `O`.
    fn start(gateway: &mut G, operation: O) -> Self::Future;
}

/// A create that can be found again by its name, bare or wrapped.
pub trait NamedCreate: Operation {
    /// What is to be created.
    fn create(&self) -> &CreateSession;

    /// The call's own wishes, which the fetch shares.
    fn options(&self) -> CallOptions;

    /// The output, from a session that was found and the call that found it.
    fn recovered(found: Reply<Session>) -> Self::Output;
}

impl NamedCreate for CreateSession {
    fn create(&self) -> &CreateSession {
        self
    }

    fn options(&self) -> CallOptions {
        CallOptions::new()
    }

    fn recovered(found: Reply<Session>) -> Session {
        found.output
    }
}

impl<O: NamedCreate> NamedCreate for Configured<O> {
    fn create(&self) -> &CreateSession {
        self.operation().create()
    }

    fn options(&self) -> CallOptions {
        // What is added to the form of a create has no place in a fetch.
        self.wishes().clone().without_form()
    }

    fn recovered(found: Reply<Session>) -> O::Output {
        O::recovered(found)
    }
}

impl<O: NamedCreate<Output = Session>> NamedCreate for Detailed<O> {
    fn create(&self) -> &CreateSession {
        self.operation().create()
    }

    fn options(&self) -> CallOptions {
        self.operation().options()
    }

    fn recovered(found: Reply<Session>) -> Reply<Session> {
        found
    }
}

/// What the recovering fetch is: the create's wishes, and metadata to pass on.
pub(super) type Look = Configured<Detailed<FetchSession>>;

impl<G, O> Recover<G, O> for ByName
where
    O: NamedCreate,
    G: Service<O, Response = O::Output, Error = Error>
        + Service<Look, Response = Reply<Session>, Error = Error>
        + Clone,
{
    type Future = RecoverFuture<G, O>;

    fn start(gateway: &mut G, operation: O) -> Self::Future {
        RecoverFuture::new(gateway, operation)
    }
}
