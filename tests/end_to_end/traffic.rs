//! Callers who create, fetch, list, change and delete sessions side by side, and report what they
//! were told. What they do follows from a seed, whatever the faults do to it.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::StreamExt;
use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tower::Service;
use twilio_proxy::call::{CallOptions, Rng, SessionSid};
use twilio_proxy::gateway::{Error, GatewayExt};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Participant, Session, SessionKey,
    SessionMode, SessionStatus, UpdateSession,
};
use twilio_proxy::simulator::Action;
use twilio_proxy::wire::{Configured, Detailed, Operation, Page, Reply};

use crate::world::{DEADLINE, service};

/// An operation as these callers send it: with wishes, and answered with metadata.
type Call<O> = Configured<Detailed<O>>;

/// A gateway over anything. A stream of pages sends its lists without wishes.
pub(crate) trait Front:
    GatewayExt
    + Service<Call<CreateSession>, Response = Reply<Session>, Error = Error>
    + Service<Call<FetchSession>, Response = Reply<Session>, Error = Error>
    + Service<Call<ListSessions>, Response = Reply<Page<Session>>, Error = Error>
    + Service<Call<UpdateSession>, Response = Reply<Session>, Error = Error>
    + Service<Call<DeleteSession>, Response = Reply<()>, Error = Error>
    + Service<ListSessions, Response = Page<Session>, Error = Error>
{
}

impl<G> Front for G where
    G: GatewayExt
        + Service<Call<CreateSession>, Response = Reply<Session>, Error = Error>
        + Service<Call<FetchSession>, Response = Reply<Session>, Error = Error>
        + Service<Call<ListSessions>, Response = Reply<Page<Session>>, Error = Error>
        + Service<Call<UpdateSession>, Response = Reply<Session>, Error = Error>
        + Service<Call<DeleteSession>, Response = Reply<()>, Error = Error>
        + Service<ListSessions, Response = Page<Session>, Error = Error>
{
}

/// What a caller was told of one call.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The `X-Request-Id` of all the call's attempts.
    pub(crate) id: String,
    pub(crate) action: Action,
    pub(crate) outcome: Result<Told, Error>,
    pub(crate) took: Duration,
    pub(crate) deadline: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// The session that the answer spoke of, where it spoke of one.
    pub(crate) sid: Option<SessionSid>,
    pub(crate) recovered: bool,
}

/// How much goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traffic {
    pub(crate) seed: u64,
    pub(crate) visits: u64,
    pub(crate) at_once: usize,
    /// Creates without a name ask to be replayed all the same.
    pub(crate) replay: bool,
}

impl Traffic {
    /// All visits, and a report of every call.
    pub(crate) async fn run<G: Front>(self, gateway: &G) -> Vec<Report> {
        let reports = RefCell::default();
        futures_util::stream::iter(0..self.visits)
            .for_each_concurrent(self.at_once, |number| {
                let rng = Rng::seeded(self.seed ^ (number + 1) << 32);
                Visit { gateway, traffic: self, number, rng, reports: &reports }.make()
            })
            .await;
        reports.into_inner()
    }
}

/// One caller's visit: a session from its making to its end.
struct Visit<'a, G> {
    gateway: &'a G,
    traffic: Traffic,
    number: u64,
    rng: Rng,
    reports: &'a RefCell<Vec<Report>>,
}

impl<G: Front> Visit<'_, G> {
    async fn make(self) {
        let service = service(self.number % 3);
        let name = self.chance(2).then(|| format!("Order #{}/{}", self.traffic.seed, self.number));
        let plain = CallOptions::new;
        let options = if self.traffic.replay { plain().replay(true) } else { plain() };
        let created = self.call(Action::Create, self.description(name.clone()), options).await;
        let sid = created.and_then(|session| session.sid);
        let key = match (sid, name) {
            (Some(sid), _) => SessionKey::Sid(sid),
            (None, Some(name)) => SessionKey::UniqueName(name),
            (None, None) => return,
        };
        let found = self.call(Action::Fetch, FetchSession::new(service, key), plain()).await;
        self.call(Action::List, ListSessions::new(service).page_size(5), plain()).await;
        let Some(sid) = sid.or(found.and_then(|session| session.sid)) else { return };
        let update = UpdateSession::new(service, sid);
        if self.chance(2) {
            let ttl = Duration::from_secs(600 + self.rng.bits() % 600);
            self.call(Action::Update, update.clone().ttl(ttl), plain()).await;
        }
        if self.chance(2) {
            self.call(Action::Update, update.clone().status(SessionStatus::Closed), plain()).await;
            let reopen = update.status(SessionStatus::InProgress);
            self.call(Action::Update, reopen, plain()).await;
        }
        if self.chance(2) {
            self.call(Action::Delete, DeleteSession::new(service, sid), plain()).await;
        }
    }

    fn chance(&self, one_in: u64) -> bool {
        self.rng.bits().is_multiple_of(one_in)
    }

    fn description(&self, name: Option<String>) -> CreateSession {
        let mut create = CreateSession::new(service(self.number % 3))
            .participant(Participant::new(format!("+1555{:07}", self.number)));
        create.unique_name = name;
        create.mode = self.chance(2).then_some(SessionMode::VoiceAndMessage);
        create.ttl = self.chance(2).then_some(Duration::from_secs(86_400));
        // With a fraction of a second, which the wire has no room for.
        let expiry: Timestamp = "2027-01-01T00:00:00.75Z".parse().unwrap();
        let days = SignedDuration::from_hours(24 * (self.rng.bits() % 30) as i64);
        create.date_expiry = self.chance(3).then(|| expiry + days);
        create
    }

    /// Makes one call under a name of its own, and writes down what came of it.
    async fn call<O>(&self, action: Action, operation: O, options: CallOptions) -> Option<O::Output>
    where
        O: Operation<Output: Speaks>,
        G: Service<Call<O>, Response = Reply<O::Output>, Error = Error>,
    {
        let id = format!("{}-{}-{:016x}", self.traffic.seed, self.number, self.rng.bits());
        let deadline = match self.rng.bits() % 4 {
            0 => Duration::from_millis(500 + self.rng.bits() % 15_000),
            _ => DEADLINE,
        };
        let options = options
            .header(HeaderName::from_static("x-request-id"), HeaderValue::try_from(&id).unwrap())
            .deadline(deadline);
        let begun = Instant::now();
        let reply = self.gateway.send(operation.detailed().with(options)).await;
        let took = begun.elapsed();
        let (outcome, output) = match reply {
            Ok(reply) => {
                let told = Told { sid: reply.output.of(), recovered: reply.recovered };
                (Ok(told), Some(reply.output))
            }
            Err(error) => (Err(error), None),
        };
        self.reports.borrow_mut().push(Report { id, action, outcome, took, deadline });
        output
    }
}

/// Which session an output speaks of.
trait Speaks {
    fn of(&self) -> Option<SessionSid>;
}

impl Speaks for Session {
    fn of(&self) -> Option<SessionSid> {
        self.sid
    }
}

impl Speaks for Page<Session> {
    fn of(&self) -> Option<SessionSid> {
        None
    }
}

impl Speaks for () {
    fn of(&self) -> Option<SessionSid> {
        None
    }
}
