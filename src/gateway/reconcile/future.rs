use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use jiff::Timestamp;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

use super::recover::Look;
use super::{NamedCreate, SKEW};
use crate::call::{CallOptions, Effect, ServiceSid};
use crate::gateway::Error;
use crate::sessions::{FetchSession, Session, SessionMode};
use crate::wire::{Operation, Reply, codes};

pin_project! {
    /// A create under way, and the look for it where its answer was lost.
    pub struct RecoverFuture<G, O>
    where
        G: Service<O>,
        G: Service<Look>,
    {
        #[pin]
        state: State<<G as Service<O>>::Future, Oneshot<G, Look>>,
        seek: Option<Seek<G>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<C, L> {
        Creating { #[pin] create: C },
        Looking { #[pin] look: L, refusal: Option<Error> },
    }
}

/// What is needed to look for the session, kept only for a create that has a name.
struct Seek<G> {
    gateway: G,
    service: ServiceSid,
    name: String,
    options: CallOptions,
    wanted: Wanted,
}

/// What was asked for, to tell our session from another of the same name.
struct Wanted {
    mode: Option<SessionMode>,
    date_expiry: Option<Timestamp>,
    ttl: Option<Duration>,
}

impl<G, O> RecoverFuture<G, O>
where
    O: NamedCreate,
    G: Service<O, Response = O::Output, Error = Error> + Service<Look> + Clone,
{
    pub(super) fn new(gateway: &mut G, operation: O) -> Self {
        let create = operation.create();
        let seek = create.unique_name.as_ref().map(|name| Seek {
            // The instance that is ready makes the create; this one will be readied if it is needed.
            gateway: gateway.clone(),
            service: create.service,
            name: name.clone(),
            options: operation.options(),
            wanted: Wanted {
                mode: create.mode.clone(),
                date_expiry: create.date_expiry,
                ttl: create.ttl,
            },
        });
        Self { state: State::Creating { create: gateway.call(operation) }, seek }
    }
}

impl<G, O> Future for RecoverFuture<G, O>
where
    O: NamedCreate,
    G: Service<O, Response = O::Output, Error = Error>
        + Service<Look, Response = Reply<Session>, Error = Error>
        + Clone,
{
    type Output = Result<O::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Creating { create } => {
                    let error = match ready!(create.poll(cx)) {
                        Ok(output) => return Poll::Ready(Ok(output)),
                        Err(error) => error,
                    };
                    let lost = error.code() == Some(codes::UNIQUE_NAME_TAKEN)
                        && error.effect() == Effect::Unknown;
                    match this.seek.as_mut().filter(|_| lost).and_then(|seek| seek.look(&error)) {
                        None => return Poll::Ready(Err(error)),
                        Some(look) => {
                            this.state.set(State::Looking { look, refusal: Some(error) });
                        }
                    }
                }
                StateProjection::Looking { look, refusal } => {
                    let found = ready!(look.poll(cx));
                    let (Some(refusal), Some(seek)) = (refusal.take(), this.seek.take()) else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(seek.judge(found, refusal).map(O::recovered));
                }
            }
        }
    }
}

impl<G> Seek<G>
where
    G: Service<Look, Response = Reply<Session>, Error = Error> + Clone,
{
    /// The look for the session, within what is left of the create's deadline; none if nothing is.
    fn look(&mut self, refusal: &Error) -> Option<Oneshot<G, Look>> {
        let mut options = std::mem::take(&mut self.options);
        if let Some(deadline) = refusal.deadline() {
            let left = deadline.saturating_duration_since(Instant::now());
            options = options.deadline(left);
            if left.is_zero() {
                return None;
            }
        }
        let name = std::mem::take(&mut self.name);
        let fetch = FetchSession::by_name(self.service, name).detailed().with(options);
        Some(self.gateway.clone().oneshot(fetch))
    }

    /// Whether what was found is what this call created.
    fn judge(
        self,
        found: Result<Reply<Session>, Error>,
        refusal: Error,
    ) -> Result<Reply<Session>, Error> {
        let reply = match found {
            Ok(reply) => reply,
            // Still unknown: the refusal says so, and the failed look says why it stays so.
            Err(error) => return Err(refusal.caused_by(error)),
        };
        match self.is_ours(&reply.output, &refusal) {
            None => Err(refusal),
            Some(false) => Err(refusal.taken_by_another()),
            Some(true) => {
                tracing::info!("a create whose answer was lost was found again by its UniqueName");
                Ok(reply.recovered(refusal.attempts(), refusal.elapsed()))
            }
        }
    }

    /// `None` where it can't be told: the server sent no `Date`, or the session has no date.
    fn is_ours(&self, session: &Session, refusal: &Error) -> Option<bool> {
        let begun = refusal.server_date()?.checked_sub(refusal.elapsed() + SKEW).ok()?;
        let since = session.date_created? >= begun;
        let Wanted { mode, date_expiry, ttl } = &self.wanted;
        // The wire has whole seconds, whatever was asked for.
        let seconds = |time: &Timestamp| time.as_second();
        let alike = mode.as_ref().is_none_or(|mode| session.mode.as_ref() == Some(mode))
            && date_expiry.as_ref().is_none_or(|date| {
                session.date_expiry.as_ref().map(seconds) == Some(seconds(date))
            })
            && ttl.is_none_or(|ttl| session.ttl == Some(ttl));
        Some(since && alike)
    }
}

impl<G: Service<O> + Service<Look>, O> std::fmt::Debug for RecoverFuture<G, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoverFuture").finish_non_exhaustive()
    }
}
