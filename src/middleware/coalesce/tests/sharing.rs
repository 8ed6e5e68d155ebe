//! Who shares a read, and who must not.

use http::{HeaderName, HeaderValue, Version};

use super::*;
use crate::call::{Authorization, Priority, WhenLimited};

#[tokio::test(start_paused = true)]
async fn many_reads_at_once_are_one() {
    let bench = Bench::new();
    let mut calls: Vec<_> = (0..100).map(|_| bench.waiting(read(Wish::default()))).collect();
    assert_eq!((bench.asked(), bench.layer.in_flight(), bench.layer.waiting()), (1, 1, 100));
    bench.answer(0, "the session");
    for call in &mut calls {
        assert!(call.is_woken());
        assert_eq!(body(call), "the session");
    }
    assert_eq!((bench.asked(), bench.layer.joined()), (1, 99));
    bench.is_at_rest();
}

/// Callers that are polled later, or not for each wake-up, cost the read no polls.
#[tokio::test(start_paused = true)]
async fn the_read_is_polled_when_it_wants_to_be_and_not_for_each_who_waits() {
    let bench = Bench::new();
    let mut calls: Vec<_> = (0..10).map(|_| bench.waiting(read(Wish::default()))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(bench.server.polls.load(SeqCst), 1);
    bench.answer(0, "once");
    calls.iter_mut().for_each(|call| assert_eq!(body(call), "once"));
    assert_eq!(bench.server.polls.load(SeqCst), 2);
}

/// Head, headers and extensions are each caller's own.
#[tokio::test(start_paused = true)]
async fn every_caller_gets_the_whole_response() {
    let bench = Bench::new();
    let mut calls = [bench.waiting(read(Wish::default())), bench.waiting(read(Wish::default()))];
    let mut response = Response::builder().status(404).header("x-id", "1").body("gone").unwrap();
    response.extensions_mut().insert("from below");
    bench.with(0, |asked| asked.answer(Ok(response)));
    for call in &mut calls {
        let response = assert_ready!(call.poll()).expect("an answer");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-id"], "1");
        assert_eq!(response.extensions().get(), Some(&"from below"));
    }
}

fn authorization(token: &'static str) -> Wish {
    let header = HeaderValue::from_static(token);
    wishing(CallOptions::new().authorization(Authorization::new(header, None)))
}

fn header(value: &'static str) -> CallOptions {
    CallOptions::new().header(HeaderName::from_static("x-own"), HeaderValue::from_static(value))
}

fn changed(change: impl FnOnce(&mut Outgoing)) -> Outgoing {
    let mut request = read(Wish::default());
    change(&mut request);
    request
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_anything_else_goes_by_himself() {
    let elsewhere = |uri: &str| changed(|request| *request.uri_mut() = uri.parse().unwrap());
    let with = |facts: CallFacts| {
        changed(|request| drop(request.extensions_mut().insert(Arc::new(facts))))
    };
    let safe = |operation| CallFacts::new(operation, Idempotency::Safe);
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().ok();
    let replay = |allowed| read(wishing(CallOptions::new().replay(allowed)));
    let others = [
        ("path", elsewhere("https://api.test/v1/Services/KS1/Sessions/KC2?a=b")),
        ("query", elsewhere("https://api.test/v1/Services/KS1/Sessions/KC1?a=c")),
        ("no query", elsewhere("https://api.test/v1/Services/KS1/Sessions/KC1")),
        ("host", elsewhere("https://other.test/v1/Services/KS1/Sessions/KC1?a=b")),
        ("scheme", elsewhere("http://api.test/v1/Services/KS1/Sessions/KC1?a=b")),
        ("port", elsewhere("https://api.test:8443/v1/Services/KS1/Sessions/KC1?a=b")),
        ("version", changed(|request| *request.version_mut() = Version::HTTP_2)),
        ("header", changed(|r| drop(r.headers_mut().insert("x-own", "1".parse().unwrap())))),
        ("another", changed(|r| drop(r.headers_mut().insert("x-own", "2".parse().unwrap())))),
        ("credentials", read(authorization("Basic b25l"))),
        ("other credentials", read(authorization("Basic dHdv"))),
        ("account", with(safe("sessions.fetch").with_account(account))),
        ("scope", with(safe("sessions.fetch").with_scope(account))),
        ("operation", with(safe("sessions.look"))),
        ("template", with(safe("sessions.fetch").with_template("/v1"))),
        ("media type", with(safe("sessions.fetch").with_content_type("text/plain"))),
        ("attempts", read(wishing(CallOptions::new().max_attempts(1)))),
        ("replay", replay(true)),
        ("no replay", replay(false)),
        ("priority", read(wishing(CallOptions::new().priority(Priority::Low)))),
        ("refusal", read(wishing(CallOptions::new().when_limited(WhenLimited::Refuse)))),
        ("waiting", read(wishing(CallOptions::new().when_limited(WhenLimited::Wait)))),
        ("continuing", read(wishing(CallOptions::new().continuing()))),
        ("extra header", read(wishing(header("1")))),
        ("another extra header", read(wishing(header("2")))),
        ("extra form", read(wishing(CallOptions::new().form("a", "b")))),
        ("no facts", bare(URI)),
    ];
    let bench = Bench::new();
    let mut calls = vec![("plain", bench.waiting(read(Wish::default())))];
    for (number, (what, request)) in others.into_iter().enumerate() {
        calls.push((what, bench.waiting(request)));
        assert_eq!(bench.asked(), number + 2, "{what}");
    }
    assert_eq!(bench.layer.joined(), 0);
    // Each has its own answer, and each can be joined.
    for (number, (what, call)) in calls.iter_mut().enumerate() {
        bench.answer(number, what);
        assert_eq!(body(call), *what);
    }
}

/// A request with a name of its tenant for a layer below can't be told from another's.
#[tokio::test(start_paused = true)]
async fn what_can_not_be_compared_goes_by_itself() {
    let tenant = |name: &'static str| {
        changed(|request| {
            request.extensions_mut().insert(name);
        })
    };
    let unsafe_get = || {
        let facts = CallFacts::new("sessions.ring", Idempotency::Unsafe);
        changed(|request| drop(request.extensions_mut().insert(Arc::new(facts))))
    };
    let bench = Bench::new();
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(bench.waiting(tenant("one")));
        calls.push(bench.waiting(changed(|request| *request.body_mut() = Full::from("a body"))));
        calls.push(bench.waiting(changed(|request| *request.method_mut() = Method::HEAD)));
        calls.push(bench.waiting(unsafe_get()));
        calls.push(bench.waiting(write()));
    }
    assert_eq!((bench.asked(), bench.layer.waiting()), (10, 0));
    let bare_tenant = || {
        let mut request = bare(URI);
        request.extensions_mut().insert("one");
        request
    };
    calls.push(bench.waiting(bare_tenant()));
    calls.push(bench.waiting(bare_tenant()));
    assert_eq!(bench.asked(), 12);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_difference_on_the_wire_is_shared() {
    let bench = Bench::new();
    let _calls = [
        bench.waiting(read(within(5))),
        bench.waiting(read(Wish::default())),
        bench.waiting(read(wishing(CallOptions::new()))),
        bench.waiting(read(wishing(CallOptions::new().deadline(Duration::from_secs(1))))),
        // The host's letters do not matter.
        bench.waiting(changed(|r| *r.uri_mut() = URI.replace("api", "API").parse().unwrap())),
    ];
    let _bare = [bench.waiting(bare(URI)), bench.waiting(bare(URI))];
    let _credentials = [
        bench.waiting(read(authorization("Basic b25l"))),
        bench.waiting(read(authorization("Basic b25l"))),
    ];
    assert_eq!(bench.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_request_arrives_as_it_was_asked() {
    let bench = Bench::new();
    let _call = bench.waiting(changed(|request| {
        request.headers_mut().insert("x-own", "kept".parse().unwrap());
    }));
    bench.with(0, |asked| {
        assert_eq!(
            (asked.request.method(), asked.request.uri().to_string()),
            (&Method::GET, URI.into())
        );
        assert_eq!(asked.request.headers()["x-own"], "kept");
        assert_eq!(asked.facts().operation(), "sessions.fetch");
    });
}

/// Another service may be another server, with other credentials below.
#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_the_switch_and_no_read() {
    let one = Bench::new();
    let other = Bench::of(one.layer.clone());
    let _first = one.waiting(read(Wish::default()));
    let _second = other.waiting(read(Wish::default()));
    assert_eq!((one.asked(), other.asked()), (1, 1));
    assert_eq!((one.layer.in_flight(), one.layer.waiting()), (2, 2));
    one.layer.set_enabled(false);
    let _third = other.waiting(read(Wish::default()));
    assert_eq!((other.asked(), one.layer.waiting()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn off_every_call_goes_by_itself_and_on_it_is_live() {
    let bench = Bench::of(CoalesceLayer::off());
    let mut calls: Vec<_> = (0..2).map(|_| bench.waiting(read(Wish::default()))).collect();
    assert_eq!((bench.asked(), bench.layer.waiting()), (2, 0));
    assert!(!bench.layer.is_enabled());
    bench.layer.set_enabled(true);
    calls.extend((0..2).map(|_| bench.waiting(read(Wish::default()))));
    assert_eq!((bench.asked(), bench.layer.waiting()), (3, 2));
    // Off again, those who share go on sharing.
    bench.layer.set_enabled(false);
    bench.answer(2, "shared");
    assert_eq!((body(&mut calls[3]), body(&mut calls[2])), ("shared", "shared"));
    bench.answer(0, "own");
    assert_eq!(body(&mut calls[0]), "own");
}

/// A layer of somebody else's may hold a permit for as long as it is ready. Who joins a read has no use
/// for it, and the service that he keeps must not sit on it.
#[tokio::test(start_paused = true)]
async fn who_joins_lets_go_of_what_was_readied() {
    let permits = Arc::new(tokio::sync::Semaphore::new(3));
    let server = Server { shared: Arc::default(), ready: false };
    let limited = tower::limit::ConcurrencyLimit::with_semaphore(server, Arc::clone(&permits));
    let service = CoalesceLayer::new().layer(limited);
    let mut kept = [service.clone(), service.clone()];
    let calls = kept.each_mut().map(|service| {
        assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        task::spawn(service.call(read(Wish::default())))
    });
    assert_eq!(permits.available_permits(), 2, "the read has one");
    drop(calls);
    assert_eq!(permits.available_permits(), 3);
}
