use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::Full;

use super::answer::{self, Outcome, Stake};
use super::relay::other;
use super::{ForwardLayer, Forwarded, Relay, headers, wishes};
use crate::call::{CallOptions, Effect, ServiceSid, SessionSid};
use crate::sessions::{CreateSession, DeleteSession, UpdateSession, pairs};
use crate::wire::{Configured, Operation, Route, codes};

/// What a request comes to.
pub(super) enum Plan {
    Create {
        create: Forwarded<CreateSession>,
        stake: Stake,
    },
    Update(Forwarded<UpdateSession>),
    Delete(Forwarded<DeleteSession>),
    Relay {
        relay: Configured<Relay>,
        stake: Stake,
    },
    /// It goes nowhere.
    Answer(Response<Full<Bytes>>),
}

const FORM: &str = "application/x-www-form-urlencoded";

impl ForwardLayer {
    pub(super) fn plan(self, request: Request<Full<Bytes>>) -> Plan {
        let (head, body) = request.into_parts();
        self.recognise(&head, taken(body))
            .unwrap_or_else(|outcome| Plan::Answer(answer::own(*outcome)))
    }

    fn recognise(self, head: &Parts, body: Bytes) -> Result<Plan, Box<Outcome>> {
        let refusal = |status, message| Box::new(Outcome::own(status, Effect::None, message));
        // A server that traces sends back what it has received: the gateway's credentials too.
        if matches!(head.method, Method::TRACE | Method::CONNECT) {
            let message = "the gateway forwards neither TRACE nor CONNECT";
            return Err(refusal(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        let mut options =
            wishes::read(&head.headers).map_err(|bad| refusal(StatusCode::BAD_REQUEST, bad.0))?;
        if self.callers_credentials {
            let authorization = wishes::authorization(&head.headers).ok_or_else(|| {
                let message = "the gateway has no credentials of its own: send yours";
                let refusal = Outcome::own(StatusCode::UNAUTHORIZED, Effect::None, message)
                    .with_code(codes::AUTHENTICATION)
                    .with_header(header::WWW_AUTHENTICATE, "Basic realm=\"Twilio API\"");
                Box::new(refusal)
            })?;
            options = options.authorization(authorization);
        }
        let options = headers::pass_on(&head.headers, options);
        let path_and_query = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let route = Route::recognise(&head.method, path_and_query);
        let asked = Asked { head, path_and_query, body };
        Ok(match typed(&route, &asked, &options) {
            Some(plan) => plan,
            None => asked.relayed(&route, options),
        })
    }
}

/// The bytes of a body that is here already.
fn taken(mut body: Full<Bytes>) -> Bytes {
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(&mut body).poll_frame(&mut cx) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        // It has one frame, or none where it is empty, and never makes anybody wait.
        Poll::Ready(Some(Err(never))) => match never {},
        Poll::Ready(None) | Poll::Pending => Bytes::new(),
    }
}

/// A request, and nothing read of it yet but its wishes.
struct Asked<'a> {
    head: &'a Parts,
    path_and_query: &'a str,
    body: Bytes,
}

/// The operation that a request is, where it can be read as one without loss.
fn typed(route: &Route, asked: &Asked<'_>, options: &CallOptions) -> Option<Plan> {
    // What a query might mean there, nobody knows.
    if asked.path_and_query.contains('?') {
        return None;
    }
    let rest = |rest: Vec<(String, String)>| {
        rest.into_iter().fold(options.clone(), |options, (key, value)| options.form(key, value))
    };
    Some(match route {
        Route::CreateSession { service } => {
            let (create, left) = CreateSession::from_form(*service, pairs(asked.form()?)?);
            let stake = Stake::create(create.unique_name.is_some());
            Plan::Create { create: create.detailed().with(rest(left)), stake }
        }
        Route::UpdateSession { service, key } => {
            let session = SessionSid::new(key).ok()?;
            let (update, left) = UpdateSession::from_form(*service, session, pairs(asked.form()?)?);
            Plan::Update(update.detailed().with(rest(left)))
        }
        Route::DeleteSession { service, key } if asked.body.is_empty() => {
            let delete = DeleteSession::new(*service, SessionSid::new(key).ok()?);
            Plan::Delete(delete.detailed().with(options.clone()))
        }
        _ => return None,
    })
}

impl Asked<'_> {
    /// The body, if it is a form, or nothing, which is a form without parameters.
    fn form(&self) -> Option<&str> {
        let media_type = media_type(&self.head.headers);
        let is_encoded = self.head.headers.contains_key(header::CONTENT_ENCODING);
        let is_form = media_type.is_some_and(|name| name.eq_ignore_ascii_case(FORM));
        let readable = (is_form && !is_encoded) || self.body.is_empty();
        std::str::from_utf8(&self.body).ok().filter(|_| readable)
    }

    fn relayed(self, route: &Route, mut options: CallOptions) -> Plan {
        for value in self.head.headers.get_all(header::CONTENT_TYPE) {
            options = options.header(header::CONTENT_TYPE, value.clone());
        }
        let relay = Relay {
            meta: route.meta().unwrap_or_else(|| other(&self.head.method)),
            scope: route.service().or_else(|| service_of(self.path_and_query)).map(Into::into),
            path_and_query: self.path_and_query.to_owned(),
            body: self.body,
        };
        let stake = match route {
            // Whatever name it has, nobody has read it.
            Route::CreateSession { .. } => Stake::create(false),
            _ => Stake::Other,
        };
        Plan::Relay { relay: relay.with(options), stake }
    }
}

/// The media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str)?.ok()?;
    text.split(';').next().map(str::trim)
}

/// The Service of a path that is no operation's, for the quota.
fn service_of(path: &str) -> Option<ServiceSid> {
    let rest = path.strip_prefix("/v1/Services/")?;
    ServiceSid::new(rest.split(['/', '?']).next()?).ok()
}
