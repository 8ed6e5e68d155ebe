//! One attempt on its way: where it may go, where it went, and what is kept to send it elsewhere.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use tokio::time::Instant;

use super::Base;
use super::group::{Ask, Done, End};
use super::layer::Settings;
use crate::call::{
    CallFacts, CallOptions, Class, Classifier, Fault, FaultKind, Idempotency, Raise, Rejection,
};
use crate::middleware::replay::Replay;
use crate::middleware::stopwatch::Stopwatch;

pub(super) struct Course<S, C, E> {
    pub(super) later: S,
    replay: Replay,
    facts: Arc<CallFacts>,
    settings: Arc<Settings<C>>,
    fixed: Option<u32>,
    avoid: Option<u32>,
    stay: Option<u32>,
    turn: Option<Turn>,
    /// Who turned the attempt away; empty, and without a heap of its own, as long as nobody has.
    tried: Vec<u32>,
    /// Their refusal that ends soonest.
    refused: Option<E>,
}

/// An endpoint's turn: as long as it is there, the endpoint has the attempt pending.
struct Turn {
    number: u32,
    begun: Instant,
    watch: Stopwatch,
}

impl Turn {
    fn done(&self, end: End) -> Done {
        Done { number: self.number, begun: self.begun, started: self.watch.started(), end }
    }
}

impl<S, C, E> Course<S, C, E> {
    pub(super) fn new(
        later: S,
        mut request: Request<Full<Bytes>>,
        settings: Arc<Settings<C>>,
    ) -> (Self, Request<Full<Bytes>>) {
        let facts = CallFacts::ensure(&mut request);
        let replay = Replay::of(&request);
        let Bounds { fixed, avoid, stay } = Bounds::of(&facts);
        let (turn, tried, refused) = (None, Vec::new(), None);
        let course =
            Self { later, replay, facts, settings, fixed, avoid, stay, turn, tried, refused };
        (course, request)
    }

    fn ask(&self) -> Ask<'_> {
        let read = self.facts.idempotency() == Idempotency::Safe;
        let Self { fixed, avoid, stay, .. } = *self;
        Ask { fixed, read, avoid, stay, tried: &self.tried }
    }

    /// Chooses an endpoint, whose turn it is from now on; `None` if there is none to choose.
    fn choose(&mut self) -> Option<Arc<Base>> {
        let begun = self.facts.now();
        let (number, base) = self.settings.endpoints.group().choose(&self.ask(), begun)?;
        self.facts.set_endpoint(number);
        let watch = Stopwatch::new(Some(Arc::clone(&self.facts)), begun);
        self.turn = Some(Turn { number, begun, watch });
        Some(base)
    }

    /// The request, addressed to the endpoint that is chosen first.
    pub(super) fn depart(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        match self.choose() {
            Some(base) => self.addressed(request, &base),
            // Never: nobody was tried, and a list is never empty.
            None => Ok(request),
        }
    }

    /// The request once more, addressed to the next endpoint.
    pub(super) fn again(&mut self) -> Result<Request<Full<Bytes>>, E>
    where
        E: Raise,
    {
        match (self.choose(), self.refused.take()) {
            (Some(base), refused) => {
                self.refused = refused;
                Ok(self.addressed(self.replay.request(&self.facts), &base)?)
            }
            (None, Some(refused)) => Err(refused),
            // Never: nobody is sent on without a refusal.
            (None, None) => Ok(self.replay.request(&self.facts)),
        }
    }

    fn addressed(
        &self,
        mut request: Request<Full<Bytes>>,
        base: &Arc<Base>,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let home = self.settings.endpoints.base();
        if Arc::ptr_eq(home, base) {
            return Ok(request);
        }
        // It named the other place.
        request.headers_mut().remove(header::HOST);
        let uri = std::mem::take(request.uri_mut());
        *request.uri_mut() = home.moved(uri, base).ok_or_else(|| {
            Fault::new(FaultKind::Config, "the path is too long for one of the endpoints")
        })?;
        Ok(request)
    }

    /// For after each poll of the attempt.
    pub(super) fn look(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.watch.look();
        }
    }

    /// The attempt has ended: with the answer, or only at this endpoint.
    pub(super) fn arrive<B>(
        &mut self,
        result: Result<Response<B>, E>,
    ) -> ControlFlow<Result<Response<B>, E>>
    where
        C: Classifier<B>,
        E: Raise,
    {
        let Some(turn) = self.turn.take() else { return ControlFlow::Break(result) };
        let class = match &result {
            Ok(response) => self.settings.classifier.classify(response),
            // An error that is none of ours proves nothing: it may well be the endpoint's.
            Err(error) => Fault::find(error.as_ref()).map_or(Class::Interrupted, Fault::class),
        };
        self.settings.endpoints.done(&turn.done(End::Judged(class)));
        match result {
            Err(error) if is_circuit_open(&error) && self.may_go_on() => {
                self.tried.push(turn.number);
                self.keep(error);
                let next = self.settings.endpoints.group().pick(&self.ask(), Instant::now());
                match self.refused.take_if(|_| next.is_none()) {
                    Some(refused) => ControlFlow::Break(Err(refused)),
                    None => ControlFlow::Continue(()),
                }
            }
            result => ControlFlow::Break(result),
        }
    }

    /// Whether an attempt that was refused may go elsewhere. A refusal says that *it* sent nothing; where
    /// somebody repeats below this layer, an earlier try may have.
    fn may_go_on(&self) -> bool {
        self.facts.idempotency() == Idempotency::Safe || !self.facts.any_unknown()
    }

    /// Keeps the refusal that ends sooner.
    fn keep(&mut self, refusal: E)
    where
        E: Raise,
    {
        let end = |error: &E| Fault::find(error.as_ref()).and_then(Fault::retry_after);
        let sooner = match self.refused.as_ref().map(end) {
            None | Some(None) => true,
            Some(kept) => end(&refusal).is_some_and(|end| Some(end) < kept),
        };
        if sooner {
            self.refused = Some(refusal);
        }
    }
}

impl<S, C, E> Drop for Course<S, C, E> {
    fn drop(&mut self) {
        if let Some(mut turn) = self.turn.take() {
            turn.watch.look();
            self.settings.endpoints.done(&turn.done(End::Dropped));
        }
    }
}

/// Where a call must go, had better not, and had better stay: one of them at most.
#[derive(Default)]
struct Bounds {
    fixed: Option<u32>,
    avoid: Option<u32>,
    stay: Option<u32>,
}

impl Bounds {
    fn of(facts: &CallFacts) -> Self {
        let none = Self::default();
        if let Some(wanted) = facts.options().and_then(CallOptions::wanted_endpoint) {
            return Self { fixed: Some(wanted), ..none };
        }
        let Some(last) = facts.endpoint() else { return none };
        if facts.idempotency() == Idempotency::Safe {
            return Self { avoid: Some(last), ..none };
        }
        if may_have_acted(facts) {
            return Self { fixed: Some(last), ..none };
        }
        // Another is better if the call never got through to this one. Where it was told to come
        // later, it may come here as well as anywhere; and better here, if elsewhere it did not get
        // through.
        match facts.missed() {
            0 => none,
            _ if facts.has_missed_endpoint() => Self { avoid: Some(last), ..none },
            _ => Self { stay: Some(last), ..none },
        }
    }
}

/// Whether an earlier attempt of the call may have done something. This one has begun, so that
/// [`CallFacts::effect`] can't tell: it must count this one in.
fn may_have_acted(facts: &CallFacts) -> bool {
    // There was one, or there would be no endpoint; where nobody counts attempts there was one.
    let earlier = facts.attempts().saturating_sub(1).max(1);
    facts.any_unknown() || facts.accounted() < earlier
}

fn is_circuit_open<E: Raise>(error: &E) -> bool {
    let kind = Fault::find(error.as_ref()).map(Fault::kind);
    kind == Some(FaultKind::Rejected(Rejection::CircuitOpen))
}
