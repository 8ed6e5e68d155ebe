//! The URL is the text that Twilio called.

use super::*;

fn behind(url: PublicUrl) -> ValidateSignatureLayer {
    ValidateSignatureLayer::new(token("12345"), url)
}

/// A callback to this URL that reaches the server under that one.
fn reaching(url: &str, uri: &str) -> Request<Full<Bytes>> {
    let mut request = signed_form(&token("12345"), url, [("a", "b c")]).unwrap();
    *request.uri_mut() = uri.parse().unwrap();
    request
}

#[tokio::test(start_paused = true)]
async fn path_and_query_are_not_written_anew() {
    let layer = behind(PublicUrl::new("https://mycompany.com").unwrap());
    for path in [
        "/a'b@c:d?e'f@g:h",
        "/a%27b%40c%3ad?x=%2b+%20",
        "/a//b/../c/./d",
        "/a?",
        "/",
        "/?",
        "/a?b&c=&=d&&",
        "/%zz",
        "/a;b=c?d;e",
    ] {
        let url = format!("https://mycompany.com{path}");
        assert_eq!(status(&layer, reaching(&url, path)).await, 200, "{path}");
        // As HTTP/2 has it, with an origin of its own that nobody asks about.
        let absolute = format!("http://10.0.0.1:8080{path}");
        assert_eq!(status(&layer, reaching(&url, &absolute)).await, 200, "{path}");
    }
    let other = reaching("https://mycompany.com/a'b", "/a%27b");
    assert_eq!(status(&layer, other).await, 403);
}

#[tokio::test(start_paused = true)]
async fn the_public_url_may_carry_a_prefix() {
    for base in ["https://mycompany.com/hooks", "https://mycompany.com/hooks/"] {
        let layer = behind(PublicUrl::new(base).unwrap());
        let request = reaching("https://mycompany.com/hooks/status?a=1", "/status?a=1");
        assert_eq!(status(&layer, request).await, 200);
        let unprefixed = reaching("https://mycompany.com/status", "/status");
        assert_eq!(status(&layer, unprefixed).await, 403);
    }
    let url = PublicUrl::new("https://mycompany.com/a").unwrap().with_prefix("/b/").unwrap();
    let request = reaching("https://mycompany.com/a/b/c", "/c");
    assert_eq!(status(&behind(url), request).await, 200);
}

#[tokio::test(start_paused = true)]
async fn the_public_port_may_be_there_or_not() {
    for base in ["https://mycompany.com:8443", "https://mycompany.com"] {
        let layer = behind(PublicUrl::new(base).unwrap());
        for url in [format!("{base}/cb"), "https://mycompany.com/cb".to_owned()] {
            assert_eq!(status(&layer, reaching(&url, "/cb")).await, 200, "{base} {url}");
        }
    }
}

#[test]
fn a_public_url_that_is_none_is_told_so() {
    for url in [
        "",
        "/",
        "mycompany.com",
        "ftp://mycompany.com",
        "https://",
        "https:///a",
        "https://user:secret@mycompany.com",
        "https://mycompany.com?a=b",
        "https://mycompany.com/#a",
        "https://mycompany.com:0",
        "https://mycompany.com:x",
        "https://my company.com",
    ] {
        let error = PublicUrl::new(url).unwrap_err();
        assert!(error.to_string().contains("URL"), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let url = PublicUrl::new("https://mycompany.com").unwrap();
    for prefix in ["a", "/a?b", "/a#b", "/a b"] {
        let error = url.clone().with_prefix(prefix).unwrap_err();
        assert_eq!(error.to_string(), "the prefix must be a path that begins with /", "{prefix}");
    }
}

/// A request with these headers, whose URL was signed as this one.
fn forwarded(url: &str, headers: &[(&'static str, &str)]) -> Request<Full<Bytes>> {
    let mut request = reaching(url, "/cb?a=1");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

#[tokio::test(start_paused = true)]
async fn forwarded_headers_count_only_where_they_are_trusted() {
    let trusting = behind(PublicUrl::from_forwarded_headers());
    let url = "https://other.test/cb?a=1";
    let headers = [(PROTO, "https"), (HOST, "other.test"), ("host", "10.0.0.1:8080")];
    assert_eq!(status(&trusting, forwarded(url, &headers)).await, 200);
    // The default goes by its setting, and what the headers say changes nothing.
    assert_eq!(status(&layer(), forwarded(url, &headers)).await, 403);
    let own = forwarded("https://mycompany.com/cb?a=1", &headers);
    assert_eq!(status(&layer(), own).await, 200);
    // A proxy that was called in the clear says so, and that was signed.
    let plain = [(PROTO, "http"), (HOST, "other.test")];
    let request = forwarded("http://other.test/cb?a=1", &plain);
    assert_eq!(status(&trusting, request).await, 200);
    assert_eq!(status(&trusting, forwarded(url, &plain)).await, 403);
}

#[tokio::test(start_paused = true)]
async fn the_host_stands_in_for_a_forwarded_one() {
    let trusting = behind(PublicUrl::from_forwarded_headers());
    let headers = [(PROTO, "https"), ("host", "other.test")];
    let request = forwarded("https://other.test/cb?a=1", &headers);
    assert_eq!(status(&trusting, request).await, 200);
    // HTTP/2 has it in the URI.
    let mut request = forwarded("https://other.test/cb?a=1", &[(PROTO, "https")]);
    *request.uri_mut() = "http://other.test/cb?a=1".parse().unwrap();
    assert_eq!(status(&trusting, request).await, 200);
    let prefixed = behind(PublicUrl::from_forwarded_headers().with_prefix("/hooks").unwrap());
    let request = forwarded("https://other.test/hooks/cb?a=1", &headers);
    assert_eq!(status(&prefixed, request).await, 200);
}

#[tokio::test(start_paused = true)]
async fn forwarded_headers_that_leave_a_choice_are_refused() {
    let trusting = behind(PublicUrl::from_forwarded_headers());
    let url = "https://other.test/cb?a=1";
    for headers in [
        &[(HOST, "other.test")][..],
        &[(PROTO, "https")],
        &[(PROTO, "https, http"), (HOST, "other.test")],
        &[(PROTO, "https"), (PROTO, "https"), (HOST, "other.test")],
        &[(PROTO, "https"), (HOST, "other.test, evil.test")],
        &[(PROTO, "https"), (HOST, "other.test"), (HOST, "evil.test")],
        &[(PROTO, "ftp"), (HOST, "other.test")],
        &[(PROTO, "https"), (HOST, "")],
        &[(PROTO, "https"), (HOST, "user@other.test")],
        &[(PROTO, "https"), (HOST, "other.test/x")],
    ] {
        assert_eq!(status(&trusting, forwarded(url, headers)).await, 400, "{headers:?}");
    }
}
