use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use jiff::Timestamp;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

use super::recover::Look;
use super::{Clue, Findable, SKEW};
use crate::call::{CallOptions, Effect};
use crate::gateway::Error;
use crate::sessions::{FetchSession, Session};
use crate::wire::{Operation, Reply, codes};

pin_project! {
    /// A call under way, and the look for what it did where its answer was lost.
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
        Calling { #[pin] call: C },
        Looking { #[pin] look: L, refusal: Option<Error> },
    }
}

/// What it takes to look.
struct Seek<G> {
    gateway: G,
    options: CallOptions,
    clue: Clue,
}

impl<G, O> RecoverFuture<G, O>
where
    O: Findable,
    G: Service<O, Response = O::Output, Error = Error> + Service<Look> + Clone,
{
    pub(super) fn new(gateway: &mut G, operation: O) -> Self {
        let seek = operation.clue().map(|clue| Seek {
            // The instance that is ready makes the call; this one will be readied if it is needed.
            gateway: gateway.clone(),
            options: operation.options(),
            clue,
        });
        Self { state: State::Calling { call: gateway.call(operation) }, seek }
    }
}

impl<G, O> Future for RecoverFuture<G, O>
where
    O: Findable,
    G: Service<O, Response = O::Output, Error = Error>
        + Service<Look, Response = Reply<Session>, Error = Error>
        + Clone,
{
    type Output = Result<O::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Calling { call } => {
                    let error = match ready!(call.poll(cx)) {
                        Ok(output) => return Poll::Ready(Ok(output)),
                        Err(error) => error,
                    };
                    match this.seek.as_mut().and_then(|seek| seek.look(&error)) {
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
                    return Poll::Ready(seek.clue.judge(found, refusal).map(O::recovered));
                }
            }
        }
    }
}

impl<G> Seek<G>
where
    G: Service<Look, Response = Reply<Session>, Error = Error> + Clone,
{
    /// The look, within what is left of the call's deadline; none where there is no time left, or
    /// where the error is not what a call meets that has already done its work.
    fn look(&mut self, error: &Error) -> Option<Oneshot<G, Look>> {
        let refused = error.code().is_some_and(|code| self.clue.refusals.contains(&code));
        if !refused || error.effect() != Effect::Unknown {
            return None;
        }
        let mut options = std::mem::take(&mut self.options).continuing();
        if let Some(deadline) = error.deadline() {
            let left = deadline.checked_duration_since(Instant::now())?;
            options = options.deadline(left);
        }
        if let Some(number) = error.endpoint() {
            options = options.at_endpoint(number);
        }
        let fetch = FetchSession::new(self.clue.service, self.clue.key.clone());
        Some(self.gateway.clone().oneshot(fetch.detailed().with(options)))
    }
}

impl Clue {
    /// Whether what was found is this call's own doing.
    fn judge(
        &self,
        found: Result<Reply<Session>, Error>,
        refusal: Error,
    ) -> Result<Reply<Session>, Error> {
        let reply = match found {
            Ok(reply) => reply,
            // Still unknown: the refusal says so, and the failed look says why it stays so.
            Err(error) => return Err(refusal.caused_by(error)),
        };
        let session = &reply.output;
        let since = if self.is_new { is_since(session, &refusal) } else { Some(true) };
        if since == Some(true) && self.fits(session) {
            tracing::info!("a call whose answer was lost has done its work: found by a look");
            return Ok(reply.recovered(refusal.attempts(), refusal.elapsed()));
        }
        // A name is unique: where another session has it, this call has created none.
        let is_anothers = since == Some(false) || self.has_other_mode(session);
        if is_anothers && refusal.code() == Some(codes::UNIQUE_NAME_TAKEN) {
            return Err(refusal.taken_by_another());
        }
        Err(refusal)
    }

    /// Whether a session can't have been made by this call. Nothing changes a mode once it is set;
    /// whoever has seen the session may have given it another TTL or expiry since.
    fn has_other_mode(&self, session: &Session) -> bool {
        let both = self.mode.as_ref().zip(session.mode.as_ref());
        both.is_some_and(|(asked, found)| asked != found)
    }

    /// Whether a session is as was asked for.
    fn fits(&self, session: &Session) -> bool {
        // The wire has whole seconds, whatever was asked for.
        let seconds = |time: &Timestamp| time.as_second();
        let expiry = session.date_expiry.as_ref().map(seconds);
        self.mode.as_ref().is_none_or(|mode| session.mode.as_ref() == Some(mode))
            && self.status.as_ref().is_none_or(|status| session.status.as_ref() == Some(status))
            && self.date_expiry.as_ref().is_none_or(|date| expiry == Some(seconds(date)))
            && self.ttl.is_none_or(|ttl| session.ttl == Some(ttl))
    }
}

/// Whether a session was created since the call began, by the server's own clock. `None` where it
/// can't be told: the server sent no `Date`, or the session has no date.
fn is_since(session: &Session, refusal: &Error) -> Option<bool> {
    let begun = refusal.server_date()?.checked_sub(refusal.elapsed() + SKEW).ok()?;
    Some(session.date_created? >= begun)
}

impl<G: Service<O> + Service<Look>, O> std::fmt::Debug for RecoverFuture<G, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoverFuture").finish_non_exhaustive()
    }
}
