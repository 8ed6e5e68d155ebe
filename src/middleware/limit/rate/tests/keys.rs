use http::{Method, Uri};
use tower::{Layer, ServiceExt};

use super::super::table::{Arrival, Table, Terms};
use super::*;
use crate::call::{Authorization, Priority, WhenLimited};

const TERMS: Terms = Terms {
    waits: false,
    began: None,
    deadline: None,
    headroom: Duration::ZERO,
    priority: Priority::Normal,
    places: 0,
};

fn key(number: usize) -> Key {
    Key::Named(number.to_string().into())
}

#[test]
fn keys_that_rest_are_forgotten_and_those_in_debt_are_not() {
    let table = Table::new(LocalLimiter::new(Quota::per_second(29).burst(5)));
    let begun = Instant::now();
    let goes = |number, at: Duration| {
        matches!(table.arrive(&table.hashed(key(number)), &TERMS, begun + at), Arrival::Go)
    };
    let (mut most, mut gone) = (0, 0);
    for number in 0..100_000 {
        // A thousand new keys a second, each of which is full again after a thirtieth of one, and
        // one key that takes whatever it can get: forgotten in a sweep it would come back full.
        let at = MS * number as u32;
        assert!(goes(number, at));
        gone += usize::from(goes(1_000_000, at));
        most = most.max(table.keys());
    }
    assert!((2900..=2905).contains(&gone), "{gone} went in 100 seconds at 29 a second");
    assert!(most < 2048, "{most} keys for some 35 in use");
}

#[test]
fn a_peak_is_forgotten_once_it_has_gone_by() {
    let table = Table::new(LocalLimiter::new(Quota::default()));
    let begun = Instant::now();
    let arrive = |number, at| {
        table.arrive(&table.hashed(key(number)), &TERMS, begun + at);
    };
    (0..50_000).for_each(|number| arrive(number, Duration::ZERO));
    assert_eq!(table.keys(), 50_000, "all in use");
    // One new key every 10 ms from then on: far too few to fill what the peak left room for.
    (0..10_000).for_each(|number| arrive(100_000 + number, MS * 10 * number as u32));
    assert!(table.keys() < 10_000, "{} keys", table.keys());
}

#[tokio::test(start_paused = true)]
async fn a_key_somebody_waits_for_is_kept() {
    let layer = RateLimitLayer::new(Quota::per_second(1000))
        .key_by(|head| Key::Named(head.uri.path().to_owned().into()));
    let log = Log::new();
    let mut service = layer.layer(log.clone());
    let to = |number: usize| {
        let mut request = plain(number as u32);
        *request.uri_mut() = Uri::try_from(format!("http://api.test/{number}")).expect("a URI");
        request
    };
    start(&mut service, to(7)).await.expect("goes");
    let waits = start(&mut service, to(7));
    // Its cells are back before it looks, and ten thousand new keys come by.
    tokio::time::advance(MS * 50).await;
    for number in 100..10_100 {
        start(&mut service, to(number)).await.expect("goes");
    }
    assert_eq!(layer.waiting(), 1);
    let behind = start(&mut service, to(7));
    assert_eq!(layer.waiting(), 2, "the line is still the same");
    futures_util::future::try_join(waits, behind).await.expect("both go");
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_by_account_operation_and_scope() {
    let layer = RateLimitLayer::new(Quota::per_second(1)).when_limited(WhenLimited::Refuse);
    let service = layer.layer(Log::new());
    let goes = async |request| service.clone().oneshot(request).await.is_ok();
    let sid =
        |last: char| format!("KS0123456789abcdef0123456789abcde{last}").parse().expect("a SID");
    let scoped = |operation, last| {
        let facts = CallFacts::new(operation, Idempotency::Safe).with_scope(Some(sid(last)));
        let mut request = Request::new(0);
        request.extensions_mut().insert(Arc::new(facts));
        request
    };
    assert!(goes(scoped("sessions.fetch", '1')).await);
    assert!(!goes(scoped("sessions.fetch", '1')).await);
    assert!(goes(scoped("sessions.fetch", '2')).await, "another resource above");
    assert!(goes(scoped("sessions.list", '1')).await, "another operation");
    let header = http::HeaderValue::from_static("Basic abc");
    let other = Authorization::new(header, Some(sid('9')));
    let options = CallOptions::new().authorization(other);
    assert!(goes(call("sessions.fetch", 0, CallOptions::new())).await);
    assert!(goes(call("sessions.fetch", 0, options)).await, "another account");
}

#[tokio::test(start_paused = true)]
async fn requests_that_name_no_operation_are_counted_by_method_and_authority() {
    let layer = RateLimitLayer::new(Quota::per_second(1)).when_limited(WhenLimited::Refuse);
    let service = layer.layer(Log::new());
    let goes = async |method: Method, uri: &'static str, with_facts: bool| {
        let mut request = Request::new(0);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(uri);
        if with_facts {
            CallFacts::ensure(&mut request);
        }
        service.clone().oneshot(request).await.is_ok()
    };
    assert!(goes(Method::GET, "http://one.test/a", false).await);
    assert!(!goes(Method::GET, "http://ONE.test/b?c", false).await);
    // Facts that a layer above made up say no more than the request does.
    assert!(!goes(Method::GET, "http://one.test/c", true).await);
    assert!(goes(Method::PUT, "http://one.test/a", true).await);
    assert!(goes(Method::GET, "http://two.test/a", true).await);
}

#[tokio::test(start_paused = true)]
async fn keys_may_be_made_by_a_function() {
    let layer = RateLimitLayer::new(Quota::per_second(1))
        .when_limited(WhenLimited::Refuse)
        .key_by(|head| Key::Named(format!("{:?}", head.headers.get("tenant")).into()));
    let service = layer.layer(Log::new());
    let goes = async |tenant: &'static str, operation| {
        let mut request = call(operation, 0, CallOptions::new());
        request.headers_mut().insert("tenant", http::HeaderValue::from_static(tenant));
        service.clone().oneshot(request).await.is_ok()
    };
    assert!(goes("a", "sessions.fetch").await);
    assert!(!goes("a", "sessions.list").await);
    assert!(goes("b", "sessions.list").await);
    assert_eq!(layer.keys(), 2);
}
