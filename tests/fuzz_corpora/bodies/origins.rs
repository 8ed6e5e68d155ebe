//! Base URLs, and the URLs that a server names: nothing may lead elsewhere.

use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use twilio_proxy::call::{BoxError, Origin, ServiceSid};
use twilio_proxy::gateway::{Gateway, GatewayExt};
use twilio_proxy::sessions::ListSessions;
use twilio_proxy::wire::Endpoint;

/// Base URL, region, edge, and then URLs that may or may not lead there, one a line.
pub(super) fn endpoint(data: &[u8]) {
    let Some(([base, region, edge], urls)) = super::lines::<3>(data) else { return };
    let endpoint = match Endpoint::with_region(base, Some(region), Some(edge)) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let said = error.to_string();
            assert!(!super::is_foreign(base, 24) || !said.contains(base), "{said}");
            return;
        }
    };
    let (origin, own) = (endpoint.origin(), endpoint.base());
    assert!(origin.matches(&own));
    // Worked in once, region and edge are there; a second time changes nothing.
    let again = Endpoint::with_region(&own.to_string(), Some(region), Some(edge)).unwrap();
    assert_eq!((again.origin(), again.prefix(), again.base()), (origin, endpoint.prefix(), own));
    let plain = Endpoint::new(&endpoint.base().to_string()).unwrap();
    assert_eq!(plain.origin(), origin);
    assert!(!endpoint.prefix().ends_with('/'));
    // An origin is written as it is read.
    let written: Uri = origin.to_string().parse().unwrap();
    assert_eq!(&Origin::of(&written).unwrap(), origin);
    assert_eq!(Origin::leads_to_loopback(&written), Ok(origin.is_loopback()));
    for url in urls.split(|byte| *byte == b'\n') {
        let Ok(url) = std::str::from_utf8(url) else { continue };
        if let Ok(uri) = endpoint.admit(url) {
            assert_eq!(uri.authority(), endpoint.base().authority());
            assert!(origin.matches(&uri));
            let (scheme, host, port) = taken_apart(url);
            assert_eq!((scheme == "https", port), (origin.is_secure(), origin.port()), "{url}");
            assert!(same_place(&host, origin.host()), "{url} is not at {origin}");
            assert_eq!(endpoint.admit(&uri.to_string()), Ok(uri));
        }
    }
}

/// Scheme, host and port of a URL, without the library that our code reads it with.
fn taken_apart(url: &str) -> (String, String, u16) {
    let (scheme, rest) = url.split_once("://").expect("an admitted URL is a whole one");
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap();
    assert!(!authority.contains('@'), "{url} has a user's name in it");
    let scheme = scheme.to_ascii_lowercase();
    let own = if scheme == "https" { 443 } else { 80 };
    let colon = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
    let port = port.strip_prefix(':').map_or(own, |port| port.parse().expect("a port"));
    (scheme, host.to_ascii_lowercase(), port)
}

/// Whether two hosts are one, but for the region and the edge in one of them.
fn same_place(one: &str, other: &str) -> bool {
    let bare = |host: &str| {
        let labels: Vec<_> = host.split('.').map(str::to_owned).collect();
        match labels.as_slice() {
            [product, .., name, tld] if (3..=5).contains(&labels.len()) => {
                vec![product.clone(), name.clone(), tld.clone()]
            }
            _ => labels,
        }
    };
    one == other || bare(one) == bare(other)
}

/// A page as a server answers a list: wherever it says that the next one is, no request goes elsewhere.
pub(super) fn paging(data: &[u8]) {
    let asked: Arc<Mutex<Vec<Uri>>> = Arc::default();
    let stack = {
        let (asked, page) = (Arc::clone(&asked), Bytes::copy_from_slice(data));
        tower::service_fn(move |request: Request<Full<Bytes>>| {
            let mut asked = asked.lock().unwrap();
            asked.push(request.uri().clone());
            assert!(asked.len() <= 3, "in circles: {asked:?}");
            let last = Bytes::from_static(br#"{"sessions":[],"meta":{}}"#);
            let body = if asked.len() == 1 { page.clone() } else { last };
            let mut answer = Response::new(Full::new(body));
            *answer.status_mut() = StatusCode::OK;
            ready(Ok::<_, BoxError>(answer))
        })
    };
    let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
    let service = ServiceSid::new("KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    let pages: Vec<_> = gateway
        .pages(ListSessions::new(service))
        .collect()
        .now_or_never()
        .expect("nothing makes it wait");
    assert!(!pages.is_empty() && pages.len() <= 2);
    for uri in asked.lock().unwrap().iter() {
        assert_eq!(uri.scheme_str(), Some("https"));
        assert_eq!(uri.authority().unwrap(), "proxy.twilio.com");
    }
}
