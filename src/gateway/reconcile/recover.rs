use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tower::Service;

use super::RecoverFuture;
use crate::call::{CallOptions, ServiceSid};
use crate::gateway::Error;
use crate::sessions::{
    CreateSession, FetchSession, Session, SessionKey, SessionMode, SessionStatus, UpdateSession,
};
use crate::wire::{ByName, BySid, Configured, Detailed, Operation, Reply, codes};

/// How operations of one kind of recovery are called: a type-level branch, since an
/// implementation for every operation and one for creates would overlap.
pub trait Recover<G, O: Operation> {
    /// The call under way.
    type Future: Future<Output = Result<O::Output, Error>>;

    /// Calls the gateway, which is ready for `O`.
    fn start(gateway: &mut G, operation: O) -> Self::Future;
}

/// An operation on one session that can be looked for when the answer was lost; bare or wrapped.
pub trait Findable: Operation {
    /// What to look for, and when; none where there is nothing to go by.
    fn clue(&self) -> Option<Clue>;

    /// The call's own wishes, which the look shares.
    fn options(&self) -> CallOptions;

    /// The output, from a session that was found and the call that found it.
    fn recovered(found: Reply<Session>) -> Self::Output;
}

/// What to look for when an answer was lost, and what was asked for: to tell our own doing from
/// somebody else's.
#[derive(Clone, Debug)]
pub struct Clue {
    pub(super) service: ServiceSid,
    pub(super) key: SessionKey,
    /// The refusals that a call meets which has already done its work.
    pub(super) refusals: &'static [u32],
    /// Whether the session must have been created since the call began.
    pub(super) is_new: bool,
    pub(super) mode: Option<SessionMode>,
    pub(super) status: Option<SessionStatus>,
    pub(super) date_expiry: Option<Timestamp>,
    pub(super) ttl: Option<Duration>,
}

impl Findable for CreateSession {
    fn clue(&self) -> Option<Clue> {
        Some(Clue {
            service: self.service,
            key: SessionKey::UniqueName(self.unique_name.clone()?),
            refusals: &[codes::UNIQUE_NAME_TAKEN],
            is_new: true,
            mode: self.mode.clone(),
            // It may have moved on since: a message is enough to set it in progress.
            status: None,
            date_expiry: self.date_expiry,
            ttl: self.ttl,
        })
    }

    fn options(&self) -> CallOptions {
        CallOptions::new()
    }

    fn recovered(found: Reply<Session>) -> Session {
        found.output
    }
}

impl Findable for UpdateSession {
    fn clue(&self) -> Option<Clue> {
        Some(Clue {
            service: self.service,
            key: SessionKey::Sid(self.session),
            refusals: &[codes::SESSION_CLOSED, codes::BAD_TRANSITION],
            is_new: false,
            mode: None,
            status: self.status.clone(),
            date_expiry: self.date_expiry,
            ttl: self.ttl,
        })
    }

    fn options(&self) -> CallOptions {
        CallOptions::new()
    }

    fn recovered(found: Reply<Session>) -> Session {
        found.output
    }
}

impl<O: Findable> Findable for Configured<O> {
    fn clue(&self) -> Option<Clue> {
        self.operation().clue()
    }

    fn options(&self) -> CallOptions {
        // What is added to a form has no place in a fetch.
        self.wishes().clone().without_form()
    }

    fn recovered(found: Reply<Session>) -> O::Output {
        O::recovered(found)
    }
}

impl<O: Findable<Output = Session>> Findable for Detailed<O> {
    fn clue(&self) -> Option<Clue> {
        self.operation().clue()
    }

    fn options(&self) -> CallOptions {
        self.operation().options()
    }

    fn recovered(found: Reply<Session>) -> Reply<Session> {
        found
    }
}

/// What the look is: the call's wishes, and metadata to pass on.
pub(super) type Look = Configured<Detailed<FetchSession>>;

/// Both kinds of look differ in their [`Clue`] alone.
macro_rules! recover_by_a_look {
    ($($recovery:ty),*) => {$(
        impl<G, O> Recover<G, O> for $recovery
        where
            O: Findable,
            G: Service<O, Response = O::Output, Error = Error>
                + Service<Look, Response = Reply<Session>, Error = Error>
                + Clone,
        {
            type Future = RecoverFuture<G, O>;

            fn start(gateway: &mut G, operation: O) -> Self::Future {
                RecoverFuture::new(gateway, operation)
            }
        }
    )*};
}

recover_by_a_look!(ByName, BySid);
