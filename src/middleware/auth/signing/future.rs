use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::Service;

use super::work::Work;
use crate::call::{CallFacts, Effect, Fault, FaultKind, Raise};

/// Where the token goes. <https://www.twilio.com/docs/iam/pkcv/quickstart>
const VALIDATION: HeaderName = HeaderName::from_static("twilio-client-validation");

pin_project! {
    /// The response of a [`Signing`](super::Signing), or its refusal.
    ///
    /// A call that waits for its signature is boxed with its service and its request until it goes.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F> {
        Sent { #[pin] future: F },
        Held { held: Option<Box<Held<S>>> },
        Refused { fault: Option<Fault> },
    }
}

/// A call whose signature is being made, with the readied service that it will go to.
struct Held<S> {
    service: S,
    request: Request<Full<Bytes>>,
    facts: Option<Arc<CallFacts>>,
    work: Work,
}

impl<S> ResponseFuture<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    pub(super) fn sent(future: S::Future) -> Self {
        Self { state: State::Sent { future } }
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused { fault: Some(fault) } }
    }

    pub(super) fn held(service: S, request: Request<Full<Bytes>>, work: Work) -> Self {
        let facts = CallFacts::of(request.extensions()).cloned();
        // It has not gone further down, and what takes the time is not the server.
        if let Some(facts) = &facts {
            facts.enter_queue();
        }
        let held = Some(Box::new(Held { service, request, facts, work }));
        Self { state: State::Held { held } }
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Request<Full<Bytes>>>,
    S::Error: Raise,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Sent { future } => return future.poll(cx),
                StateProjection::Held { held: slot } => {
                    // OK because who is gone has been sent, or refused below.
                    let Some(held) = slot else { return Poll::Pending };
                    let token = ready!(held.work.poll(cx));
                    let (Some(token), Some(held)) = (token, slot.take()) else {
                        *slot = None;
                        return Poll::Ready(Err(unsigned().into()));
                    };
                    let Held { mut service, request, facts, work: _ } = *held;
                    if let Some(facts) = facts {
                        facts.leave_queue();
                    }
                    let future = service.call(with_token(request, token));
                    state.set(State::Sent { future });
                }
                StateProjection::Refused { fault } => match fault.take() {
                    Some(fault) => return Poll::Ready(Err(fault.into())),
                    // OK because the future has ended, and nobody may poll it again.
                    None => return Poll::Pending,
                },
            }
        }
    }
}

/// The request with its token, in place of any that was there.
pub(super) fn with_token(
    mut request: Request<Full<Bytes>>,
    token: HeaderValue,
) -> Request<Full<Bytes>> {
    request.headers_mut().insert(VALIDATION, token);
    request
}

pub(super) fn unsigned() -> Fault {
    let detail = "not sent: no signature could be made, as the runtime is shutting down";
    Fault::new(FaultKind::Config, detail).with_effect(Effect::None)
}

impl<S> fmt::Debug for ResponseFuture<S>
where
    S: Service<Request<Full<Bytes>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Sent { .. } => "ResponseFuture(sent)",
            State::Held { .. } => "ResponseFuture(being signed)",
            State::Refused { .. } => "ResponseFuture(refused)",
        })
    }
}
