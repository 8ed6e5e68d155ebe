//! One call, from a task to what came of it; and those before and after the load.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use twilio_proxy::call::{ServiceSid, SessionSid};
use twilio_proxy::gateway::{Error, GatewayExt};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, UpdateSession,
};
use twilio_proxy::wire::{Operation, Reply};

use crate::book::{Book, Known, Left, Task};
use crate::stack::Loaded;
use crate::stop::Stop;

/// How many calls go side by side before and after the load.
const SIDE_BY_SIDE: usize = 8;

/// What a call that went well has to tell.
pub(crate) struct Done {
    pub(crate) attempts: u32,
    pub(crate) recovered: bool,
    /// The session that a create has made.
    pub(crate) made: Option<SessionSid>,
}

impl Done {
    fn of<T>(reply: &Reply<T>, made: Option<SessionSid>) -> Self {
        Self { attempts: reply.attempts, recovered: reply.recovered, made }
    }
}

/// Makes the call. A session lives for `ttl`, should nobody come to delete it.
pub(crate) async fn make(gateway: &Loaded, task: &Task, ttl: Duration) -> Result<Done, Error> {
    match task {
        Task::Create { service, name, .. } => {
            let mut create = CreateSession::new(*service).ttl(ttl);
            if let Some(name) = name {
                create = create.unique_name(name);
            }
            let reply = gateway.send(create.detailed()).await?;
            Ok(Done::of(&reply, reply.output.sid))
        }
        Task::Fetch((service, session)) => {
            let fetch = FetchSession::new(*service, *session);
            Ok(Done::of(&gateway.send(fetch.detailed()).await?, None))
        }
        Task::List(service) => {
            // One page: the next ones would be calls that nobody has planned.
            let list = ListSessions::new(*service).page_size(20);
            Ok(Done::of(&gateway.send(list.detailed()).await?, None))
        }
        Task::Update((service, session)) => {
            let update = UpdateSession::new(*service, *session).ttl(ttl);
            Ok(Done::of(&gateway.send(update.detailed()).await?, None))
        }
        Task::Delete((service, session)) => {
            let delete = DeleteSession::new(*service, *session);
            Ok(Done::of(&gateway.send(delete.detailed()).await?, None))
        }
    }
}

/// Makes the sessions that stay. Fails with the first that can't be made, and makes no more then.
pub(crate) async fn prepare(
    gateway: &Loaded,
    book: &Book,
    sessions: u32,
    ttl: Duration,
    stop: &Stop,
) -> Result<(), Error> {
    let create = |number: u32| async move {
        // Without a Service there is nothing to make, nor to ask for later.
        let Some(task) = book.create(number.into(), true) else { return Ok(()) };
        let made = make(gateway, &task, ttl).await.map(|done| done.made);
        book.settle(&task, &made);
        made.map(|_| ())
    };
    let (mut waiting, mut creates, mut failed) = (0..sessions, FuturesUnordered::new(), None);
    loop {
        while failed.is_none() && creates.len() < SIDE_BY_SIDE {
            let Some(number) = waiting.next() else { break };
            creates.push(create(number));
        }
        match stop.soon.run_until_cancelled(creates.next()).await {
            // Those beside one that fails come to their end, so that it is known.
            Some(Some(made)) => failed = failed.or(made.err()),
            Some(None) | None => break,
        }
    }
    book.keep_all();
    failed.map_or(Ok(()), Err)
}

/// Deletes what this run has made, looking for what it may have made, and says what is left.
pub(crate) async fn clean(gateway: &Loaded, book: &Book, stop: &Stop) -> Left {
    let mut left = book.left();
    let known = left.known.iter().map(|session| delete(gateway, *session));
    let mut gone = all(known, stop).await.into_iter();
    left.known.retain(|_| gone.next() != Some(true));
    let named = left.named.iter().map(|(service, name)| find_and_delete(gateway, *service, name));
    let mut gone = all(named, stop).await.into_iter();
    left.named.retain(|_| gone.next() != Some(true));
    left
}

/// What comes of these calls, in their order, until it is to stop.
async fn all<F: Future>(calls: impl Iterator<Item = F>, stop: &Stop) -> Vec<F::Output> {
    let mut calls = stream::iter(calls).buffered(SIDE_BY_SIDE);
    let mut outcomes = Vec::new();
    while let Some(Some(outcome)) = stop.now.run_until_cancelled(calls.next()).await {
        outcomes.push(outcome);
    }
    outcomes
}

/// Whether the session is there no more.
async fn delete(gateway: &Loaded, (service, session): Known) -> bool {
    match gateway.send(DeleteSession::new(service, session)).await {
        Ok(()) => true,
        Err(error) => error.is_not_found(),
    }
}

/// The same for one that may never have been there, and whose name is all that is known.
async fn find_and_delete(gateway: &Loaded, service: ServiceSid, name: &str) -> bool {
    match gateway.send(FetchSession::by_name(service, name)).await {
        Ok(found) => match found.sid {
            Some(session) => delete(gateway, (service, session)).await,
            None => false,
        },
        Err(error) => error.is_not_found(),
    }
}
