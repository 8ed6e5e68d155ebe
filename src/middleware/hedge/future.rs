use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower::Service;

use super::course::Course;
use crate::call::{Classifier, Raise};

pin_project! {
    /// The response of a [`Hedge`](super::Hedge): that of the try which answered first.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, C>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        first: First<S::Future>,
        // `None` while hedging is off; and boxed, since every layer above moves this future: half a
        // kilobyte that a call without hedging never needs.
        beside: Option<Pin<Box<Beside<S, C>>>>,
    }
}

pin_project! {
    /// What goes on beside the first try.
    struct Beside<S, C>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        // Made when the call first has to wait, inside a poll: a timer needs a runtime around it.
        #[pin]
        timer: Option<Sleep>,
        course: Course<S, C>,
    }
}

pin_project! {
    #[project = FirstProjection]
    enum First<F>
    where
        F: Future,
    {
        Running { #[pin] future: F },
        /// Its future is dropped. Where it failed beside a second try, its outcome waits for that
        /// one's.
        Over { failed: Option<F::Output> },
    }
}

impl<S, C> ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(super) fn new(first: S::Future, course: Option<Course<S, C>>) -> Self {
        let beside = course.map(|course| Box::pin(Beside { timer: None, course }));
        Self { first: First::Running { future: first }, beside }
    }
}

impl<S, C, B> Future for ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Raise,
    C: Classifier<B>,
{
    type Output = Result<Response<B>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut beside = this.beside.as_mut().map(|beside| beside.as_mut().project());
        if let FirstProjection::Running { future } = this.first.as_mut().project()
            && let Poll::Ready(result) = future.poll(cx)
        {
            // What is over is dropped, the second try in here with its course.
            if beside.as_mut().is_none_or(|beside| beside.course.first_ended(&result)) {
                return Poll::Ready(result);
            }
            this.first.set(First::Over { failed: Some(result) });
        }
        let Some(beside) = beside else { return Poll::Pending };
        let (is_answer, result) = ready!(beside.course.poll_second(beside.timer, cx));
        if is_answer {
            this.first.set(First::Over { failed: None });
            return Poll::Ready(result);
        }
        match this.first.project() {
            // The first may still answer, and has just been polled.
            FirstProjection::Running { .. } => Poll::Pending,
            FirstProjection::Over { failed } => failed.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<S, C> fmt::Debug for ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.beside.as_ref().map_or("off", |beside| beside.course.state());
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
