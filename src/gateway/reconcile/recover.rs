use std::future::Future;

use tower::Service;

use super::{Clue, Manner, RecoverFuture};
use crate::call::CallOptions;
use crate::gateway::Error;
use crate::sessions::{
    CreateSession, FetchSession, ListParticipants, Session, SessionKey, SessionParticipant,
    UpdateSession,
};
use crate::wire::{ByName, BySid, Configured, Detailed, Operation, Page, Plain, Reply, codes};

/// What the look at a session is: the call's wishes, and metadata to pass on.
pub type Look = Configured<Detailed<FetchSession>>;

/// What the look at its participants is.
pub type Roll = Configured<Detailed<ListParticipants>>;

/// How operations of one kind of recovery are called: a type-level branch, since an
/// implementation for every operation and one for creates would overlap.
pub trait Recover<G, O: Operation> {
    /// The call under way.
    type Future: Future<Output = Result<O::Output, Error>>;

    /// Calls the gateway, which is ready for `O`.
    fn start(gateway: &mut G, operation: O, manner: &Manner) -> Self::Future;
}

impl<G, O> Recover<G, O> for Plain
where
    O: Operation,
    G: Service<O, Response = O::Output, Error = Error>,
{
    type Future = G::Future;

    fn start(gateway: &mut G, operation: O, _: &Manner) -> G::Future {
        gateway.call(operation)
    }
}

/// Both kinds of look differ in their [`Clue`] alone.
macro_rules! recover_by_a_look {
    ($($recovery:ty),*) => {$(
        impl<G, O> Recover<G, O> for $recovery
        where
            O: Findable,
            G: Service<O, Response = O::Output, Error = Error>
                + Service<Look, Response = Reply<Session>, Error = Error>
                + Service<Roll, Response = Reply<Page<SessionParticipant>>, Error = Error>
                + Clone,
        {
            type Future = RecoverFuture<G, O>;

            fn start(gateway: &mut G, operation: O, manner: &Manner) -> Self::Future {
                RecoverFuture::new(gateway, operation, manner)
            }
        }
    )*};
}

recover_by_a_look!(ByName, BySid);

/// An operation on one session that can be looked for when the answer was lost; bare or wrapped.
pub trait Findable: Operation {
    /// Gives the operation a name, if it has none and wants one. Whether it did.
    fn name(&mut self, manner: &Manner) -> bool {
        let _ = manner;
        false
    }

    /// What to look for, and when; none where there is nothing to go by.
    fn clue(&self, manner: &Manner) -> Option<Clue>;

    /// The call's own wishes, which the look shares.
    fn options(&self) -> CallOptions;

    /// The output, from a session that was found and the call that found it.
    fn recovered(found: Reply<Session>) -> Self::Output;
}

impl Findable for CreateSession {
    fn name(&mut self, manner: &Manner) -> bool {
        match &manner.names {
            Some(names) if self.unique_name.is_none() => {
                self.unique_name = Some(names.next());
                true
            }
            _ => false,
        }
    }

    fn clue(&self, manner: &Manner) -> Option<Clue> {
        let participants = match manner.compare_participants {
            true => self.participants.clone(),
            false => Vec::new(),
        };
        Some(Clue {
            service: self.service,
            key: SessionKey::UniqueName(self.unique_name.clone()?),
            // That its participants are taken may be this call's own doing as well: which of the two
            // Proxy looks at first is not documented.
            refusals: &[
                codes::UNIQUE_NAME_TAKEN,
                codes::PROXY_IDENTIFIER_IN_USE,
                codes::PARTICIPANT_CONFLICT,
            ],
            is_new: true,
            mode: self.mode.clone(),
            // It may have moved on since: a message is enough to set it in progress.
            status: None,
            date_expiry: self.date_expiry,
            ttl: self.ttl,
            participants,
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
    fn clue(&self, _: &Manner) -> Option<Clue> {
        Some(Clue {
            service: self.service,
            key: SessionKey::Sid(self.session),
            refusals: &[codes::SESSION_CLOSED, codes::BAD_TRANSITION],
            is_new: false,
            mode: None,
            status: self.status.clone(),
            date_expiry: self.date_expiry,
            ttl: self.ttl,
            participants: Vec::new(),
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
    fn name(&mut self, manner: &Manner) -> bool {
        // A name that was given by way of the form is one as well.
        !says(self.wishes(), "UniqueName") && self.operation_mut().name(manner)
    }

    fn clue(&self, manner: &Manner) -> Option<Clue> {
        let mut clue = self.operation().clue(manner)?;
        // Of what was given both ways, nobody knows which of the two the server took.
        if says(self.wishes(), "Mode") {
            clue.mode = None;
        }
        (!says(self.wishes(), "UniqueName")).then_some(clue)
    }

    fn options(&self) -> CallOptions {
        // The inner wishes go after the outer, as they do on the wire. What is added to a form has
        // no place in a fetch.
        self.wishes().clone().or(self.operation().options()).without_form()
    }

    fn recovered(found: Reply<Session>) -> O::Output {
        O::recovered(found)
    }
}

/// Whether wishes add this parameter to the form.
fn says(wishes: &CallOptions, parameter: &str) -> bool {
    wishes.extra_form().iter().any(|(key, _)| key == parameter)
}

impl<O: Findable<Output = Session>> Findable for Detailed<O> {
    fn name(&mut self, manner: &Manner) -> bool {
        self.operation_mut().name(manner)
    }

    fn clue(&self, manner: &Manner) -> Option<Clue> {
        self.operation().clue(manner)
    }

    fn options(&self) -> CallOptions {
        self.operation().options()
    }

    fn recovered(found: Reply<Session>) -> Reply<Session> {
        found
    }
}
