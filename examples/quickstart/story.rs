//! What happens: each order opens a session, looks at it, closes it, and cleans up.

use futures_util::{StreamExt, TryStreamExt, stream};
use twilio_proxy::call::ServiceSid;
use twilio_proxy::gateway::{DefaultGateway, Error, GatewayExt};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Participant, Session, SessionStatus,
    UpdateSession,
};
use twilio_proxy::wire::{Operation, Reply};

use crate::tally::Tally;

/// How much is to be done.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) orders: usize,
    pub(crate) side_by_side: usize,
}

/// Runs the plan and returns how much of it did not go through.
pub(crate) async fn tell(
    gateway: &DefaultGateway,
    service: ServiceSid,
    plan: Plan,
    tally: &Tally,
) -> usize {
    // Unique per run and per intent: a name is never used for two different sessions.
    let run = jiff::Timestamp::now().as_millisecond();
    let opened: Vec<_> = stream::iter(0..plan.orders)
        .map(|order| open(gateway, service, format!("order-{run}-{order}"), tally))
        .buffer_unordered(plan.side_by_side)
        .collect()
        .await;
    let opened: Vec<Session> = opened.into_iter().flatten().collect();

    let limit = u64::try_from(plan.orders).unwrap_or(u64::MAX);
    let list = ListSessions::new(service).page_size(10).limit(limit);
    match gateway.pages(list).try_collect::<Vec<_>>().await {
        Ok(pages) => tally.listed(pages.len(), pages.iter().map(|page| page.items.len()).sum()),
        Err(error) => tally.failed("sessions.list", &error),
    }

    let closed = stream::iter(&opened)
        .map(|session| close(gateway, service, session, tally))
        .buffer_unordered(plan.side_by_side)
        .filter(|done| std::future::ready(done.is_some()))
        .count()
        .await;
    tally.failures() + plan.orders - closed
}

/// A new session for an order, fetched back by its name.
async fn open(
    gateway: &DefaultGateway,
    service: ServiceSid,
    name: String,
    tally: &Tally,
) -> Option<Session> {
    let create = CreateSession::new(service)
        .unique_name(&name)
        .participant(Participant::new("+15550100").friendly_name("Ann"));
    let created = send(tally, "sessions.create", gateway.send(create.detailed()).await)?;
    let fetch = FetchSession::by_name(service, &name).detailed();
    let fetched = send(tally, "sessions.fetch", gateway.send(fetch).await);
    // The session that the create answered with, and none that a lost answer left behind. One that
    // could not be fetched is closed and deleted all the same.
    match fetched {
        Some(fetched) => (created.sid == fetched.sid).then_some(fetched),
        None => Some(created),
    }
}

/// The end of an order: its session closed and deleted.
async fn close(
    gateway: &DefaultGateway,
    service: ServiceSid,
    session: &Session,
    tally: &Tally,
) -> Option<()> {
    let sid = session.sid?;
    let update = UpdateSession::new(service, sid).status(SessionStatus::Closed).detailed();
    send(tally, "sessions.update", gateway.send(update).await)?;
    let delete = DeleteSession::new(service, sid).detailed();
    send(tally, "sessions.delete", gateway.send(delete).await)
}

/// Counts a call and hands its output on.
fn send<T>(tally: &Tally, operation: &'static str, done: Result<Reply<T>, Error>) -> Option<T> {
    match done {
        Ok(reply) => {
            tally.succeeded(operation, reply.attempts, reply.recovered);
            Some(reply.output)
        }
        Err(error) => {
            tally.failed(operation, &error);
            None
        }
    }
}
