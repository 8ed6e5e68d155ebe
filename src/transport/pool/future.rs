use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::http1::Kept;
#[cfg(feature = "http2")]
use super::http1::Sent;
#[cfg(feature = "http2")]
use super::http2::StreamHold;
use super::origin::{CheckOut, Origin, Wait};
use super::state::{Grant, Reply};
use crate::call::{CallFacts, Effect, Fault, FaultKind};
use crate::transport::body::ResponseBody;
use crate::transport::fault::{raise_broken, raise_unwritten};

type Outcome = Result<Response<ResponseBody>, Fault>;

/// How often a request that no connection began to write is given to another.
const RESENDS: u32 = 10;

/// The response of a `ProxyTransport` to come.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture {
    state: State,
}

// A box for the one that every call is in would be an allocation a call.
#[allow(clippy::large_enum_variant)]
enum State {
    Done,
    Refused(Fault),
    Sending(Sending),
}

/// A request on its way to a connection, and on it.
pub(in crate::transport) struct Sending {
    step: Step,
    origin: Arc<Origin>,
    facts: Option<Arc<CallFacts>>,
    sent: bool,
    resends: u32,
}

enum Step {
    Start(Request<Full<Bytes>>),
    Waiting {
        request: Request<Full<Bytes>>,
        wait: Wait,
        until: Option<Pin<Box<Sleep>>>,
    },
    Http1(Kept),
    #[cfg(feature = "http2")]
    Http2 {
        answer: Pin<Box<dyn Future<Output = Sent> + Send>>,
        hold: StreamHold,
        used: bool,
    },
    /// Between two steps, and after the last.
    Over,
}

impl ResponseFuture {
    pub(in crate::transport) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused(fault) }
    }

    pub(in crate::transport) fn sending(sending: Sending) -> Self {
        Self { state: State::Sending(sending) }
    }
}

impl Future for ResponseFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = match &mut self.state {
            State::Sending(sending) => match sending.poll(cx) {
                Poll::Ready(outcome) => {
                    sending.close(&outcome);
                    outcome
                }
                Poll::Pending => return Poll::Pending,
            },
            state => match std::mem::replace(state, State::Done) {
                State::Refused(fault) => Err(fault),
                // Polled after it was ready, which nobody may.
                _ => return Poll::Pending,
            },
        };
        self.state = State::Done;
        Poll::Ready(outcome)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl Sending {
    pub(in crate::transport) fn new(request: Request<Full<Bytes>>, origin: Arc<Origin>) -> Self {
        let facts = CallFacts::of(request.extensions()).map(Arc::clone);
        Self { step: Step::Start(request), origin, facts, sent: false, resends: 0 }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            // The states that are polled again and again stay where they are.
            let (sent, used) = match &mut self.step {
                Step::Http1(kept) => match kept.poll_answer(cx) {
                    Poll::Ready(sent) => (sent, kept.used),
                    Poll::Pending => return Poll::Pending,
                },
                #[cfg(feature = "http2")]
                Step::Http2 { answer, hold, used } => match answer.as_mut().poll(cx) {
                    Poll::Ready(sent) => {
                        // What comes after a head is its body's to say.
                        if sent.is_err() {
                            hold.heard();
                        }
                        (sent, *used)
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Step::Waiting { wait, until, .. } => match Pin::new(wait).poll(cx) {
                    Poll::Ready(reply) => {
                        self.granted(reply)?;
                        continue;
                    }
                    Poll::Pending if out_of_time(until, cx) => {
                        return Poll::Ready(Err(self.too_late()));
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Step::Start(_) => {
                    self.start()?;
                    continue;
                }
                Step::Over => return Poll::Pending,
            };
            match sent {
                Ok(response) => return Poll::Ready(Ok(self.answered(response))),
                Err(mut error) => match error.take_message() {
                    Some(request) if used && self.resends < RESENDS => {
                        self.resends += 1;
                        self.step = Step::Start(self.absolute(request)?);
                    }
                    Some(_) => return Poll::Ready(Err(raise_unwritten(error.into_error()))),
                    None => return Poll::Ready(Err(raise_broken(error.into_error()))),
                },
            }
        }
    }

    fn start(&mut self) -> Result<(), Fault> {
        let Step::Start(request) = std::mem::replace(&mut self.step, Step::Over) else {
            return Ok(());
        };
        match self.origin.check_out() {
            Ok(grant) => self.send(request, grant),
            Err(CheckOut::Wait(wait)) => {
                let deadline = self.facts.as_ref().and_then(|facts| facts.deadline());
                let until = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
                self.step = Step::Waiting { request, wait, until };
                Ok(())
            }
            Err(CheckOut::Refused(fault)) => Err(fault),
        }
    }

    fn granted(&mut self, reply: Reply) -> Result<(), Fault> {
        let Step::Waiting { request, .. } = std::mem::replace(&mut self.step, Step::Over) else {
            return Ok(());
        };
        self.send(request, reply?)
    }

    fn too_late(&self) -> Fault {
        let effect = self.facts.as_ref().map_or(Effect::None, |facts| facts.effect());
        Fault::new(
            FaultKind::Deadline,
            "the deadline passed while the call waited for a connection",
        )
        .with_effect(effect)
    }

    fn send(&mut self, mut request: Request<Full<Bytes>>, grant: Grant) -> Result<(), Fault> {
        match grant {
            Grant::Http1(mut kept) => {
                if request.version() == Version::HTTP_2 {
                    kept.settle(&self.origin);
                    let detail = "the request asks for HTTP/2, and the server speaks HTTP/1.1";
                    return Err(Fault::new(FaultKind::Config, detail));
                }
                to_origin_form(&mut request, &self.origin.host);
                self.mark_sent();
                kept.send(request);
                self.step = Step::Http1(kept);
            }
            #[cfg(feature = "http2")]
            Grant::Http2(mut stream) => {
                let hold = StreamHold::new(&stream, &self.origin);
                self.mark_sent();
                let answer = Box::pin(stream.sender.try_send_request(request));
                self.step = Step::Http2 { answer, hold, used: stream.used };
            }
        }
        Ok(())
    }

    fn mark_sent(&mut self) {
        // When the connection turns out closed before the request was begun, the attempt counts as
        // sent while another is awaited: the harmless mistake of the two, and corrected at the end.
        if !self.sent
            && let Some(facts) = &self.facts
        {
            facts.mark_sent();
        }
        self.sent = true;
    }

    /// The request as it was before it was given to a connection.
    fn absolute(&self, mut request: Request<Full<Bytes>>) -> Result<Request<Full<Bytes>>, Fault> {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(self.origin.scheme.clone());
        parts.authority = Some(self.origin.authority.clone());
        *request.uri_mut() = Uri::from_parts(parts).map_err(|error| {
            Fault::new(FaultKind::Config, "the request's URI can't be sent to").with_source(error)
        })?;
        Ok(request)
    }

    fn answered(&mut self, response: Response<Incoming>) -> Response<ResponseBody> {
        let hold = match std::mem::replace(&mut self.step, Step::Over) {
            Step::Http1(kept) => Hold::Http1 { kept, origin: Arc::clone(&self.origin) },
            #[cfg(feature = "http2")]
            Step::Http2 { hold, .. } => Hold::Http2(hold),
            _ => Hold::Nothing,
        };
        response.map(|incoming| ResponseBody::holding(incoming, hold))
    }

    fn close(&self, outcome: &Outcome) {
        let effect = match outcome {
            Ok(response) => Effect::of_status(response.status()),
            Err(fault) => fault.effect(),
        };
        if self.sent
            && effect == Effect::None
            && let Some(facts) = &self.facts
        {
            facts.mark_harmless();
        }
    }
}

fn out_of_time(until: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready())
}

/// HTTP/1.1 names the path in its first line and the origin in a header.
fn to_origin_form(request: &mut Request<Full<Bytes>>, host: &HeaderValue) {
    let path = std::mem::take(request.uri_mut()).into_parts().path_and_query;
    // An empty path, which stands before a fragment, says that it is "/" and is written as nothing.
    let path = path.filter(|path| path.as_str() != "/");
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    request.headers_mut().entry(header::HOST).or_insert_with(|| host.clone());
}

/// What an answer's body keeps from others until it has been read.
pub(in crate::transport) enum Hold {
    Nothing,
    Http1 {
        kept: Kept,
        origin: Arc<Origin>,
    },
    #[cfg(feature = "http2")]
    Http2(StreamHold),
}

impl Hold {
    /// The body has ended.
    pub(in crate::transport) fn release(&mut self) {
        match std::mem::replace(self, Self::Nothing) {
            Self::Http1 { kept, origin } => kept.settle(&origin),
            #[cfg(feature = "http2")]
            Self::Http2(mut stream) => stream.heard(),
            Self::Nothing => {}
        }
    }

    /// The body broke off.
    pub(in crate::transport) fn broke_off(&mut self) {
        // How a connection of HTTP/1.1 ends, its own task sees.
        #[cfg(feature = "http2")]
        if let Self::Http2(stream) = self {
            stream.heard();
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

/// A connection that was granted and not used: it is given back.
pub(super) struct Unused {
    grant: Option<Grant>,
    origin: Arc<Origin>,
}

impl Unused {
    pub(super) fn new(grant: Grant, origin: &Arc<Origin>) -> Self {
        Self { grant: Some(grant), origin: Arc::clone(origin) }
    }

    /// Ready once the connection has begun to work, so that it is at rest when it is given back.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.grant {
            Some(Grant::Http1(kept)) => kept.poll_rest(cx),
            #[cfg(feature = "http2")]
            Some(Grant::Http2(_)) => Poll::Ready(()),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            self.origin.take_back(grant);
        }
    }
}
