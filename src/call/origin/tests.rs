use super::Origin;

fn of(url: &str) -> Result<Origin, String> {
    let uri = url.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    Origin::of(&uri).map_err(|error| error.to_string())
}

fn origin(url: &str) -> Origin {
    of(url).expect(url)
}

#[test]
fn the_same_place_spelled_differently_is_the_same_origin() {
    let plain = origin("https://proxy.twilio.com");
    for same in [
        "https://proxy.twilio.com:443/v1?x=1",
        "HTTPS://Proxy.Twilio.COM/",
        "https://proxy.twilio.com:0443/",
    ] {
        assert_eq!(origin(same), plain, "{same}");
        assert!(plain.matches(&same.parse().expect(same)), "{same}");
    }
    assert_eq!(origin("http://localhost"), origin("http://LOCALHOST:80/x"));
}

#[test]
fn another_scheme_host_or_port_is_another_origin() {
    let plain = origin("https://proxy.twilio.com");
    for other in [
        "http://proxy.twilio.com",
        "http://proxy.twilio.com:443",
        "https://proxy.twilio.com:80",
        "https://proxy.twilio.com:8443",
        "https://twilio.com",
        "https://proxy.twilio.com.evil.example",
        "https://xproxy.twilio.com",
    ] {
        assert_ne!(origin(other), plain, "{other}");
        assert!(!plain.matches(&other.parse().expect(other)), "{other}");
    }
    assert!(!plain.matches(&"/v1/Services".parse().expect("a path")), "no origin at all");
}

#[test]
fn what_names_no_place_says_why() {
    let message = |url: &str| of(url).err().unwrap_or_default();
    assert_eq!(message("/v1"), "the URL must begin with https:// or http://");
    assert_eq!(message("ftp://proxy.twilio.com"), "the URL must begin with https:// or http://");
    for url in ["https://me@proxy.twilio.com", "https://me:secret@proxy.twilio.com/"] {
        assert_eq!(message(url), "the URL must not carry a user name or password");
    }
    for port in ["", "0", "00", "99999", "x"] {
        let problem = message(&format!("https://proxy.twilio.com:{port}"));
        assert_eq!(problem, "the URL's port is not a number from 1 to 65535", "{port}");
    }
}

/// The parser of URLs takes the host to end at the first colon and the port to begin after the last, and a
/// port with a sign. So `https://a[::1]:443` was the origin of a host called `a[`, which any text between
/// the colons had as well, and which could not be read again once it was printed.
#[test]
fn what_stands_between_host_and_port_is_no_part_of_either() {
    for url in ["https://a[::1]:443", "https://a[:b:443", "https://a:+443", "https://a:443:443"] {
        assert!(of(url).is_err(), "{url}");
    }
    let plain = origin("https://a");
    for url in ["https://a:+443", "https://a:b:443"] {
        if let Ok(uri) = url.parse() {
            assert!(!plain.matches(&uri), "{url}");
        }
    }
}

#[test]
fn loopback_is_this_machine_only() {
    for here in ["http://localhost:1", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]:80"] {
        assert!(origin(here).is_loopback(), "{here}");
    }
    for there in ["http://localhost.evil.example", "http://10.0.0.1", "http://[2001:db8::1]"] {
        assert!(!origin(there).is_loopback(), "{there}");
    }
}

#[test]
fn it_prints_without_the_port_that_goes_without_saying() {
    assert_eq!(origin("https://A.example:443/x").to_string(), "https://a.example");
    assert_eq!(origin("http://[::1]:8080").to_string(), "http://[::1]:8080");
}

#[test]
fn it_says_of_what_it_is_made() {
    let there = origin("https://A.example:8443/x");
    assert_eq!((there.host(), there.port(), there.is_secure()), ("a.example", 8443, true));
    let here = origin("http://[::1]/");
    assert_eq!((here.host(), here.port(), here.is_secure()), ("[::1]", 80, false));
    let leads_here = |url: &str| Origin::leads_to_loopback(&url.parse().expect(url));
    assert_eq!(leads_here("https://LocalHost/x"), Ok(true));
    assert_eq!(leads_here("http://10.0.0.1:80"), Ok(false));
    assert!(leads_here("http://me@localhost").is_err());
}
