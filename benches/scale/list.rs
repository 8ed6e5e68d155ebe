//! A list of 100,000 sessions, taken as a stream: what it holds, from the first to the last.

use std::fmt::Write;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::json;
use tokio::time::Instant;
use tower::{BoxError, Service};
use twilio_proxy::call::{CallFacts, Collected, Fault};
use twilio_proxy::gateway::GatewayExt;

use crate::heap::live;
use crate::support::{ACCOUNT, SERVICE, builder};
use crate::tables::{Tables, holds, rounded};
use crate::{load, runtime};

/// What Proxy puts on a page at most.
const PAGE: usize = 100;

/// How much more the stream may hold at the last session than at the thousandth: where each page is, as
/// 16 bytes in a set, so that pages that lead in a circle are noticed.
const GROWTH: i64 = 64 * 1024;

/// How much it may hold at any moment at which somebody looks: two pages of a hundred sessions, in their
/// text and taken apart, and that set.
const HELD: i64 = 256 * 1024;

/// Makes up any page that it is asked for.
#[derive(Clone, Default)]
struct Pages(Arc<Seen>);

#[derive(Default)]
struct Seen {
    sessions: usize,
    asked: AtomicUsize,
    /// The most that was held when a page was asked for, and when one had just been made.
    held: AtomicI64,
}

impl Service<Request<Full<Bytes>>> for Pages {
    type Response = Response<Collected>;
    type Error = Fault;
    type Future = Ready<Result<Response<Collected>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        if let Some(facts) = CallFacts::of(request.extensions()) {
            facts.mark_reached();
            facts.mark_sent();
        }
        let query = request.uri().query().unwrap_or("");
        let number = query.split('&').find_map(|part| part.strip_prefix("Page="));
        let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
        let body = page(number, self.0.sessions);
        self.0.asked.fetch_add(1, Relaxed);
        self.0.held.fetch_max(live(), Relaxed);
        ready(Ok(Response::new(Collected::new(body.into()))))
    }
}

/// A page of sessions as Proxy writes them, each of about 900 bytes.
fn page(number: usize, sessions: usize) -> String {
    let list = format!("http://127.0.0.1:1/v1/Services/{SERVICE}/Sessions");
    let url = |page: usize| format!("{list}?PageSize={PAGE}&Page={page}&PageToken=PT{page}");
    let mut body = String::with_capacity(PAGE * 1024);
    body += r#"{"sessions":["#;
    let first = number * PAGE;
    for at in first..(first + PAGE).min(sessions) {
        let comma = if at > first { "," } else { "" };
        let own = format!("{list}/KC{at:032}");
        // Writing to a string does not fail.
        let _ = write!(
            body,
            r#"{comma}{{"sid":"KC{at:032}","service_sid":"{SERVICE}","account_sid":"{ACCOUNT}","date_started":"2015-07-30T20:00:00Z","date_ended":null,"date_last_interaction":"2015-07-30T20:00:00Z","date_expiry":"2015-07-30T20:00:00Z","unique_name":"Order #{at}","status":"open","closed_reason":"","ttl":3600,"mode":"voice-and-message","date_created":"2015-07-30T20:00:00Z","date_updated":"2015-07-30T20:00:00Z","url":"{own}","links":{{"interactions":"{own}/Interactions","participants":"{own}/Participants"}}}}"#
        );
    }
    let next = json!((first + PAGE < sessions).then(|| url(number + 1)));
    let (this, start) = (url(number), url(0));
    let _ = write!(
        body,
        r#"],"meta":{{"key":"sessions","page":{number},"page_size":{PAGE},"url":"{this}","first_page_url":"{start}","next_page_url":{next}}}}}"#
    );
    body
}

/// What was held, above what was there before.
struct Held {
    at_a_thousand: i64,
    at_the_end: i64,
    most: i64,
    most_ahead: usize,
    micros: f64,
}

pub(crate) fn measure(tables: &mut Tables, short: bool) -> Result<bool, BoxError> {
    let lengths: &[usize] = if short { &[100_000] } else { &[1000, 10_000, 100_000, 1_000_000] };
    let runtime = runtime()?;
    let mut rows = Vec::new();
    let mut all_hold = true;
    for &sessions in lengths {
        let held = runtime.block_on(take(sessions))?;
        if sessions == 100_000 {
            let growth = held.at_the_end - held.at_a_thousand;
            all_hold &= holds("growth of a stream of 100,000 sessions", growth, GROWTH);
            all_hold &= holds("the most that it held", held.most, HELD);
        }
        // The page that is being read, and none ahead of it.
        all_hold &= held.most_ahead <= PAGE;
        let kib = |bytes: i64| rounded(bytes as f64 / 1024.0, 1);
        rows.push(vec![
            json!(sessions),
            kib(held.at_a_thousand),
            kib(held.at_the_end),
            kib(held.most),
            json!(held.most_ahead),
            rounded(held.micros, 1),
        ]);
    }
    tables.add(
        "A list as a stream",
        "Live heap while sessions are taken from a stream one at a time, pages of a hundred made up in memory as \
         they are asked for: at the thousandth session, at the last, and the most at any session and at any \
         page's arrival. What grows is the set by which a circle of pages is noticed, 16 bytes a page. The time \
         holds the making of the pages too.",
        &[
            "sessions",
            "at the 1,000th, KiB",
            "at the last, KiB",
            "most, KiB",
            "sessions asked for ahead",
            "µs a session",
        ],
        rows,
    );
    Ok(all_hold)
}

async fn take(sessions: usize) -> Result<Held, BoxError> {
    let pages = Pages(Arc::new(Seen { sessions, ..Seen::default() }));
    let seen = Arc::clone(&pages.0);
    let address = "127.0.0.1:1".parse()?;
    let gateway = builder(address)?.max_in_flight(load::MOST).over(pages)?;
    let before = live();
    let begun = Instant::now();
    let mut held = Held { at_a_thousand: 0, at_the_end: 0, most: 0, most_ahead: 0, micros: 0.0 };
    let mut taken = 0;
    let mut stream = pin!(gateway.sessions(SERVICE.parse()?).list(|list| list.page_size(100)));
    while let Some(session) = stream.try_next().await? {
        drop(session);
        taken += 1;
        let now = live() - before;
        held.most = held.most.max(now);
        held.most_ahead = held.most_ahead.max(seen.asked.load(Relaxed) * PAGE - taken);
        if taken == 1000 {
            held.at_a_thousand = now;
        }
        held.at_the_end = now;
    }
    held.most = held.most.max(seen.held.load(Relaxed) - before);
    held.micros = begun.elapsed().as_secs_f64() * 1e6 / sessions as f64;
    if taken != sessions {
        return Err(format!("{taken} of {sessions} sessions came").into());
    }
    Ok(held)
}
