//! A server that answers when it is told to, and callers that are polled by hand.

mod failures;
mod flights;
mod freshness;
mod handing_over;
mod sharing;
mod threads;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use tokio::sync::oneshot;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service};

use super::{Coalesce, CoalesceLayer, ResponseFuture};
use crate::call::{BoxError, CallFacts, CallOptions, Idempotency};

type Outgoing = Request<Full<Bytes>>;
type Answer = Result<Response<&'static str>, BoxError>;
type Calling = task::Spawn<ResponseFuture<Server>>;

const URI: &str = "https://api.test/v1/Services/KS1/Sessions/KC1?a=b";

/// Counts its futures, keeps what it is asked, and answers by hand. Panics if it is called without
/// having been readied; no clone is ready.
struct Server {
    shared: Arc<Shared>,
    ready: bool,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    alive: AtomicUsize,
    polls: AtomicUsize,
    /// What happens on another thread, while a read is being polled.
    meanwhile: Mutex<Option<Meanwhile>>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

struct Asked {
    request: Outgoing,
    answer: Option<oneshot::Sender<Answer>>,
    /// Of the last poll, to be woken for nothing.
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Asked {
    fn facts(&self) -> &Arc<CallFacts> {
        CallFacts::of(self.request.extensions()).expect("facts")
    }

    fn answer(&mut self, answer: Answer) {
        let waits = self.answer.take().expect("the first answer").send(answer);
        assert!(waits.is_ok(), "nobody waits for the answer");
    }
}

impl Clone for Server {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ready: false }
    }
}

impl Service<Outgoing> for Server {
    type Response = Response<&'static str>;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Outgoing) -> Answering {
        assert!(std::mem::take(&mut self.ready), "an instance was called that was not ready");
        assert_ne!(request.uri().path(), "/panic-in-call", "as asked");
        let (answer, answered) = oneshot::channel();
        self.shared.alive.fetch_add(1, SeqCst);
        let facts = CallFacts::of(request.extensions()).cloned();
        let panics = request.uri().path() == "/panic-in-poll";
        let (waker, shared) = (Arc::default(), Arc::clone(&self.shared));
        let asked = Asked { request, answer: Some(answer), waker: Arc::clone(&waker) };
        shared.asked.lock().unwrap().push(asked);
        Answering { answered, facts, panics, waker, shared }
    }
}

struct Answering {
    answered: oneshot::Receiver<Answer>,
    facts: Option<Arc<CallFacts>>,
    panics: bool,
    waker: Arc<Mutex<Option<Waker>>>,
    shared: Arc<Shared>,
}

impl Future for Answering {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.shared.polls.fetch_add(1, SeqCst);
        // As a transport does that takes the request when it is first polled.
        if let Some(facts) = self.facts.take() {
            facts.mark_reached();
            facts.mark_sent();
        }
        let before = self.waker.lock().unwrap().replace(cx.waker().clone());
        drop(before);
        let meanwhile = self.shared.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|happens| happens());
        let answer = Pin::new(&mut self.answered).poll(cx);
        assert!(answer.is_pending() || !self.panics, "as asked");
        answer.map(|answer| answer.expect("the server answers"))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.shared.alive.fetch_sub(1, SeqCst);
    }
}

/// A service, and the server below it.
struct Bench {
    layer: CoalesceLayer,
    service: Coalesce<Server>,
    server: Arc<Shared>,
}

impl Bench {
    fn new() -> Self {
        Self::of(CoalesceLayer::new())
    }

    fn of(layer: CoalesceLayer) -> Self {
        let server = Server { shared: Arc::default(), ready: false };
        Self { service: layer.layer(server.clone()), layer, server: server.shared }
    }

    /// A call that has not been polled.
    fn call(&self, request: Outgoing) -> Calling {
        let mut service = self.service.clone();
        assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        task::spawn(service.call(request))
    }

    /// A call that waits.
    fn waiting(&self, request: Outgoing) -> Calling {
        let mut call = self.call(request);
        assert_pending!(call.poll());
        call
    }

    fn asked(&self) -> usize {
        self.server.asked.lock().unwrap().len()
    }

    fn alive(&self) -> usize {
        self.server.alive.load(SeqCst)
    }

    /// Looks at the request of this number.
    fn with<R>(&self, number: usize, with: impl FnOnce(&mut Asked) -> R) -> R {
        with(self.server.asked.lock().unwrap().get_mut(number).expect("a request"))
    }

    fn answer(&self, number: usize, body: &'static str) {
        let answer = self.with(number, |asked| asked.answer.take()).expect("the first answer");
        assert!(answer.send(Ok(Response::new(body))).is_ok(), "nobody waits for the answer");
    }

    fn fail(&self, number: usize, error: impl Into<BoxError>) {
        let answer = self.with(number, |asked| asked.answer.take()).expect("the first answer");
        assert!(answer.send(Err(error.into())).is_ok(), "nobody waits for the answer");
    }

    /// Lets something happen while the read is polled the next time.
    fn meanwhile(&self, happens: impl FnOnce() + Send + 'static) {
        *self.server.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }

    /// Wakes the read, though nothing has come of it.
    fn nudge(&self, number: usize) {
        let waker = self.with(number, |asked| asked.waker.lock().unwrap().take());
        waker.into_iter().for_each(Waker::wake);
    }

    /// Nothing is left of any read: no future, no entry that could be joined, no caller.
    #[track_caller]
    fn is_at_rest(&self) {
        assert_eq!((self.alive(), self.layer.in_flight(), self.layer.waiting()), (0, 0, 0));
        let asked = self.asked();
        drop(self.call(read(Wish::default())));
        assert_eq!(self.asked(), asked + 1, "there is a read to join");
    }
}

/// What a read asks for beyond the usual.
#[derive(Default)]
struct Wish {
    within: Option<Duration>,
    options: Option<CallOptions>,
}

fn within(seconds: u64) -> Wish {
    Wish { within: Some(Duration::from_secs(seconds)), ..Wish::default() }
}

fn wishing(options: CallOptions) -> Wish {
    Wish { options: Some(options), ..Wish::default() }
}

/// A read as the gateway makes it, below the deadline.
fn read(wish: Wish) -> Outgoing {
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe)
        .with_options(wish.options.map(Box::new));
    if let Some(within) = wish.within {
        facts.tighten_deadline(facts.started() + within);
    }
    let mut request = bare(URI);
    request.extensions_mut().insert(Arc::new(facts));
    request
}

/// A read that no gateway made.
fn bare(uri: &str) -> Outgoing {
    Request::get(uri).body(Full::default()).unwrap()
}

fn write() -> Outgoing {
    let mut request = bare(URI);
    *request.method_mut() = Method::POST;
    let facts = CallFacts::new("sessions.update", Idempotency::Idempotent);
    request.extensions_mut().insert(Arc::new(facts));
    request
}

fn facts(request: &Outgoing) -> Arc<CallFacts> {
    Arc::clone(CallFacts::of(request.extensions()).expect("facts"))
}

#[track_caller]
fn body(call: &mut Calling) -> &'static str {
    assert_ready!(call.poll()).expect("an answer").into_body()
}
