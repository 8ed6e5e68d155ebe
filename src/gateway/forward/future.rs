use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

use super::answer::{Stake, failed, relayed, replied};
use super::plan::Plan;
use super::{Forwarded, Forwards, Relay};
use crate::sessions::{CreateSession, DeleteSession, UpdateSession};
use crate::wire::Configured;

pin_project! {
    /// The answer to come: see [`Forward`](super::Forward).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<G>
    where
        G: Service<Forwarded<CreateSession>>,
        G: Service<Forwarded<UpdateSession>>,
        G: Service<Forwarded<DeleteSession>>,
        G: Service<Configured<Relay>>,
    {
        #[pin]
        state: State<
            Oneshot<G, Forwarded<CreateSession>>,
            Oneshot<G, Forwarded<UpdateSession>>,
            Oneshot<G, Forwarded<DeleteSession>>,
            Oneshot<G, Configured<Relay>>,
        >,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<C, U, D, R> {
        Create { #[pin] call: C, stake: Stake },
        Update { #[pin] call: U },
        Delete { #[pin] call: D },
        Relay { #[pin] call: R, stake: Stake },
        Answer { response: Option<Response<Full<Bytes>>> },
    }
}

impl<G: Forwards> ResponseFuture<G> {
    pub(super) fn new(gateway: &G, plan: Plan) -> Self {
        let gateway = || gateway.clone();
        let state = match plan {
            Plan::Create { create, stake } => {
                State::Create { call: gateway().oneshot(create), stake }
            }
            Plan::Update(update) => State::Update { call: gateway().oneshot(update) },
            Plan::Delete(delete) => State::Delete { call: gateway().oneshot(delete) },
            Plan::Relay { relay, stake } => State::Relay { call: gateway().oneshot(relay), stake },
            Plan::Answer(response) => State::Answer { response: Some(response) },
        };
        Self { state }
    }
}

impl<G: Forwards> Future for ResponseFuture<G> {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match self.project().state.project() {
            StateProjection::Create { call, stake } => match ready!(call.poll(cx)) {
                Ok(reply) => replied(reply, StatusCode::CREATED),
                Err(error) => failed(&error, *stake),
            },
            StateProjection::Update { call } => match ready!(call.poll(cx)) {
                Ok(reply) => replied(reply, StatusCode::OK),
                Err(error) => failed(&error, Stake::Other),
            },
            StateProjection::Delete { call } => match ready!(call.poll(cx)) {
                Ok(reply) => replied(reply, StatusCode::NO_CONTENT),
                Err(error) => failed(&error, Stake::Other),
            },
            StateProjection::Relay { call, stake } => match ready!(call.poll(cx)) {
                Ok(answer) => relayed(answer, None),
                Err(error) => failed(&error, *stake),
            },
            StateProjection::Answer { response } => match response.take() {
                Some(response) => response,
                // A future that is polled after its end may pend for ever.
                None => return Poll::Pending,
            },
        };
        Poll::Ready(Ok(response))
    }
}

impl<G: Forwards> fmt::Debug for ResponseFuture<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Create { .. } => "ResponseFuture(create)",
            State::Update { .. } => "ResponseFuture(update)",
            State::Delete { .. } => "ResponseFuture(delete)",
            State::Relay { .. } => "ResponseFuture(relay)",
            State::Answer { .. } => "ResponseFuture(answer)",
        })
    }
}
