use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::api;
use super::refusal::Refusal;
use super::route::Route;
use super::state::{Shared, Ticket, whole_seconds};
use super::token;
use super::{Action, Mishap, RetryAfter};
use crate::call::{Collected, Rng};

/// How a request ends, before it is known whether it came over a socket.
pub(super) enum Outcome {
    Answer(Response<Collected>),
    /// It never came in.
    Refused,
    /// The connection breaks.
    Reset,
    /// This answer, cut in the middle of its body.
    Truncated(Response<Collected>),
    /// This answer, as bytes that mean nothing.
    Garbled(Response<Collected>),
    /// Nothing comes. The ticket is held as long as somebody waits.
    Stalled {
        _ticket: Option<Ticket>,
    },
}

/// Takes one request from its arrival to its end. `taken` is called when it is Proxy's: not for one
/// that is refused at the door, and before anything is done for any other.
pub(super) async fn exchange(
    shared: &Arc<Shared>,
    head: Parts,
    body: Bytes,
    taken: impl FnOnce(),
) -> Outcome {
    let route = Route::read(&head.method, head.uri.path());
    let action = match &route {
        Ok(route) => route.action,
        Err(_) if token::is_asked_for(&head) => Action::Token,
        Err(_) => Action::Other,
    };
    let mishap = shared.lock().strike(action);
    if mishap == Some(Mishap::Refused) {
        return Outcome::Refused;
    }
    taken();
    shared.lock().stats.action(action).received += 1;
    let mut answer = Answer::begin(shared, action);
    let acts = mishap.is_none_or(|mishap| mishap.acts());
    let ticket = if acts { answer.work(route, head, body).await } else { None };
    match mishap {
        Some(Mishap::Refused | Mishap::ResetBefore | Mishap::ResetAfter) => return Outcome::Reset,
        // A body that isn't there can't be spoilt.
        Some(Mishap::Truncated | Mishap::GarbledBody) if answer.body.is_empty() => {
            return Outcome::Reset;
        }
        Some(Mishap::StallBefore | Mishap::StallAfter) => {
            return Outcome::Stalled { _ticket: ticket };
        }
        Some(Mishap::Latency(late)) => sleep(late).await,
        Some(Mishap::ErrorBefore(status) | Mishap::ErrorAfter(status)) => {
            // 20500 is the dictionary's internal server error, whatever its status.
            answer.refuse(&Refusal::new(status, 20500, "An internal server error has occurred"));
        }
        Some(Mishap::Rejected(status, code)) => {
            answer.refuse(&Refusal::new(status, code, "Refused by the fault plan"));
        }
        Some(Mishap::Throttled(when)) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            answer.refuse(&Refusal::new(status, 80621, "Too Many Requests"));
            answer.retry_after(when);
        }
        Some(Mishap::Html(status)) => answer.html(status),
        Some(Mishap::GarbledBody) => {
            answer.body = Bytes::from_static(b"{\"sid\": \"KC\x00\xff\xfe<")
        }
        Some(Mishap::Truncated) => return Outcome::Truncated(answer.finish(false)),
        Some(Mishap::GarbledWire) => return Outcome::Garbled(answer.finish(false)),
        None => {}
    }
    let response = answer.finish(true);
    drop(ticket);
    Outcome::Answer(response)
}

/// An answer on its way.
struct Answer<'a> {
    shared: &'a Arc<Shared>,
    action: Action,
    arrived: Instant,
    request_id: String,
    concurrent: u32,
    status: StatusCode,
    body: Bytes,
    headers: Vec<(HeaderName, HeaderValue)>,
    from_twilio: bool,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl<'a> Answer<'a> {
    fn begin(shared: &'a Arc<Shared>, action: Action) -> Self {
        Self {
            shared,
            action,
            arrived: shared.settings.clock.now(),
            request_id: request_id(&shared.settings.rng),
            concurrent: 1,
            status: StatusCode::OK,
            body: Bytes::new(),
            headers: Vec::new(),
            from_twilio: true,
        }
    }

    /// Does what the request asks for.
    async fn work(
        &mut self,
        route: Result<Route, Refusal>,
        head: Parts,
        body: Bytes,
    ) -> Option<Ticket> {
        if self.action == Action::Token {
            let (status, json) = token::give(self.shared, &body);
            self.status = status;
            self.json(json.to_string());
            return None;
        }
        let job = match api::admit(self.shared, route, &head, &body) {
            Ok(job) => job,
            Err(refusal) => {
                // Refused because there were as many as there may be.
                if let (20429, Some(most)) = (refusal.code, self.shared.settings.concurrency) {
                    self.concurrent = most;
                }
                self.refuse(&refusal);
                return None;
            }
        };
        self.concurrent = job.ticket.concurrent;
        let latency = self.shared.settings.latency;
        if !latency.is_zero() {
            sleep(latency).await;
        }
        match api::commit(self.shared, &job, &self.request_id) {
            Ok((status, json)) => {
                self.status = status;
                if let Some(json) = json {
                    self.json(json.to_string());
                }
            }
            Err(refusal) => self.refuse(&refusal),
        }
        Some(job.ticket)
    }

    fn json(&mut self, text: String) {
        self.body = Bytes::from(text);
        self.headers = vec![(header::CONTENT_TYPE, JSON)];
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.status = refusal.status;
        self.json(refusal.json().to_string());
        if refusal.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            self.headers.push((header::WWW_AUTHENTICATE, challenge));
        }
        self.retry_after(refusal.retry_after.map(|wait| RetryAfter::Seconds(whole_seconds(wait))));
    }

    fn retry_after(&mut self, when: Option<RetryAfter>) {
        let value = match when {
            None => return,
            Some(RetryAfter::Seconds(seconds)) => HeaderValue::from(seconds),
            Some(RetryAfter::DateIn(wait)) => date(self.wall().saturating_add(whole_seconds(wait))),
        };
        self.headers.push((header::RETRY_AFTER, value));
    }

    /// What stands before Proxy answers in its place, and knows none of Twilio's headers.
    fn html(&mut self, status: StatusCode) {
        let page = format!(
            "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\r\n"
        );
        self.status = status;
        self.body = Bytes::from(page);
        self.headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))];
        self.from_twilio = false;
    }

    /// Seconds since 1970.
    fn wall(&self) -> u64 {
        u64::try_from(self.shared.settings.clock.wall().as_second()).unwrap_or(0)
    }

    /// The response. Counted only if it will arrive.
    fn finish(self, arrives: bool) -> Response<Collected> {
        if arrives {
            let mut state = self.shared.lock();
            let answered = &mut state.stats.action(self.action).answered;
            *answered.entry(self.status.as_u16()).or_default() += 1;
        }
        let today = date(self.wall());
        let mut response = Response::new(Collected::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::DATE, today);
        if self.from_twilio {
            let took = format!("{:.3}", self.arrived.elapsed().as_secs_f64());
            for (name, text) in
                [("twilio-request-id", self.request_id), ("twilio-request-duration", took)]
            {
                if let Ok(value) = HeaderValue::try_from(text) {
                    headers.insert(name, value);
                }
            }
            headers.insert("twilio-concurrent-requests", HeaderValue::from(self.concurrent));
        }
        headers.extend(self.headers);
        response
    }
}

fn request_id(rng: &Rng) -> String {
    format!("RQ{:016x}{:016x}", rng.bits(), rng.bits())
}

/// An HTTP date, of seconds since 1970. The year 9999 is the last that it can name.
fn date(seconds: u64) -> HeaderValue {
    const LAST: u64 = 253_402_300_799;
    let at = std::time::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST));
    // Never the default: an HTTP date is ASCII.
    HeaderValue::try_from(httpdate::fmt_http_date(at)).unwrap_or(HeaderValue::from_static(""))
}
