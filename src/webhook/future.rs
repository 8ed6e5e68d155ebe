use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::Service;

use super::service::Ticket;
use super::{Refusal, ValidateSignatureLayer};
use crate::call::Gathered;

/// How many frames are read before others get their turn. A body that is always ready, and never
/// ends, would hold the thread, and its own clock too.
const FRAMES: usize = 64;

pin_project! {
    /// The response of a [`ValidateSignature`](super::ValidateSignature).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, F, B> {
        #[pin]
        state: State<S, F, B>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, F, B> {
        Reading {
            #[pin]
            body: B,
            // Set when the body first makes us wait.
            #[pin]
            timer: Option<Sleep>,
            gathered: Gathered,
            rest: Option<Rest<S>>,
        },
        Calling {
            #[pin]
            future: F,
        },
        Refused {
            refusal: Option<Refusal>,
        },
    }
}

/// What waits for the body.
struct Rest<S> {
    inner: S,
    head: Parts,
    ticket: Ticket,
    settings: ValidateSignatureLayer,
}

impl<S, F, B> ResponseFuture<S, F, B> {
    pub(super) fn reading(
        inner: S,
        head: Parts,
        body: B,
        ticket: Ticket,
        settings: ValidateSignatureLayer,
    ) -> Self {
        let rest = Some(Rest { inner, head, ticket, settings });
        let gathered = Gathered::default();
        Self { state: State::Reading { body, timer: None, gathered, rest } }
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self { state: State::Refused { refusal: Some(refusal) } }
    }
}

impl<S, B, R> Future for ResponseFuture<S, S::Future, B>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
    B: Body<Data = Bytes>,
    R: Default,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                Projected::Reading { body, timer, gathered, rest } => {
                    let Some(Rest { settings, .. }) = rest else { return Poll::Pending };
                    let bounds = (settings.limit, settings.timeout);
                    let read = ready!(read(body, timer, gathered, bounds, cx));
                    let bytes = std::mem::take(gathered).into_bytes();
                    let Some(rest) = rest.take() else { return Poll::Pending };
                    // Either way the body goes, and with a refusal the readied service as well.
                    match read.and_then(|()| rest.verify(bytes)) {
                        Ok((mut inner, request)) => {
                            let future = inner.call(request);
                            this.state.set(State::Calling { future });
                        }
                        Err(refusal) => {
                            this.state.set(State::Refused { refusal: Some(refusal) });
                        }
                    }
                }
                Projected::Calling { future } => return future.poll(cx),
                // Nothing is left to say to whoever polls again after the end.
                Projected::Refused { refusal } => match refusal.take() {
                    Some(refusal) => return Poll::Ready(Ok(answer(refusal))),
                    None => return Poll::Pending,
                },
            }
        }
    }
}

impl<S> Rest<S> {
    /// The service, and the request for it, with the body as it came.
    fn verify(self, body: Bytes) -> Result<(S, Request<Full<Bytes>>), Refusal> {
        let Self { inner, mut head, ticket, settings } = self;
        let verified = settings.conclude(&head, &ticket, &body)?;
        head.extensions.insert(verified);
        Ok((inner, Request::from_parts(head, Full::new(body))))
    }
}

/// Reads until the end, the cap, the time-out or an error.
fn read<B: Body<Data = Bytes>>(
    mut body: Pin<&mut B>,
    mut timer: Pin<&mut Option<Sleep>>,
    gathered: &mut Gathered,
    (limit, timeout): (usize, Duration),
    cx: &mut Context<'_>,
) -> Poll<Result<(), Refusal>> {
    let mut waits = false;
    for _ in 0..FRAMES {
        let Poll::Ready(frame) = body.as_mut().poll_frame(cx) else {
            waits = true;
            break;
        };
        let frame = match frame {
            None => return Poll::Ready(Ok(())),
            Some(Err(_)) => return Poll::Ready(Err(Refusal::BrokenOff)),
            Some(Ok(frame)) => frame,
        };
        // Trailers have nothing to say to anybody here.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit.saturating_sub(gathered.len()) {
            return Poll::Ready(Err(Refusal::TooLarge { limit }));
        }
        gathered.push(data, &body.size_hint());
    }
    if timer.is_none() {
        timer.set(Some(sleep(timeout)));
    }
    if let Some(timer) = timer.as_pin_mut()
        && timer.poll(cx).is_ready()
    {
        return Poll::Ready(Err(Refusal::TooSlow));
    }
    if !waits {
        cx.waker().wake_by_ref();
    }
    Poll::Pending
}

fn answer<R: Default>(refusal: Refusal) -> Response<R> {
    let status = refusal.status();
    tracing::info!(status = status.as_u16(), reason = %refusal, "a callback is refused");
    let mut response = Response::new(R::default());
    *response.status_mut() = status;
    response
}

/// Without the service, the request and the future inside, which may print what is in them.
impl<S, F, B> fmt::Debug for ResponseFuture<S, F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("ResponseFuture");
        match &self.state {
            State::Reading { gathered, .. } => {
                parts.field("state", &"reading").field("gathered", &gathered.len())
            }
            State::Calling { .. } => parts.field("state", &"calling"),
            State::Refused { refusal } => parts.field("state", refusal),
        };
        parts.finish_non_exhaustive()
    }
}
