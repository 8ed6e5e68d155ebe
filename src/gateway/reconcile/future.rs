use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

use super::judgement::{
    NO_SID, NO_TIME, OTHERS_TAKE_PART, Verdict, Window, judge, same_participants,
};
use super::recover::{Look, Roll};
use super::{Clue, Findable, Manner};
use crate::call::{CallOptions, Effect};
use crate::gateway::{Error, ErrorKind};
use crate::sessions::{FetchSession, ListParticipants, Session, SessionKey, SessionParticipant};
use crate::wire::{Operation, Page, Reply};

pin_project! {
    /// A call under way, and the look for what it did where its answer was lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct RecoverFuture<G, O>
    where
        G: Service<O>,
        G: Service<Look>,
        G: Service<Roll>,
    {
        #[pin]
        state: State<<G as Service<O>>::Future, Oneshot<G, Look>, Oneshot<G, Roll>>,
        seek: Option<Seek<G>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<C, L, R> {
        Calling { #[pin] call: C },
        Looking { #[pin] look: L, refusal: Option<Error> },
        Comparing { #[pin] roll: R, found: Option<(Reply<Session>, Error)> },
    }
}

/// What it takes to look.
struct Seek<G> {
    gateway: G,
    options: CallOptions,
    clue: Clue,
    /// Whether the name to look for was made up here.
    is_named_here: bool,
    /// So that a shutdown waits for the look as well.
    _under_way: TaskTrackerToken,
}

impl<G, O> RecoverFuture<G, O>
where
    O: Findable,
    G: Service<O, Response = O::Output, Error = Error> + Service<Look> + Service<Roll> + Clone,
{
    pub(super) fn new(gateway: &mut G, mut operation: O, manner: &Manner) -> Self {
        let is_named_here = operation.name(manner);
        let seek = operation.clue(manner).map(|clue| Seek {
            // The instance that is ready makes the call; this one will be readied if it is needed.
            gateway: gateway.clone(),
            options: operation.options(),
            clue,
            is_named_here,
            _under_way: manner.under_way.token(),
        });
        Self { state: State::Calling { call: gateway.call(operation) }, seek }
    }
}

impl<G, O> Future for RecoverFuture<G, O>
where
    O: Findable,
    G: Service<O, Response = O::Output, Error = Error>
        + Service<Look, Response = Reply<Session>, Error = Error>
        + Service<Roll, Response = Reply<Page<SessionParticipant>>, Error = Error>
        + Clone,
{
    type Output = Result<O::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let end = match this.state.as_mut().project() {
                StateProjection::Calling { call } => {
                    let error = match ready!(call.poll(cx)) {
                        Ok(output) => {
                            *this.seek = None;
                            return Poll::Ready(Ok(output));
                        }
                        Err(error) => error,
                    };
                    match this.seek.as_ref().and_then(|seek| seek.look(&error)) {
                        None => Err(error),
                        Some(look) => {
                            this.state.set(State::Looking { look, refusal: Some(error) });
                            continue;
                        }
                    }
                }
                StateProjection::Looking { look, refusal } => {
                    let looked = ready!(look.poll(cx));
                    let Some((refusal, seek)) = refusal.take().zip(this.seek.as_ref()) else {
                        // A future that is polled after its end may pend for ever.
                        return Poll::Pending;
                    };
                    match seek.weigh(looked, refusal) {
                        Weighed::End(end) => end,
                        Weighed::Compare { roll, found } => {
                            this.state.set(State::Comparing { roll, found: Some(found) });
                            continue;
                        }
                    }
                }
                StateProjection::Comparing { roll, found } => {
                    let listed = ready!(roll.poll(cx));
                    let Some(((found, refusal), seek)) = found.take().zip(this.seek.as_ref())
                    else {
                        return Poll::Pending;
                    };
                    seek.compare(listed, found, refusal)
                }
            };
            let seek = this.seek.take();
            return Poll::Ready(match (end, seek) {
                (Ok(found), _) => Ok(O::recovered(found)),
                (Err(error), Some(seek)) => Err(seek.sign(error)),
                (Err(error), None) => Err(error),
            });
        }
    }
}

/// What came of a look.
enum Weighed<R> {
    End(Result<Reply<Session>, Error>),
    /// It may be ours, if those are its participants.
    Compare {
        roll: R,
        found: (Reply<Session>, Error),
    },
}

impl<G: Clone> Seek<G> {
    /// The look, within what is left of the call's deadline; none where there is no time left, or
    /// where the error is not what a call meets that has already done its work.
    fn look(&self, error: &Error) -> Option<Oneshot<G, Look>>
    where
        G: Service<Look>,
    {
        let refused = match error.code() {
            Some(code) => self.clue.refusals.contains(&code),
            // A refusal that broke off before it said why: the name of a new session may be the reason.
            None => self.clue.is_new && error.kind() == ErrorKind::Refused,
        };
        if !refused || error.effect() != Effect::Unknown {
            return None;
        }
        let fetch = FetchSession::new(self.clue.service, self.clue.key.clone());
        Some(self.gateway.clone().oneshot(fetch.detailed().with(self.options(error)?)))
    }

    /// The wishes of a read that serves this call: its own, by its deadline, where it went.
    fn options(&self, refusal: &Error) -> Option<CallOptions> {
        let mut options = self.options.clone().continuing();
        if let Some(deadline) = refusal.deadline() {
            let left = deadline.checked_duration_since(Instant::now())?;
            options = options.deadline(left);
        }
        if let Some(number) = refusal.endpoint() {
            options = options.at_endpoint(number);
        }
        Some(options)
    }

    /// What the session that was found makes of the refusal.
    fn weigh(
        &self,
        looked: Result<Reply<Session>, Error>,
        refusal: Error,
    ) -> Weighed<Oneshot<G, Roll>>
    where
        G: Service<Roll>,
    {
        let found = match looked {
            Ok(found) => found,
            // Still unknown: the refusal says so, and the failed look says why it stays so.
            Err(error) => return Weighed::End(Err(refusal.caused_by(error))),
        };
        let verdict = judge(&self.clue, &found.output, Window::of(&refusal));
        if verdict != Verdict::Ours || self.clue.participants.is_empty() {
            return Weighed::End(self.conclude(verdict, found, refusal));
        }
        let why = match (found.output.sid, self.options(&refusal)) {
            (Some(session), Some(options)) => {
                let list = ListParticipants::new(self.clue.service, session);
                let roll = self.gateway.clone().oneshot(list.detailed().with(options));
                return Weighed::Compare { roll, found: (found, refusal) };
            }
            (None, _) => NO_SID,
            (_, None) => NO_TIME,
        };
        Weighed::End(self.conclude(Verdict::Unclear(why), found, refusal))
    }

    /// What its participants make of the session that was found.
    fn compare(
        &self,
        listed: Result<Reply<Page<SessionParticipant>>, Error>,
        mut found: Reply<Session>,
        refusal: Error,
    ) -> Result<Reply<Session>, Error> {
        let list = match listed {
            Ok(list) => list,
            Err(error) => return Err(refusal.caused_by(error)),
        };
        found.attempts += list.attempts;
        found.elapsed += list.elapsed;
        let page = list.output;
        // More of them than there is room for on a page are more than anybody can ask for.
        let same = page.next_page_url().is_none()
            && same_participants(&self.clue.participants, &page.items);
        let verdict = if same { Verdict::Ours } else { Verdict::Unclear(OTHERS_TAKE_PART) };
        self.conclude(verdict, found, refusal)
    }

    fn conclude(
        &self,
        verdict: Verdict,
        found: Reply<Session>,
        refusal: Error,
    ) -> Result<Reply<Session>, Error> {
        match verdict {
            Verdict::Ours => {
                tracing::info!("a call whose answer was lost has done its work: found by a look");
                Ok(found.recovered(refusal.attempts(), refusal.elapsed()))
            }
            Verdict::Anothers => Err(refusal.taken_by_another()),
            Verdict::Unclear(why) if self.clue.is_new => Err(refusal.of_unclear_origin(why)),
            // An update that was refused, and no more.
            Verdict::Unclear(_) => Err(refusal),
        }
    }

    /// The error, with the name to look for where the caller knows none.
    fn sign(self, error: Error) -> Error {
        match self.clue.key {
            SessionKey::UniqueName(name) if self.is_named_here => error.named(name),
            _ => error,
        }
    }
}

impl<G: Service<O> + Service<Look> + Service<Roll>, O> std::fmt::Debug for RecoverFuture<G, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoverFuture").finish_non_exhaustive()
    }
}
