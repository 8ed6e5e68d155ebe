use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::Service;

use super::provider::{Pending, ProvideAuthorization, Supply};
use super::service::signed;
use crate::call::{Authorization, CallFacts, Fault, Raise};

pin_project! {
    /// The response of an [`Auth`](super::Auth).
    ///
    /// Whatever a provider has to do with is boxed: a call with credentials that never change is the
    /// inner future, and no larger for what others need.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, B, F, T> {
        Sent {
            #[pin]
            future: F,
            watch: Option<Box<Watch>>,
        },
        Refused {
            fault: Option<Fault>,
        },
        /// Until there are credentials.
        Waiting {
            waiting: Option<Box<Waiting<S, B>>>,
        },
        /// The server did not take them: until it is known whether there are others.
        Rejected {
            rejected: Option<Box<Rejected<T>>>,
        },
    }
}

/// What a provider has to do with a request that is under way.
pub(super) struct Watch {
    pub(super) provider: Arc<dyn ProvideAuthorization>,
    pub(super) used: Option<Authorization>,
    pub(super) facts: Option<Arc<CallFacts>>,
    pub(super) meanwhile: Option<Pending<()>>,
}

/// A call that waits, with the readied service that it will go to.
pub(super) struct Waiting<S, B> {
    pub(super) supply: Pending<Supply>,
    pub(super) service: S,
    pub(super) request: Request<B>,
    pub(super) watch: Watch,
}

/// A 401, before it goes up.
struct Rejected<T> {
    response: T,
    verdict: Pending<bool>,
    facts: Option<Arc<CallFacts>>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn sent(future: S::Future, watch: Option<Box<Watch>>) -> Self {
        Self { state: State::Sent { future, watch } }
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) } }
    }

    pub(super) fn waiting(waiting: Waiting<S, B>) -> Self {
        // Whoever drops the call from here on knows that it was not sent.
        if let Some(facts) = &waiting.watch.facts {
            facts.enter_queue();
        }
        Self { state: State::Waiting { waiting: Some(Box::new(waiting)) } }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Raise,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            // Nothing is left to say to whoever polls again after the end.
            let next = match state.as_mut().project() {
                Projected::Sent { future, watch } => {
                    if let Some(watch) = watch {
                        watch.work(cx);
                    }
                    let result = ready!(future.poll(cx));
                    match (result, watch.take()) {
                        (Ok(response), Some(watch)) => match watch.see(response) {
                            Ok(response) => return Poll::Ready(Ok(response)),
                            Err(rejected) => State::Rejected { rejected: Some(rejected) },
                        },
                        (result, _) => return Poll::Ready(result),
                    }
                }
                Projected::Refused { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    None => return Poll::Pending,
                },
                Projected::Waiting { waiting } => {
                    let Some(held) = waiting else { return Poll::Pending };
                    held.watch.work(cx);
                    let supply = ready!(held.supply.as_mut().poll(cx));
                    let Some(held) = waiting.take() else { return Poll::Pending };
                    match held.go(supply) {
                        Ok((future, watch)) => State::Sent { future, watch: Some(watch) },
                        Err(fault) => State::Refused { fault: Some(fault) },
                    }
                }
                Projected::Rejected { rejected } => {
                    let Some(held) = rejected else { return Poll::Pending };
                    let renewed = ready!(held.verdict.as_mut().poll(cx));
                    let Some(held) = rejected.take() else { return Poll::Pending };
                    if let (true, Some(facts)) = (renewed, &held.facts) {
                        facts.mark_stale_credentials();
                    }
                    return Poll::Ready(Ok(held.response));
                }
            };
            state.set(next);
        }
    }
}

impl Watch {
    /// Goes on with what the provider does beside the request.
    fn work(&mut self, cx: &mut Context<'_>) {
        if let Some(work) = &mut self.meanwhile
            && work.as_mut().poll(cx).is_ready()
        {
            self.meanwhile = None;
        }
    }

    /// Lets a response through, or keeps it for a while: one that says that the credentials were not
    /// accepted.
    fn see<R>(self, response: Response<R>) -> Result<Response<R>, Box<Rejected<Response<R>>>> {
        let Self { provider, used, facts, meanwhile } = self;
        match used {
            Some(used) if response.status() == StatusCode::UNAUTHORIZED => {
                // First, so that what it waits for may be dropped as the provider sees fit.
                drop(meanwhile);
                let verdict = provider.rejected(&used);
                Err(Box::new(Rejected { response, verdict, facts }))
            }
            _ => Ok(response),
        }
    }
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>>,
{
    /// Sends the request, now that there are credentials for it, or that there are none.
    fn go(mut self, supply: Supply) -> Result<(S::Future, Box<Watch>), Fault> {
        if let Some(facts) = &self.watch.facts {
            facts.leave_queue();
        }
        let used = supply?;
        let request = match &used {
            Some(used) => signed(self.request, used.header().clone()),
            None => self.request,
        };
        self.watch.used = used;
        Ok((self.service.call(request), Box::new(self.watch)))
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Sent { .. } => "ResponseFuture(sent)",
            State::Refused { .. } => "ResponseFuture(refused)",
            State::Waiting { .. } => "ResponseFuture(waiting)",
            State::Rejected { .. } => "ResponseFuture(rejected)",
        })
    }
}
