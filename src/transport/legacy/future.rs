use std::fmt;
use std::future::{Future, Ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use super::super::body::ResponseBody;
use super::super::fault::raise;
use crate::call::{CallFacts, Effect, Fault};

type Outcome = Result<Response<ResponseBody>, Fault>;

/// The response of a `LegacyTransport` to come.
#[must_use = "futures do nothing unless polled"]
pub struct LegacyFuture {
    state: State,
}

enum State {
    Refused(Ready<Outcome>),
    Sending { response: legacy::ResponseFuture, witness: Option<Witness> },
}

impl LegacyFuture {
    pub(super) fn refused(fault: Fault) -> Self {
        Self { state: State::Refused(std::future::ready(Err(fault))) }
    }

    pub(super) fn sending(response: legacy::ResponseFuture, witness: Option<Witness>) -> Self {
        Self { state: State::Sending { response, witness } }
    }
}

impl Future for LegacyFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let (response, witness) = match &mut self.state {
            State::Refused(refused) => return Pin::new(refused).poll(cx),
            State::Sending { response, witness } => (response, witness),
        };
        let polled = Pin::new(response).poll(cx);
        if let Some(witness) = witness {
            witness.look();
        }
        let outcome = match ready!(polled) {
            Ok(response) => Ok(response.map(ResponseBody::new)),
            Err(error) => Err(raise(error)),
        };
        if let Some(witness) = witness {
            witness.close(match &outcome {
                Ok(response) => Effect::of_status(response.status()),
                Err(fault) => fault.effect(),
            });
        }
        Poll::Ready(outcome)
    }
}

impl fmt::Debug for LegacyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyFuture").finish_non_exhaustive()
    }
}

/// Sees whether the attempt left this process, and enters it into the call's facts.
///
/// The pool hands a request to a connection inside a poll of its own future and nowhere else, and
/// shows which connection just before. So whoever looks after every poll knows at any time whether
/// the request may be on the wire, and a future that is dropped has nothing left to say: what was
/// dropped before a connection was shown was never handed over.
pub(super) struct Witness {
    facts: Arc<CallFacts>,
    connection: CaptureConnection,
    sent: bool,
}

impl Witness {
    pub(super) fn of(request: &mut Request<Full<Bytes>>) -> Option<Self> {
        let facts = Arc::clone(CallFacts::of(request.extensions())?);
        let connection = capture_connection(request);
        Some(Self { facts, connection, sent: false })
    }

    fn look(&mut self) {
        // Once shown, a connection stays. When it turns out closed before the request was begun, and
        // the pool opens another, the attempt counts as sent while it is not: the harmless mistake
        // of the two, and corrected when the attempt ends.
        if !self.sent && self.connection.connection_metadata().is_some() {
            self.sent = true;
            self.facts.mark_sent();
        }
    }

    fn close(&mut self, effect: Effect) {
        if self.sent && effect == Effect::None {
            self.facts.mark_harmless();
        }
    }
}
