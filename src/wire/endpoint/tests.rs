use super::{Endpoint, EndpointError};

const NONE: Option<&str> = None;

fn host(base: &str, region: Option<&str>, edge: Option<&str>) -> String {
    Endpoint::with_region(base, region, edge).expect(base).origin().host().to_owned()
}

#[test]
fn region_and_edge_are_worked_into_the_host() {
    let (ie1, dublin) = (Some("ie1"), Some("dublin"));
    for (base, region, edge, expected) in [
        ("proxy.twilio.com", NONE, NONE, "proxy.twilio.com"),
        ("proxy.twilio.com", ie1, NONE, "proxy.ie1.twilio.com"),
        // An edge does not go without a region.
        ("proxy.twilio.com", NONE, dublin, "proxy.dublin.us1.twilio.com"),
        ("proxy.twilio.com", ie1, dublin, "proxy.dublin.ie1.twilio.com"),
        // What is configured overrides what the URL says, piece by piece.
        ("proxy.au1.twilio.com", NONE, NONE, "proxy.au1.twilio.com"),
        ("proxy.au1.twilio.com", ie1, NONE, "proxy.ie1.twilio.com"),
        ("proxy.au1.twilio.com", NONE, dublin, "proxy.dublin.au1.twilio.com"),
        ("proxy.sydney.au1.twilio.com", NONE, NONE, "proxy.sydney.au1.twilio.com"),
        ("proxy.sydney.au1.twilio.com", ie1, NONE, "proxy.sydney.ie1.twilio.com"),
        ("proxy.sydney.au1.twilio.com", NONE, dublin, "proxy.dublin.au1.twilio.com"),
        ("proxy.sydney.au1.twilio.com", ie1, dublin, "proxy.dublin.ie1.twilio.com"),
        // Set to nothing is not set.
        ("proxy.twilio.com", Some(""), Some(""), "proxy.twilio.com"),
        // No place for a region.
        ("localhost", ie1, dublin, "localhost"),
        ("twilio.com", ie1, dublin, "twilio.com"),
        ("127.0.0.1", ie1, dublin, "127.0.0.1"),
        ("[::1]", ie1, dublin, "[::1]"),
        ("a.b.c.d.e.f", ie1, dublin, "a.b.c.d.e.f"),
    ] {
        let url = format!("https://{base}");
        assert_eq!(host(&url, region, edge), expected, "{base} {region:?} {edge:?}");
    }
    let port = Endpoint::with_region("http://proxy.example.com:8080/p/", ie1, None);
    assert_eq!(port.expect("a port").origin().to_string(), "http://proxy.ie1.example.com:8080");
}

#[test]
fn a_region_or_edge_that_is_no_label_can_t_lead_elsewhere() {
    for bad in ["evil.example/", "a.b", "a b", "-a", "a-", "é", &"a".repeat(64)] {
        let region = Endpoint::with_region(Endpoint::TWILIO, Some(bad), None);
        assert_eq!(region.err(), Some(EndpointError::Label("region")), "{bad}");
        let edge = Endpoint::with_region(Endpoint::TWILIO, None, Some(bad));
        assert_eq!(edge.err(), Some(EndpointError::Label("edge")), "{bad}");
    }
}

#[test]
fn a_base_url_has_an_origin_and_perhaps_a_path() {
    for (base, prefix) in [
        ("https://proxy.twilio.com", ""),
        ("https://proxy.twilio.com/", ""),
        ("http://127.0.0.1:4010/mock", "/mock"),
        ("http://127.0.0.1:4010/a/b//", "/a/b"),
    ] {
        assert_eq!(Endpoint::new(base).expect(base).prefix(), prefix, "{base}");
    }
    let error = |base| Endpoint::new(base).err();
    assert_eq!(error("https://proxy.twilio.com/?a=b"), Some(EndpointError::Query));
    assert_eq!(error("https://proxy twilio"), Some(EndpointError::NotAUrl));
    assert_eq!(error(""), Some(EndpointError::NotAUrl));
    for no_origin in ["proxy.twilio.com", "/v1", "ftp://x.example", "https://a:b@x.example"] {
        assert!(matches!(error(no_origin), Some(EndpointError::Origin(_))), "{no_origin}");
    }
}

#[test]
fn a_url_of_this_origin_is_admitted_in_our_spelling() {
    let endpoint = Endpoint::new("https://proxy.twilio.com").expect("a base URL");
    for (url, admitted) in [
        ("https://proxy.twilio.com/v1/x?Page=1", "https://proxy.twilio.com/v1/x?Page=1"),
        ("https://PROXY.Twilio.com:443/v1/x", "https://proxy.twilio.com/v1/x"),
        ("https://proxy.twilio.com", "https://proxy.twilio.com/"),
        ("https://proxy.twilio.com?Page=1", "https://proxy.twilio.com/?Page=1"),
    ] {
        let uri = endpoint.admit(url).expect(url);
        assert_eq!(uri.to_string(), admitted, "{url}");
    }
}

#[test]
fn a_url_of_another_origin_is_refused() {
    let endpoint = Endpoint::new("https://proxy.twilio.com").expect("a base URL");
    for elsewhere in [
        "http://proxy.twilio.com/v1",
        "https://proxy.twilio.com:8443/v1",
        "https://proxy.ie1.twilio.com/v1",
        "https://evil.example/https://proxy.twilio.com/v1",
        "https://proxy.twilio.com.evil.example/v1",
    ] {
        assert_eq!(endpoint.admit(elsewhere), Err(EndpointError::Elsewhere), "{elsewhere}");
    }
    for no_url in ["", "/v1/Services", "https://proxy.twilio.com@evil.example/v1", "https://"] {
        assert!(endpoint.admit(no_url).is_err(), "{no_url}");
    }
}

#[test]
fn region_and_edge_apply_to_a_url_that_the_server_named() {
    // Twilio names the next page on the host without a region: followed as it is, the page would
    // come from another region than the one that was asked.
    let endpoint = Endpoint::with_region(Endpoint::TWILIO, Some("ie1"), Some("dublin"));
    let endpoint = endpoint.expect("a region");
    for named in ["proxy.twilio.com", "proxy.us1.twilio.com", "proxy.dublin.ie1.twilio.com"] {
        let uri = endpoint.admit(&format!("https://{named}/v1?Page=1")).expect(named);
        assert_eq!(uri.to_string(), "https://proxy.dublin.ie1.twilio.com/v1?Page=1");
    }
    assert_eq!(endpoint.admit("https://api.twilio.com/v1"), Err(EndpointError::Elsewhere));
}

#[test]
fn a_url_of_any_endpoint_is_admitted_as_one_of_the_first() {
    let at = |base| Endpoint::new(base).expect(base);
    let endpoint = at("https://a.example/one")
        .or(at("https://b.example/two"))
        .or(at("http://127.0.0.1:4010"))
        .or(at("https://B.example:443/two/"))
        .or(at("https://a.example/one"));
    let bases: Vec<String> = endpoint.all().map(|at| at.base().to_string()).collect();
    assert_eq!(bases, ["https://a.example/one", "https://b.example/two", "http://127.0.0.1:4010/"]);
    for (url, admitted) in [
        ("https://a.example/one/v1?Page=1", Ok("https://a.example/one/v1?Page=1")),
        ("https://b.example/two/v1?Page=1", Ok("https://a.example/one/v1?Page=1")),
        ("http://127.0.0.1:4010/v1?Page=1", Ok("https://a.example/one/v1?Page=1")),
        // Not what the other stands for.
        ("https://b.example/v1", Err(EndpointError::Elsewhere)),
        ("https://b.example/twofold/v1", Err(EndpointError::Elsewhere)),
        ("http://b.example/two/v1", Err(EndpointError::Elsewhere)),
        ("https://c.example/one/v1", Err(EndpointError::Elsewhere)),
    ] {
        let uri = endpoint.admit(url).map(|uri| uri.to_string());
        assert_eq!(uri, admitted.map(str::to_owned), "{url}");
    }
}
