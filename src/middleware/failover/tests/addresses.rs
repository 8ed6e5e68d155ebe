//! Where requests go: the origin is swapped, the path kept, and strangers are left alone.

use http::{HeaderValue, Uri, header};

use super::*;

fn moved(from: &str, uri: &str, to: &str) -> String {
    let (from, uri) = (base(from), uri.parse::<Uri>().unwrap());
    assert!(from.covers(&uri), "{from} {uri}");
    from.moved(uri, &base(to)).unwrap().to_string()
}

#[test]
fn scheme_host_port_and_prefix_are_swapped_and_nothing_else() {
    for (from, uri, to, expected) in [
        ("https://a.test", "https://a.test/v1?x=%2F", "https://b.test", "https://b.test/v1?x=%2F"),
        ("https://a.test", "https://a.test/v1", "http://b.test:81/", "http://b.test:81/v1"),
        ("https://a.test/one", "https://a.test/one/v1?x", "https://b.test", "https://b.test/v1?x"),
        ("https://a.test", "https://a.test/v1", "https://b.test/two", "https://b.test/two/v1"),
        ("https://a.test/x", "https://a.test/x/v1", "https://b.test/y/z/", "https://b.test/y/z/v1"),
        ("https://a.test/x", "https://a.test/x", "https://b.test", "https://b.test/"),
        ("https://a.test/x", "https://a.test/x?q", "https://b.test", "https://b.test/?q"),
        ("https://a.test/x", "https://a.test/x?q", "https://b.test/y", "https://b.test/y?q"),
        ("https://a.test", "https://a.test", "https://b.test/y", "https://b.test/y/"),
        ("https://A.test:443", "https://a.test/v1", "https://[::1]:2", "https://[::1]:2/v1"),
    ] {
        assert_eq!(moved(from, uri, to), expected, "{from} {uri} {to}");
    }
}

#[test]
fn what_lies_elsewhere_is_not_ours_to_move() {
    let ours = base("https://a.test/x");
    for elsewhere in [
        "https://b.test/x/v1",
        "http://a.test/x/v1",
        "https://a.test:8443/x/v1",
        "https://a.test/xy/v1",
        "https://a.test/v1",
        "/x/v1",
    ] {
        assert!(!ours.covers(&elsewhere.parse().unwrap()), "{elsewhere}");
    }
}

#[test]
fn a_base_says_what_is_wrong_with_it() {
    for bad in ["/v1", "ftp://a.test", "https://me:secret@a.test"] {
        assert!(Base::new(&bad.parse().unwrap()).is_err(), "{bad}");
    }
}

#[test]
fn a_path_that_becomes_too_long_is_an_error_and_not_another_path() {
    let long: Uri = format!("https://a.test/{}", "x".repeat(65_000)).parse().unwrap();
    let far = base(&format!("https://b.test/{}", "y".repeat(1_000)));
    assert_eq!(base("https://a.test").moved(long, &far), None);
}

/// What the layers below would sign and send.
#[tokio::test(start_paused = true)]
async fn layers_below_see_the_place_that_was_chosen_and_no_host_of_another() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let below = tower::service_fn(move |call: Call| {
        let host = call.headers().get(header::HOST).cloned();
        log.lock().unwrap().push((call.uri().to_string(), host));
        std::future::ready(Ok::<_, BoxError>(Response::new(())))
    });
    let layer = over(&[A, B]);
    layer.endpoints().hold(0);
    let stack = layer.layer(below);
    let mut call = write();
    call.headers_mut().insert(header::HOST, HeaderValue::from_static(A));
    stack.clone().oneshot(call).await.unwrap();
    let mut stranger = write();
    *stranger.uri_mut() = "https://else.test/v1".parse().unwrap();
    stranger.headers_mut().insert(header::HOST, HeaderValue::from_static("else.test"));
    stack.oneshot(stranger).await.unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            ("https://b.test/v1/Services?a=b".to_owned(), None),
            ("https://else.test/v1".to_owned(), Some(HeaderValue::from_static("else.test"))),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn with_one_endpoint_nothing_is_touched_and_nothing_noted() {
    let layer = over(&[A]);
    let doors = Doors::new(|_| Act::Refuse);
    let call = write();
    let known = facts(&call);
    assert!(once(&layer, &doors, call).await.is_err());
    assert_eq!((known.endpoint(), doors.seen()), (None, vec![A.to_owned()]));
    let health = layer.endpoints().health();
    assert_eq!((health.len(), health[0].failures, health[0].latency), (1, 0, None));
    // No facts are made up either.
    let bare = tower::service_fn(|call: Call| {
        assert!(call.extensions().is_empty());
        std::future::ready(Ok::<_, BoxError>(Response::new(())))
    });
    let mut call = write();
    call.extensions_mut().clear();
    layer.layer(bare).oneshot(call).await.unwrap();
}
