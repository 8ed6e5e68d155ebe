use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use twilio_proxy::call::{CallOptions, Effect};
use twilio_proxy::gateway::{ErrorKind, GatewayExt};
use twilio_proxy::sessions::{ListSessions, Session};
use twilio_proxy::wire::Operation;

use crate::script::{SERVICE, Script, Step, answer, service};

const BASE: &str = "https://proxy.twilio.com";

fn url(token: &str) -> String {
    format!("{BASE}/v1/Services/{SERVICE}/Sessions?PageSize=50&Page=1&PageToken={token}")
}

/// A page of sessions named `names`, whose next page is `next`.
fn page(names: &[&str], next: Option<&str>) -> Step {
    let sessions: Vec<Value> = names.iter().map(|name| json!({ "unique_name": name })).collect();
    let meta = json!({
        "key": "sessions", "page": 0, "page_size": 50,
        "url": format!("{BASE}/v1/Services/{SERVICE}/Sessions?PageSize=50&Page=0"),
        "first_page_url": format!("{BASE}/v1/Services/{SERVICE}/Sessions?PageSize=50&Page=0"),
        "previous_page_url": null, "next_page_url": next,
    });
    answer(200, json!({ "sessions": sessions, "meta": meta }).to_string())
}

fn names(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().filter_map(|session| session.unique_name.as_deref()).collect()
}

#[tokio::test]
async fn short_and_empty_pages_are_not_the_end_only_a_null_next_page_is() {
    let script = Script::new([
        page(&["a"], Some(&url("t1"))),
        page(&[], Some(&url("t2"))),
        page(&["b", "c"], None),
    ]);
    let all = script.gateway().items(ListSessions::new(service())).into_vec().await.unwrap();
    assert_eq!(names(&all), ["a", "b", "c"]);
    let first = format!("GET {BASE}/v1/Services/{SERVICE}/Sessions");
    assert_eq!(
        script.lines(),
        [first, format!("GET {}", url("t1")), format!("GET {}", url("t2"))],
        "the next page is what the server says, to the letter"
    );
}

/// The helper libraries yield one record too many, or fetch the page after the one that fills the limit.
#[tokio::test]
async fn a_limit_yields_exactly_that_many_and_fetches_no_page_too_many() {
    for (limit, pages) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let script =
            Script::new([page(&["a", "b"], Some(&url("t1"))), page(&["c", "d"], Some(&url("t2")))]);
        let list = ListSessions::new(service()).page_size(2).limit(limit);
        let all = script.gateway().items(list).into_vec().await.unwrap();
        assert_eq!(names(&all), &["a", "b", "c", "d"][..usize::try_from(limit).unwrap()]);
        assert_eq!(script.lines().len(), pages, "limit {limit}");
    }
}

#[tokio::test]
async fn the_stream_of_pages_cuts_the_last_page_to_the_limit() {
    let script =
        Script::new([page(&["a", "b"], Some(&url("t1"))), page(&["c", "d"], Some(&url("t2")))]);
    let pages = script.gateway().pages(ListSessions::new(service()).limit(3));
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [2, 1]);
}

/// A next page on another origin would get the credentials: nothing is sent to it.
#[tokio::test]
async fn a_next_page_elsewhere_is_refused_before_anything_is_sent() {
    for elsewhere in [
        "https://evil.example/v1/Services",
        "http://proxy.twilio.com/v1/Services",
        "https://proxy.twilio.com:8443/v1/Services",
        "https://proxy.twilio.com@evil.example/v1/Services",
        "//evil.example/v1",
        "/v1/Services",
        "ftp://proxy.twilio.com/",
        "not a url",
    ] {
        let script = Script::new([page(&["a"], Some(elsewhere))]);
        let mut stream = std::pin::pin!(script.gateway().items(ListSessions::new(service())));
        assert!(stream.next().await.unwrap().is_ok());
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Unexpected, Effect::None),
            "{elsewhere}"
        );
        // The caller can't mend what the server got wrong.
        assert!(!error.is_invalid());
        assert!(stream.next().await.is_none(), "the stream ends after its error");
        assert_eq!(script.lines().len(), 1, "{elsewhere}");
    }
}

#[tokio::test]
async fn a_loop_of_pages_ends_in_an_error() {
    // t1 → t2 → t1: without a memory of pages this list would go on for ever.
    let script = Script::new([
        page(&["a"], Some(&url("t1"))),
        page(&["b"], Some(&url("t2"))),
        page(&["c"], Some(&url("t1"))),
    ]);
    let gateway = script.gateway();
    let results: Vec<_> = gateway.items(ListSessions::new(service())).collect::<Vec<_>>().await;
    assert_eq!(results.len(), 4);
    let error = results[3].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unexpected, Effect::None));
    assert_eq!(script.lines().len(), 3);
}

#[tokio::test]
async fn a_page_that_names_itself_as_the_next_is_a_loop_too() {
    let own = format!("{BASE}/v1/Services/{SERVICE}/Sessions?PageSize=50&Page=0");
    let script = Script::new([page(&["a"], Some(&own))]);
    let error = script.gateway().items(ListSessions::new(service())).into_vec().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert_eq!(script.lines().len(), 1);
}

#[tokio::test]
async fn nothing_is_fetched_before_it_is_asked_for() {
    let script = Script::new([page(&["a"], Some(&url("t1")))]);
    let mut stream = Box::pin(script.gateway().items(ListSessions::new(service())));
    assert_eq!(script.lines().len(), 0);
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    assert_eq!(script.lines().len(), 1);
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_with_that_error() {
    let script = Script::new([page(&["a"], Some(&url("t1"))), answer(500, "")]);
    let mut stream = std::pin::pin!(script.gateway().items(ListSessions::new(service())));
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Server);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_limit_of_nothing_and_a_page_size_out_of_range_are_refused() {
    for list in [
        ListSessions::new(service()).limit(0),
        ListSessions::new(service()).page_size(0),
        ListSessions::new(service()).page_size(1001),
    ] {
        let script = Script::default();
        let error = script.gateway().items(list).into_vec().await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Encode, Effect::None));
    }
}

#[tokio::test]
async fn first_and_previous_pages_can_be_fetched_as_well() {
    let script = Script::new([page(&["a"], None), page(&["a"], None)]);
    let gateway = script.gateway();
    let page = gateway.send(ListSessions::new(service())).await.unwrap();
    let first = page.meta.first_page_url.as_deref().unwrap();
    let again = gateway.sessions(service()).page(first).await.unwrap();
    assert_eq!(names(&again.items), ["a"]);
    assert_eq!(script.lines()[1], format!("GET {first}"));
}

/// Wishes of a list, such as a subaccount's credentials, hold for each of its pages.
#[tokio::test]
async fn a_list_takes_its_wishes_to_every_page() {
    let script = Script::new([page(&["a"], Some(&url("t1"))), page(&["b"], None)]);
    let tenant = || (HeaderName::from_static("x-tenant"), HeaderValue::from_static("blue"));
    let (name, value) = tenant();
    let list = ListSessions::new(service()).with(CallOptions::new().header(name, value));
    let all = script.gateway().items(list).into_vec().await.unwrap();
    assert_eq!(names(&all), ["a", "b"]);
    for sent in script.sent() {
        assert_eq!(sent.headers[tenant().0], tenant().1, "{}", sent.line);
    }
}

/// Nor do they lift its limit.
#[tokio::test]
async fn a_list_with_wishes_ends_where_it_is_to_end() {
    let script = Script::new([page(&["a", "b"], Some(&url("t1")))]);
    let list = ListSessions::new(service()).limit(2).with(CallOptions::new());
    let all = script.gateway().items(list).into_vec().await.unwrap();
    assert_eq!(names(&all), ["a", "b"]);
    assert_eq!(script.lines().len(), 1);
}
