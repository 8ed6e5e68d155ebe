use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, header, response};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::call::{BoxError, CallFacts, Collected, Effect, Fault, FaultKind, Gathered, Raise};

pin_project! {
    /// The response of a [`Collect`](super::Collect).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        state: State<F, B>,
        // There when this layer reports in the transport's stead.
        tracked: Option<Arc<CallFacts>>,
        limit: usize,
        // The answer to a HEAD announces a body that will not come.
        bodiless: bool,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F, B> {
        Head {
            #[pin]
            future: F,
        },
        Body {
            #[pin]
            body: B,
            head: Option<response::Parts>,
            gathered: Gathered,
        },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn new(
        future: F,
        tracked: Option<Arc<CallFacts>>,
        limit: usize,
        bodiless: bool,
    ) -> Self {
        Self { state: State::Head { future }, tracked, limit, bodiless }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
    E: Raise,
{
    type Output = Result<Response<Collected>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                Projected::Head { future } => {
                    let outcome = ready!(future.poll(cx));
                    if let Some(facts) = this.tracked.take()
                        && effect_of(&outcome) == Effect::None
                    {
                        facts.mark_harmless();
                    }
                    let (head, body) = outcome?.into_parts();
                    if head.status.is_success()
                        && !*this.bodiless
                        && announced(&head, &body) > *this.limit as u64
                    {
                        return Poll::Ready(Err(too_large(&head, *this.limit).into()));
                    }
                    let gathered = Gathered::default();
                    this.state.set(State::Body { body, head: Some(head), gathered });
                }
                Projected::Body { body, head, gathered } => {
                    let done = ready!(gather(body, head.as_ref(), gathered, *this.limit, cx));
                    let bytes = std::mem::take(gathered).into_bytes();
                    // Nothing is left to say to whoever polls again after the end.
                    let Some(head) = head.take() else { return Poll::Pending };
                    let done = done.map(|()| Response::from_parts(head, Collected::new(bytes)));
                    return Poll::Ready(done.map_err(Into::into));
                }
            }
        }
    }
}

/// Without the future and the body inside, which may print what is in them.
impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("ResponseFuture");
        match &self.state {
            State::Head { .. } => parts.field("state", &"head"),
            State::Body { gathered, .. } => {
                parts.field("state", &"body").field("gathered", &gathered.len())
            }
        };
        parts.field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Reads until the end, the cap or an error.
fn gather<B>(
    mut body: Pin<&mut B>,
    head: Option<&response::Parts>,
    gathered: &mut Gathered,
    limit: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Fault>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    // The answer itself after a 2xx, and commentary after anything else.
    let vital = head.filter(|head| head.status.is_success());
    loop {
        let Some(frame) = ready!(body.as_mut().poll_frame(cx)) else { return Poll::Ready(Ok(())) };
        let frame = match (frame, vital) {
            (Ok(frame), _) => frame,
            (Err(error), Some(head)) => {
                return Poll::Ready(Err(broken_off(error.into(), head)));
            }
            (Err(_), None) => return Poll::Ready(Ok(())),
        };
        // Trailers have nothing to say to anybody here.
        let Ok(mut data) = frame.into_data() else { continue };
        let room = limit - gathered.len();
        if data.len() > room {
            if let Some(head) = vital {
                return Poll::Ready(Err(too_large(head, limit)));
            }
            data.truncate(room);
            gathered.push(data, &http_body::SizeHint::with_exact(0));
            return Poll::Ready(Ok(()));
        }
        gathered.push(data, &body.size_hint());
    }
}

/// How long the body says it is, at least, in bytes.
fn announced<B: Body>(head: &response::Parts, body: &B) -> u64 {
    // Some wrappers of bodies know of no length; the header does, unless nothing will come at all.
    let length = match head.headers.get(header::CONTENT_LENGTH) {
        Some(length) if !body.is_end_stream() => length.to_str().ok().and_then(|l| l.parse().ok()),
        _ => None,
    };
    body.size_hint().lower().max(length.unwrap_or(0))
}

fn effect_of<B, E: Raise>(outcome: &Result<Response<B>, E>) -> Effect {
    match outcome {
        Ok(response) => Effect::of_status(response.status()),
        Err(error) => Fault::find(error.as_ref()).map_or(Effect::Unknown, Fault::effect),
    }
}

fn too_large(head: &response::Parts, limit: usize) -> Fault {
    let detail = format!("the answer's body is larger than the cap of {limit} bytes");
    Fault::new(FaultKind::BodyTooLarge { limit }, detail)
        .with_effect(Effect::Applied)
        .with_status(head.status)
}

/// The fault of a body that broke off: the one that its error holds, or else a new one.
///
/// Whatever that fault says of itself, a 2xx came before it: the effect is never none.
fn broken_off(error: BoxError, head: &response::Parts) -> Fault {
    let fault = match error.downcast::<Fault>() {
        Ok(fault) => *fault,
        Err(error) => {
            let kind = Fault::find(&*error).map_or(FaultKind::Incomplete, Fault::kind);
            Fault::new(kind, "the answer's body broke off").with_source(error)
        }
    };
    let effect = fault.effect().max(Effect::Unknown);
    fault.with_effect(effect).with_status(head.status)
}
