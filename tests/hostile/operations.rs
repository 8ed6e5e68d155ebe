//! The operations that every row is put through, and what came of one.

use std::time::Duration;

use twilio_proxy::call::{Effect, ServiceSid, SessionSid};
use twilio_proxy::gateway::{DefaultGateway, Error, ErrorKind, GatewayExt};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, Participant, UpdateSession,
};
use twilio_proxy::simulator::{Action, Simulator};
use twilio_proxy::wire::{Operation as _, Reply};

/// The UniqueName of the session that is there before, and of the one that a keyed create makes.
pub(crate) const SEED: &str = "seed";
pub(crate) const NAME: &str = "order-1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Fetch,
    /// Without a UniqueName: not to be repeated once it may have acted.
    Create,
    /// With one: found again.
    Keyed,
    Update,
    Delete,
}

impl Op {
    pub(crate) const ALL: [Self; 5] =
        [Self::Fetch, Self::Create, Self::Keyed, Self::Update, Self::Delete];

    pub(crate) fn is_create(self) -> bool {
        matches!(self, Self::Create | Self::Keyed)
    }
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done { attempts: u32, recovered: bool },
    Failed(Failure),
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) effect: Effect,
    pub(crate) attempts: u32,
    pub(crate) retry_after: Option<Duration>,
}

impl<T> From<Result<Reply<T>, Error>> for Outcome {
    fn from(result: Result<Reply<T>, Error>) -> Self {
        match result {
            Ok(reply) => Self::Done { attempts: reply.attempts, recovered: reply.recovered },
            Err(error) => Self::Failed(Failure {
                kind: error.kind(),
                effect: error.effect(),
                attempts: error.attempts(),
                retry_after: error.retry_after(),
            }),
        }
    }
}

pub(crate) fn service() -> ServiceSid {
    Simulator::SERVICE_SID.parse().unwrap()
}

impl Op {
    pub(crate) async fn run(self, gateway: &DefaultGateway, seed: SessionSid) -> Outcome {
        let create = CreateSession::new(service()).participant(Participant::new("+15550100"));
        match self {
            Self::Fetch => gateway.send(FetchSession::new(service(), seed).detailed()).await.into(),
            Self::Create => gateway.send(create.detailed()).await.into(),
            Self::Keyed => gateway.send(create.unique_name(NAME).detailed()).await.into(),
            Self::Update => {
                let update = UpdateSession::new(service(), seed).ttl(Duration::from_secs(60));
                gateway.send(update.detailed()).await.into()
            }
            Self::Delete => {
                gateway.send(DeleteSession::new(service(), seed).detailed()).await.into()
            }
        }
    }
}

/// How many sessions were made beside the one that was there.
pub(crate) fn created(simulator: &Simulator) -> usize {
    let commits = simulator.commits();
    let made = commits.iter().filter(|commit| commit.action == Action::Create);
    made.filter(|commit| commit.unique_name.as_deref() != Some(SEED)).count()
}
