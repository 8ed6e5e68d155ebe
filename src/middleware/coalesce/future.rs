use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::Service;

use super::key::Ask;
use super::ledger::Write;
use super::table::{Entered, Seat, Table};
use crate::call::{CallFacts, Raise};

pin_project! {
    /// The response of a [`Coalesce`](super::Coalesce): the call's own, or that of a read which it shares.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        Passed {
            #[pin]
            future: S::Future,
            // After the future: the write has ended when it is gone.
            write: Option<Write>,
        },
        Shared { caller: Caller<S> },
    }
}

/// One of those who wait for a read.
pub(super) struct Caller<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    stage: Stage<S::Future, S::Response>,
    table: Arc<Table<S::Future, S::Response>>,
    /// For the case that the read is to be made anew.
    later: S,
}

enum Stage<F, R> {
    /// The read is under way.
    Seated(Seat<F, R>),
    /// It is to be made anew, as soon as the service is ready.
    Readying(Box<Ask>),
    Ended,
}

impl<S> ResponseFuture<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(super) fn passed(future: S::Future, write: Option<Write>) -> Self {
        Self { state: State::Passed { future, write } }
    }

    pub(super) fn shared(caller: Caller<S>) -> Self {
        Self { state: State::Shared { caller } }
    }
}

impl<S> Caller<S>
where
    S: Service<Request<Full<Bytes>>> + Clone,
{
    /// Joins the read, or makes it through the service that is ready.
    pub(super) fn enter(
        table: Arc<Table<S::Future, S::Response>>,
        ask: Ask,
        ready: &mut S,
        request: Request<Full<Bytes>>,
        later: S,
    ) -> Self {
        let (seat, has_joined) = sit(&table, ask, ready, Some(request));
        if has_joined {
            // Who joins has not used what was readied, and must not keep it.
            *ready = later.clone();
        }
        Self { stage: Stage::Seated(seat), table, later }
    }
}

/// Joins the read, or makes it through the service that is ready. Says whether it has joined one.
fn sit<S>(
    table: &Arc<Table<S::Future, S::Response>>,
    ask: Ask,
    ready: &mut S,
    request: Option<Request<Full<Bytes>>>,
) -> (Seat<S::Future, S::Response>, bool)
where
    S: Service<Request<Full<Bytes>>>,
{
    let seat = match table.enter(ask) {
        Entered::Joined(seat) => {
            let operation = seat.shared_facts().operation();
            tracing::debug!(operation, "a read joins the same one that is under way");
            return (seat, true);
        }
        Entered::Opened(seat) => seat,
    };
    // Taken first: should the call panic, those who have joined meanwhile must hear of it.
    let baton = seat.baton();
    let mut request = request.unwrap_or_else(|| seat.key().request());
    let facts = Arc::clone(seat.shared_facts());
    match request.extensions_mut().get_mut::<Arc<CallFacts>>() {
        Some(own) => *own = facts,
        None => drop(request.extensions_mut().insert(facts)),
    }
    baton.launch(ready.call(request), table.reading());
    (seat, false)
}

impl<S> Caller<S>
where
    S: Service<Request<Full<Bytes>>> + Clone,
    S::Future: Send + 'static,
    S::Response: Clone + Send + Sync + 'static,
    S::Error: Raise + Send + Sync + 'static,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<S::Response, S::Error>> {
        loop {
            let next = match &mut self.stage {
                Stage::Seated(seat) => match ready!(seat.poll(cx)) {
                    Some(end) => {
                        self.stage = Stage::Ended;
                        return Poll::Ready(end);
                    }
                    None => Stage::Readying(Box::new(seat.ask())),
                },
                Stage::Readying(ask) => {
                    ready!(self.later.poll_ready(cx))?;
                    let (seat, has_joined) =
                        sit(&self.table, Ask::clone(ask), &mut self.later, None);
                    if has_joined {
                        let unready = self.later.clone();
                        self.later = unready;
                    }
                    Stage::Seated(seat)
                }
                // OK because the future has ended, and nobody may poll it again.
                Stage::Ended => return Poll::Pending,
            };
            self.stage = next;
        }
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Request<Full<Bytes>>> + Clone,
    S::Future: Send + 'static,
    S::Response: Clone + Send + Sync + 'static,
    S::Error: Raise + Send + Sync + 'static,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Passed { future, write } => {
                let outcome = ready!(future.poll(cx));
                // Before its caller has the answer, and reads what it wrote.
                drop(write.take());
                Poll::Ready(outcome)
            }
            StateProj::Shared { caller } => caller.poll(cx),
        }
    }
}

impl<S> fmt::Debug for ResponseFuture<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Passed { .. } => "ResponseFuture(passed)",
            State::Shared { caller } => match caller.stage {
                Stage::Seated(_) => "ResponseFuture(shared)",
                Stage::Readying(_) => "ResponseFuture(readying)",
                Stage::Ended => "ResponseFuture(ended)",
            },
        })
    }
}
