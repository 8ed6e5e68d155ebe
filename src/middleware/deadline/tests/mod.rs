//! Behaviour in paused time, no sockets. Here is what the tests share: a transport that does as it
//! is told and reports it, as the real one does.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::call::{BoxError, CallFacts, CallOptions, Effect, Fault, FaultKind, Idempotency, Live};

mod attempts;
mod calls;
mod vigil;

type Call = Request<()>;
type Answer = Response<&'static str>;

const SECOND: Duration = Duration::from_secs(1);

fn call_with(options: CallOptions) -> (Call, Arc<CallFacts>) {
    let facts = CallFacts::new("sessions.test", Idempotency::Unsafe);
    let facts = Arc::new(facts.with_options(Some(options.into())));
    let request = Request::builder().extension(Arc::clone(&facts)).body(()).expect("a request");
    (request, facts)
}

fn call() -> (Call, Arc<CallFacts>) {
    call_with(CallOptions::new())
}

/// What a transport says of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Report {
    reached: bool,
    sent: bool,
    harmless: bool,
    /// Bytes that were on their way when the attempt was dropped.
    sent_when_dropped: bool,
}

/// Answers after a while, reports as told, and panics where it is called without being ready.
#[derive(Debug)]
struct Transport {
    takes: Duration,
    report: Report,
    ready: bool,
    /// One more reference for each instance and each attempt that is alive.
    alive: Arc<()>,
}

impl Transport {
    fn taking(takes: Duration) -> Self {
        Self { takes, report: Report::default(), ready: false, alive: Arc::default() }
    }

    fn reporting(report: Report) -> Self {
        Self { report, ..Self::taking(Duration::from_secs(3600)) }
    }
}

impl Clone for Transport {
    fn clone(&self) -> Self {
        let alive = Arc::clone(&self.alive);
        Self { takes: self.takes, report: self.report, ready: false, alive }
    }
}

impl Service<Call> for Transport {
    type Response = Answer;
    type Error = BoxError;
    type Future = Attempt;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Call) -> Attempt {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        let facts = Arc::clone(CallFacts::of(request.extensions()).expect("facts"));
        let Report { reached, sent, harmless, sent_when_dropped } = self.report;
        for (said, mark) in [
            (reached, CallFacts::mark_reached as fn(&CallFacts)),
            (sent, CallFacts::mark_sent),
            (harmless, CallFacts::mark_harmless),
        ] {
            if said {
                mark(&facts);
            }
        }
        let last_words = LastWords { facts, sent: sent_when_dropped };
        let answer = tokio::time::sleep(self.takes);
        Attempt { answer, last_words, alive: Arc::clone(&self.alive) }
    }
}

struct LastWords {
    facts: Arc<CallFacts>,
    sent: bool,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if self.sent {
            self.facts.mark_sent();
        }
    }
}

pin_project! {
    struct Attempt {
        #[pin]
        answer: Sleep,
        last_words: LastWords,
        alive: Arc<()>,
    }
}

impl Future for Attempt {
    type Output = Result<Answer, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().answer.poll(cx).map(|()| Ok(Response::new("here")))
    }
}

/// The kind and the effect of the fault in an error.
fn fault<T: std::fmt::Debug>(result: Result<T, BoxError>) -> (FaultKind, Effect) {
    let error = result.expect_err("a fault");
    let fault = Fault::find(error.as_ref()).expect("a fault of ours");
    (fault.kind(), fault.effect())
}

/// A runtime to await in, in paused time.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}
