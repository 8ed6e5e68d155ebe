//! Lists whose pages lead in circles, elsewhere or nowhere.

use std::net::TcpListener;

use futures_util::TryStreamExt;
use tokio::time::timeout;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{BodyTooLarge, Decode, Incomplete, Interrupted, Unexpected};
use twilio_proxy::gateway::{Error, ErrorKind, GatewayExt};
use twilio_proxy::sessions::Session;

use crate::deed::{Deed, Ends, Right, Say};
use crate::engine::{CAP, CEILING, serve};
use crate::operations::service;
use crate::row::{Expect, Row};

/// What a list ended with, and how many requests it took.
struct Listed {
    outcome: Result<Vec<Session>, Error>,
    heard: usize,
}

/// Lists all there is, from a server that answers every request with this.
async fn list(says: impl Fn(&Right) -> Vec<Say> + Send + Sync + 'static) -> Listed {
    list_up_to(u64::MAX, says).await
}

async fn list_up_to(
    limit: u64,
    says: impl Fn(&Right) -> Vec<Say> + Send + Sync + 'static,
) -> Listed {
    let row = Row::new("A list", Deed::says(says).ends(Ends::Keep), Expect::Fine);
    let (server, gateway, _) = serve(&row, 0, true).await;
    let pages = gateway.sessions(service()).list(|list| list.limit(limit));
    let outcome = timeout(CEILING, pages.try_collect()).await.expect("it hangs");
    assert_eq!(gateway.in_flight(), 0);
    Listed { outcome, heard: server.book(|book| book.heard.len()) }
}

fn page(next: &str) -> Vec<Say> {
    let next = next.replace('\\', "\\\\").replace('"', "\\\"");
    let body = format!(
        r#"{{"sessions":[{{"status":"open"}}],"meta":{{"key":"sessions","next_page_url":"{next}"}}}}"#
    );
    let length = body.len();
    vec![Say::text(format!("HTTP/1.1 200 Fine\r\ncontent-length: {length}\r\n\r\n{body}"))]
}

fn origin(right: &Right) -> String {
    format!("http://localhost:{}", right.port)
}

#[track_caller]
fn ends_in(listed: &Listed, kind: ErrorKind, effect: Effect, heard: usize) {
    let error = listed.outcome.as_ref().expect_err("an error");
    assert_eq!((error.kind(), error.effect()), (kind, effect), "{error:?}");
    assert_eq!(listed.heard, heard, "{error:?}");
}

#[tokio::test]
async fn a_page_that_follows_itself_ends_the_list() {
    let listed = list(|right| page(&format!("{}/v1/next?Page=1", origin(right)))).await;
    ends_in(&listed, Unexpected, Effect::None, 2);
}

#[tokio::test]
async fn pages_that_follow_each_other_in_a_circle_end_the_list() {
    let circle =
        |right: &Right| page(&format!("{}/v1/next?Page={}", origin(right), (right.number + 1) % 5));
    // The first page was asked for by another URL than the one that leads back to it.
    ends_in(&list(circle).await, Unexpected, Effect::None, 6);
}

/// Each page names a new one: nothing but the caller's limit ends that, and it does.
#[tokio::test]
async fn a_list_without_end_ends_at_its_limit() {
    let listed = list_up_to(300, |right| {
        page(&format!("{}/v1/next?PageToken={}", origin(right), right.number))
    })
    .await;
    assert_eq!(listed.outcome.expect("a list").len(), 300);
    assert_eq!(listed.heard, 300);
}

/// Credentials go with every request, so a page elsewhere must not be asked for, however its URL is
/// dressed up.
#[tokio::test]
async fn a_page_elsewhere_is_not_asked_for() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let there = format!("127.0.0.1:{port}");
    let urls = [
        format!("http://{there}/v1/next"),
        format!("http://localhost:{port}/v1/next"),
        format!("https://{there}/v1/next"),
        format!("//{there}/v1/next"),
        format!("\\\\{there}\\v1\\next"),
        format!("http:/\\{there}/v1/next"),
        format!("HTTP://{there}/v1/next"),
        format!("http://[::ffff:127.0.0.1]:{port}/v1/next"),
        format!("http://2130706433:{port}/v1/next"),
        format!("http://localhost:HERE@{there}/v1/next"),
        format!("http://localhost:HERE#@{there}/v1/next"),
        format!("http://localhost:HERE?@{there}/v1/next"),
        format!("http://localhost:HERE\\@{there}/v1/next"),
        format!("http://{there}#@localhost:HERE/v1/next"),
        format!("http://{there}\\@localhost:HERE/v1/next"),
        format!("http://localhost:HERE@{there}:{port}/"),
        format!("http://localhost.:HERE.{there}/"),
        format!("http://localhost:HERE\t@{there}/"),
        format!("\thttp://{there}/"),
        format!("ftp://{there}/"),
        format!("unix:{there}"),
        "javascript:alert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://".to_owned(),
        "x".repeat(20_000),
    ];
    for url in urls {
        let next = url.clone();
        let listed = list(move |right| {
            page(&next.replace("HERE", &right.port.to_string()).replace('\t', "\\t"))
        })
        .await;
        // The two whose rest is a fragment or a query lead back to this server, which names them again.
        let here = url.starts_with("http://localhost:HERE#") || url.contains("HERE?");
        ends_in(&listed, Unexpected, Effect::None, if here { 2 } else { 1 });
        let heard = elsewhere.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(heard, Err(std::io::ErrorKind::WouldBlock), "{url}: somebody came");
    }
}

#[tokio::test]
async fn a_page_that_is_none_is_said_to_be_none() {
    for body in [
        "{}",
        "[]",
        r#"{"sessions":[]}"#,
        r#"{"meta":{}}"#,
        r#"{"sessions":{},"meta":{}}"#,
        r#"{"sessions":[null],"meta":{}}"#,
        r#"{"sessions":[{"sid":1}],"meta":{}}"#,
        r#"{"sessions":[],"meta":null}"#,
        r#"{"sessions":[],"meta":{"next_page_url":5}}"#,
        r#"{"sessions":[],"meta":{"page":-1}}"#,
        r#"{"sessions":[],"meta":{"page_size":1e99}}"#,
    ] {
        let listed = list(move |right| vec![Say::text(right.with_body(body))]).await;
        ends_in(&listed, Decode, Effect::Applied, 1);
    }
}

/// What was listed before is not handed out as if it were all.
#[tokio::test]
async fn a_page_that_breaks_off_ends_the_list_with_an_error() {
    let first = |right: &Right| page(&format!("{}/v1/next?Page=1", origin(right)));
    let cut = move |right: &Right| match right.number {
        0 => first(right),
        _ => vec![Say::text("HTTP/1.1 200 Fine\r\ncontent-length: 900\r\n\r\n{\"sess")],
    };
    let row = Row::new("A list", Deed::says(cut), Expect::Fine);
    let (server, gateway, _) = serve(&row, 0, true).await;
    let pages = gateway.sessions(service()).list(|list| list);
    let listed: Result<Vec<Session>, Error> =
        timeout(CEILING, pages.try_collect()).await.expect("it hangs");
    let error = listed.expect_err("cut");
    assert!(matches!(error.kind(), Incomplete | Interrupted), "{error:?}");
    assert_eq!((error.effect(), error.attempts()), (Effect::Unknown, 4));
    assert_eq!(server.book(|book| book.heard.len()), 5);
}

#[tokio::test]
async fn a_page_without_end_meets_the_cap() {
    let listed = list(|right| {
        let head = right.head();
        let record = r#"{"status":"open"},"#.repeat(1000);
        let head = format!("{head}\r\n{{\"meta\":{{}},\"sessions\":[");
        vec![Say::text(head), Say::Endless(record.into())]
    })
    .await;
    ends_in(&listed, BodyTooLarge, Effect::Applied, 1);
}

/// A million empty records in a small body would be a large list: the cap on bodies bounds that too.
#[tokio::test]
async fn a_page_of_empty_records_is_as_long_as_its_body_allows() {
    let listed = list(|right| {
        let records = vec!["{}"; CAP / 3 - 20].join(",");
        let body = format!(r#"{{"meta":{{}},"sessions":[{records}]}}"#);
        vec![Say::text(right.with_body(&body))]
    })
    .await;
    assert_eq!(listed.outcome.expect("a list").len(), CAP / 3 - 20);
}

/// The stream asks for a page only when somebody wants it.
#[tokio::test]
async fn a_list_that_is_dropped_asks_for_no_more() {
    let endless = |right: &Right| page(&format!("{}/n?t={}", origin(right), right.number));
    let row = Row::new("A list", Deed::says(endless).ends(Ends::Keep), Expect::Fine);
    let (server, gateway, _) = serve(&row, 0, true).await;
    {
        let mut pages = std::pin::pin!(gateway.sessions(service()).list(|list| list));
        for _ in 0..3 {
            timeout(CEILING, pages.try_next()).await.expect("it hangs").unwrap();
        }
    }
    assert_eq!(gateway.shutdown(CEILING).await.cut_off, 0);
    assert_eq!(server.book(|book| book.heard.len()), 3);
}
