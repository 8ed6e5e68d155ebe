use std::sync::Arc;

use http::request::Parts;
use http::{StatusCode, header};
use serde_json::Value;

use super::form::{Change, NewSession};
use super::page::{Found, PageQuery};
use super::refusal::Refusal;
use super::route::Route;
use super::state::{Shared, Ticket};
use super::token;
use super::{Action, Commit, StoredSession};
use crate::call::AccountSid;

/// A request that was let in and understood; it has changed nothing yet.
pub(super) struct Job {
    route: Route,
    account: AccountSid,
    base: String,
    call_id: Option<String>,
    order: Order,
    pub(super) ticket: Ticket,
}

/// What is to be done.
enum Order {
    Create(Box<NewSession>),
    Fetch,
    List(PageQuery),
    Update(Change),
    Delete,
    Participants(PageQuery),
}

/// Lets a request in: whose is it, is there room, does it make sense?
pub(super) fn admit(
    shared: &Arc<Shared>,
    route: Result<Route, Refusal>,
    head: &Parts,
    body: &[u8],
) -> Result<Job, Refusal> {
    let settings = &shared.settings;
    let account = token::account_of(shared, &head.headers)
        .or_else(|| settings.account_of(&head.headers))
        .ok_or_else(Refusal::unauthorized)?;
    let route = route?;
    let mut ticket = Ticket::take(shared, account, route.service)?;
    shared.lock().take((account, route.service, route.action), settings)?;
    let order = match route.action {
        Action::Create => {
            let new = NewSession::read(head, body, settings.clock.wall())?;
            let identifiers = new.participants.iter().map(|it| it.identifier.clone());
            ticket.work_on(identifiers, new.fail_on_conflict)?;
            Order::Create(Box::new(new))
        }
        Action::List => Order::List(PageQuery::read(head)?),
        Action::Update => Order::Update(Change::read(head, body)?),
        Action::Delete => Order::Delete,
        Action::Participants => Order::Participants(PageQuery::read(head)?),
        Action::Fetch | Action::Token | Action::Other => Order::Fetch,
    };
    let call_id = head.headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let call_id = call_id.map(str::to_owned);
    Ok(Job { route, account, base: base(head), call_id, order, ticket })
}

/// Does it. What is changed is changed here, in one piece.
pub(super) fn commit(
    shared: &Shared,
    job: &Job,
    request_id: &str,
) -> Result<(StatusCode, Option<Value>), Refusal> {
    let now = shared.settings.clock.wall();
    let mut state = shared.lock();
    let key = job.route.key.as_str();
    let missing = || Refusal::not_found(&format!("/Services/{}/Sessions/{key}", job.route.service));
    let directory = state.directory(job.account, job.route.service);
    let (changed, status): (StoredSession, _) = match &job.order {
        Order::Create(new) => {
            let (account, service) = (job.account, job.route.service);
            let session = directory.create(account, service, new, &shared.settings, now)?;
            (session.clone(), StatusCode::CREATED)
        }
        Order::Update(change) => {
            let session = directory.update(key, change, now).ok_or_else(missing)??;
            (session.clone(), StatusCode::OK)
        }
        Order::Delete => (directory.delete(key, now).ok_or_else(missing)?, StatusCode::NO_CONTENT),
        Order::Fetch => {
            let session = directory.find(key, true, now).ok_or_else(missing)?;
            return Ok((StatusCode::OK, Some(session.json(&job.base))));
        }
        Order::List(query) => {
            let found = directory.page(query.place, query.size(), now);
            let found = found.map(|session| session.json(&job.base));
            let url = format!("{}/v1/Services/{}/Sessions", job.base, job.route.service);
            return Ok((StatusCode::OK, Some(query.answer("sessions", &url, &found))));
        }
        Order::Participants(query) => {
            // By its SID alone, as the API's document has it of every path below a session's.
            let session = directory.find(key, false, now).ok_or_else(missing)?;
            let found = Found::among(&session.participants, query.place, query.size());
            let url = session.url(&job.base);
            let found = found.map(|participant| participant.json(session, &url));
            let page = query.answer("participants", &format!("{url}/Participants"), &found);
            return Ok((StatusCode::OK, Some(page)));
        }
    };
    state.stats.action(job.route.action).committed += 1;
    state.commits.push(Commit {
        action: job.route.action,
        sid: changed.sid,
        unique_name: changed.unique_name.clone(),
        call_id: job.call_id.clone(),
        request_id: request_id.to_owned(),
        at: now,
    });
    Ok((status, (status != StatusCode::NO_CONTENT).then(|| changed.json(&job.base))))
}

/// The base URL that the request was sent to: what the URLs in answers begin with.
fn base(head: &Parts) -> String {
    let scheme = head.uri.scheme_str().unwrap_or("http");
    let host = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str()).or(host);
    format!("{scheme}://{}", authority.unwrap_or("localhost"))
}
