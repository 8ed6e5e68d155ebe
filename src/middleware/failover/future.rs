use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::Service;

use super::course::Course;
use super::layer::Settings;
use crate::call::{Classifier, Fault, Raise};

pin_project! {
    /// The future of [`Failover`](super::Failover).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, C>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        step: Step<S::Future>,
        // After the step: the inner future is gone before its endpoint counts it out. None where there
        // is nothing to choose; and boxed, since every layer above moves this future: half a kilobyte
        // that one endpoint never needs.
        course: Option<Box<Course<S, C, S::Error>>>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F> {
        Trying { #[pin] attempt: F },
        /// One endpoint has turned the attempt away, and the service is not ready for another yet.
        Readying,
        Failed { fault: Option<Fault> },
    }
}

impl<S, C> ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(super) fn through(attempt: S::Future) -> Self {
        Self { step: Step::Trying { attempt }, course: None }
    }

    pub(super) fn chosen(
        ready: &mut S,
        later: S,
        request: Request<Full<Bytes>>,
        settings: Arc<Settings<C>>,
    ) -> Self {
        let (mut course, request) = Course::new(later, request, settings);
        let step = match course.depart(request) {
            Ok(request) => Step::Trying { attempt: ready.call(request) },
            Err(fault) => Step::Failed { fault: Some(fault) },
        };
        Self { step, course: Some(Box::new(course)) }
    }
}

impl<S, C, B> Future for ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: Raise,
    C: Classifier<B>,
{
    type Output = Result<Response<B>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Trying { attempt } => {
                    let polled = attempt.poll(cx);
                    let Some(course) = this.course else { return polled };
                    course.look();
                    if let ControlFlow::Break(answer) = course.arrive(ready!(polled)) {
                        return Poll::Ready(answer);
                    }
                    this.step.set(Step::Readying);
                }
                StepProjection::Readying => {
                    // Never none: without a course nothing gets here.
                    let Some(course) = this.course else { return Poll::Pending };
                    ready!(course.later.poll_ready(cx))?;
                    match course.again() {
                        Ok(request) => {
                            let attempt = course.later.call(request);
                            this.step.set(Step::Trying { attempt });
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                StepProjection::Failed { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    // OK because the future has ended, and nobody may poll it again.
                    None => return Poll::Pending,
                },
            }
        }
    }
}

impl<S, C> fmt::Debug for ResponseFuture<S, C>
where
    S: Service<Request<Full<Bytes>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Trying { .. } => "trying",
            Step::Readying => "readying",
            Step::Failed { .. } => "failed",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}
