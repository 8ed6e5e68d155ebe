//! One caller's visit: a session from its making to its end, and a report of every call.
//!
//! What it asks for follows from the seed and its number, whatever the faults do to it. Some calls have short
//! deadlines, and some callers lose patience.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tokio::time::{Instant, timeout};
use tower::Service;
use twilio_proxy::call::{CallOptions, Effect, Priority, Rng, ServiceSid, SessionSid};
use twilio_proxy::gateway::config::ConfiguredGateway;
use twilio_proxy::gateway::{Error, GatewayExt};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Participant, Session, SessionKey,
    SessionMode, SessionStatus, UpdateSession,
};
use twilio_proxy::simulator::Action;
use twilio_proxy::wire::{Configured, Detailed, Operation, Page, Reply};

/// What became of a call.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Done {
        /// The session that the answer spoke of, where it spoke of one.
        session: Option<SessionSid>,
        /// A create whose answer was lost, and that was found.
        recovered: bool,
    },
    Failed(Error),
    /// The caller lost patience and dropped it.
    GivenUp,
}

impl End {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Done { recovered: false, .. } => "done",
            Self::Done { recovered: true, .. } => "recovered",
            Self::Failed(error) => match error.effect() {
                Effect::None => "failed, nothing done",
                Effect::Unknown => "failed, unknown",
                Effect::Applied => "failed, applied",
            },
            Self::GivenUp => "given up",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The `X-Request-Id` of all the call's attempts.
    pub(crate) id: String,
    pub(crate) action: Action,
    pub(crate) end: End,
    pub(crate) took: Duration,
    pub(crate) deadline: Duration,
}

/// How the visits of a run go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) seed: u64,
    /// Longer than a quick answer, shorter than a slow one; deadlines and patience are multiples.
    pub(crate) unit: Duration,
    /// Creates without a name ask to be tried again: so they are done twice.
    pub(crate) replay: bool,
}

pub(crate) struct Visit<'a> {
    pub(crate) gateway: &'a ConfiguredGateway,
    pub(crate) manner: Manner,
    pub(crate) number: u64,
    rng: Rng,
}

/// Which session an output speaks of.
trait Speaks {
    fn of(&self) -> Option<SessionSid> {
        None
    }
}

impl Speaks for Session {
    fn of(&self) -> Option<SessionSid> {
        self.sid
    }
}

impl Speaks for Page<Session> {}

impl Speaks for () {}

/// An operation as these callers send it: with wishes, and answered with metadata.
type Call<O> = Configured<Detailed<O>>;

impl<'a> Visit<'a> {
    pub(crate) fn new(gateway: &'a ConfiguredGateway, manner: Manner, number: u64) -> Self {
        let rng = Rng::seeded(manner.seed.rotate_left(32) ^ (number + 1).wrapping_mul(0x9E37_79B9));
        Self { gateway, manner, number, rng }
    }

    /// Makes it, and tells of each call as it ends.
    pub(crate) async fn make(self, mut tell: impl FnMut(Report)) {
        let service = service(self.number % 3);
        let name = self.chance(2).then(|| format!("Order #{}/{}", self.manner.seed, self.number));
        let created = self.call(Action::Create, self.description(name.clone()), &mut tell).await;
        let sid = created.and_then(|session| session.sid);
        let key = match (sid, name) {
            (Some(sid), _) => SessionKey::Sid(sid),
            (None, Some(name)) => SessionKey::UniqueName(name),
            (None, None) => return,
        };
        let found = self.call(Action::Fetch, FetchSession::new(service, key), &mut tell).await;
        if self.chance(2) {
            let list = ListSessions::new(service).page_size(5);
            self.call(Action::List, list, &mut tell).await;
        }
        let Some(sid) = sid.or(found.and_then(|session| session.sid)) else { return };
        let update = UpdateSession::new(service, sid);
        if self.chance(2) {
            let ttl = Duration::from_secs(600 + self.rng.bits() % 600);
            self.call(Action::Update, update.clone().ttl(ttl), &mut tell).await;
        }
        if self.chance(2) {
            let close = update.clone().status(SessionStatus::Closed);
            self.call(Action::Update, close, &mut tell).await;
            let reopen = update.status(SessionStatus::InProgress);
            self.call(Action::Update, reopen, &mut tell).await;
        }
        if self.chance(2) {
            self.call(Action::Delete, DeleteSession::new(service, sid), &mut tell).await;
        }
    }

    fn chance(&self, one_in: u64) -> bool {
        self.rng.bits().is_multiple_of(one_in)
    }

    fn description(&self, name: Option<String>) -> CreateSession {
        let mut create = CreateSession::new(service(self.number % 3))
            .participant(Participant::new(format!("+1555{:07}", self.number % 10_000_000)));
        create.unique_name = name;
        create.mode = self.chance(2).then_some(SessionMode::VoiceAndMessage);
        create.ttl = self.chance(2).then_some(Duration::from_secs(86_400));
        create
    }

    /// Makes one call under a name of its own, and tells what came of it.
    async fn call<O>(
        &self,
        action: Action,
        operation: O,
        tell: &mut impl FnMut(Report),
    ) -> Option<O::Output>
    where
        O: Operation<Output: Speaks>,
        ConfiguredGateway: Service<Call<O>, Response = Reply<O::Output>, Error = Error>,
    {
        let unit = self.manner.unit;
        let id = format!("{}-{}-{:016x}", self.manner.seed, self.number, self.rng.bits());
        // The same number of draws for every call, so that one choice moves no other.
        let [hurry, haste, rank] = [(); 3].map(|()| self.rng.bits());
        let deadline = match hurry % 4 {
            0 => unit * 5 + unit * ((hurry >> 32) % 150) as u32,
            _ => unit * 350,
        };
        let patience = match haste % 8 {
            0 => unit.mul_f64((haste >> 32) as f64 / f64::from(u32::MAX) * 40.0),
            _ => Duration::MAX,
        };
        let mut options = CallOptions::new().deadline(deadline).priority(match rank % 8 {
            0 => Priority::High,
            1 => Priority::Low,
            _ => Priority::Normal,
        });
        if let Ok(value) = HeaderValue::try_from(&id) {
            options = options.header(HeaderName::from_static("x-request-id"), value);
        }
        if self.manner.replay {
            options = options.replay(true);
        }
        let begun = Instant::now();
        let reply = self.gateway.send(operation.detailed().with(options));
        // A time that no clock can show never comes.
        let reply = timeout(patience, reply).await;
        let (end, output) = match reply {
            Ok(Ok(reply)) => {
                let (session, recovered) = (reply.output.of(), reply.recovered);
                (End::Done { session, recovered }, Some(reply.output))
            }
            Ok(Err(error)) => (End::Failed(error), None),
            Err(_) => (End::GivenUp, None),
        };
        tell(Report { id, action, end, took: begun.elapsed(), deadline });
        output
    }
}

pub(crate) fn service(number: u64) -> ServiceSid {
    // OK because it has the form of one.
    let sid = format!("KS{number:032x}").parse();
    sid.unwrap_or_else(|error| unreachable!("{error}"))
}
