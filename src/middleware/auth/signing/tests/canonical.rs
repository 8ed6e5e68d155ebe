//! The canonical form: Twilio's vectors, what must not matter, and a second implementation of the rule.

use std::collections::BTreeMap;

use http::{HeaderName, Request, header};
use proptest::prelude::*;
use proptest::sample::select;

use super::super::canonical::{hashed, path, query};

const NAMES: [HeaderName; 2] = [header::AUTHORIZATION, header::HOST];

fn hash(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let hashed = hashed(&request.body(()).unwrap(), &NAMES, body.as_bytes());
    assert_eq!(hashed.headers, "authorization;host");
    hashed.hash
}

/// From Twilio's documentation and the tests of its Java library.
#[test]
fn twilios_vectors() {
    let basic = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDpmb29iYXI=";
    let account = "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000000";
    assert_eq!(
        hash("POST", account, &[("authorization", basic)], "FriendlyName=my new friendly name"),
        "245eece1e638d9b0081ca0621183cd417fc97a1818bd822aa26697f9aa70c792"
    );
    let headers = [("authorization", "foobar"), ("host", "api.twilio.com")];
    assert_eq!(
        hash("GET", "/Messages?PageSize=5&Limit=10", &headers, "foobar"),
        "4dc9b67bed579647914587b0e22a1c65c1641d8674797cd82de65e766cce5f80"
    );
    assert_eq!(
        hash("POST", "/Messages", &headers, "testbody"),
        "bd792c967c20d546c738b94068f5f72758a10d26c12979677501e1eefe58c65a"
    );
}

#[test]
fn paths_and_queries_have_one_spelling() {
    for (given, canonical) in [
        ("", "/"),
        ("/", "/"),
        ("/start%20*%7E+end", "/start%20%2A~%2Bend"),
        ("/a/./b/../c", "/a/c"),
        ("/a/b/..", "/a/"),
        ("/../..", "/"),
        ("/a/%2e/b/%2E.", "/a/"),
        ("//a//", "//a//"),
        // As this crate sends a name in a path: it stays as it is.
        ("/v1/Order%20%231234%2F%3F%C3%A9%25", "/v1/Order%20%231234%2F%3F%C3%A9%25"),
        ("/%ff", "/%FF"),
        ("/a@b:c", "/a%40b%3Ac"),
    ] {
        assert_eq!(path(given), canonical, "{given}");
    }
    for (given, canonical) in [
        ("", ""),
        ("k+w=v+w", "k%20w=v%20w"),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("bare&a", "a=&bare="),
        ("a=b=c", "a=b%3Dc"),
        ("a=%2B*%7e", "a=%2B%2A~"),
    ] {
        assert_eq!(query(given), canonical, "{given}");
    }
}

#[test]
fn the_host_is_the_one_on_the_wire_without_the_usual_port() {
    let hash = |uri: &str, host: Option<&str>| {
        let mut headers = vec![("authorization", "x")];
        headers.extend(host.map(|host| ("host", host)));
        hash("GET", uri, &headers, "")
    };
    let usual = hash("https://proxy.twilio.com/", None);
    for same in ["proxy.twilio.com", "proxy.twilio.com:443", "proxy.twilio.com:80"] {
        assert_eq!(hash("https://elsewhere.test/", Some(same)), usual, "{same}");
    }
    assert_eq!(hash("https://proxy.twilio.com:443/", None), usual);
    assert_ne!(hash("https://proxy.twilio.com:8443/", None), usual);
}

#[test]
fn further_headers_are_signed_where_they_are_there() {
    let names = [header::HOST, header::AUTHORIZATION, HeaderName::from_static("x-extra")];
    let of = |values: &[&str]| {
        let mut request = Request::get("https://a.test/").header("authorization", "x");
        for value in values {
            request = request.header("X-Extra", *value);
        }
        let hashed = hashed(&request.body(()).unwrap(), &names, b"");
        (hashed.headers, hashed.hash)
    };
    let (headers, hash) = of(&["value2", "value1"]);
    assert_eq!(headers, "authorization;host;x-extra");
    assert_eq!(of(&["value1", "value2"]).1, hash, "the order of values means nothing");
    assert_eq!(of(&["value1", " value2\t "]).1, hash, "nor does white space around them");
    assert_ne!(of(&["value1  x", "value2"]).1, of(&["value1x", "value2"]).1);
    assert_eq!(of(&["a  \t b"]).1, of(&["a b"]).1, "nor how much there is inside");
    assert_eq!(of(&[]).0, "authorization;host");
}

/// `x-a:` sorts before `x:`, and `x` before `x-a`.
#[test]
fn lines_and_names_are_sorted_each_by_itself() {
    let names = ["x", "x-a"].map(HeaderName::from_static);
    let request = Request::get("/").header("x", "1").header("x-a", "2").body(()).unwrap();
    let signed = hashed(&request, &names, b"");
    assert_eq!(signed.headers, "x;x-a");
    let text = b"GET\n/\n\nx-a:2\nx:1\n\nx;x-a\n";
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text);
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signed.hash, hex);
}

/// The rule once more, written from its words and not from our code: byte by byte, with nothing shared.
mod rule {
    use super::*;

    fn unescape(text: &str, plus: bool) -> Vec<u8> {
        let bytes = text.as_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let digits = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
            let escaped = digits
                .filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|two| u8::from_str_radix(two, 16).ok());
            match (bytes[at], escaped) {
                (b'%', Some(byte)) => {
                    out.push(byte);
                    at += 2;
                }
                (b'+', _) if plus => out.push(b' '),
                (byte, _) => out.push(byte),
            }
            at += 1;
        }
        out
    }

    fn escape(bytes: &[u8]) -> String {
        let mut out = String::new();
        for &byte in bytes {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(byte as char);
            } else {
                out += &format!("%{byte:02X}");
            }
        }
        out
    }

    pub(super) fn path(text: &str) -> String {
        let mut kept: Vec<String> = Vec::new();
        let pieces: Vec<&str> = text.split('/').skip(1).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let last = number + 1 == pieces.len();
            let piece = escape(&unescape(piece, false));
            if piece == ".." {
                kept.pop();
            }
            match piece.as_str() {
                "." | ".." if last => kept.push(String::new()),
                "." | ".." => {}
                _ => kept.push(piece),
            }
        }
        "/".to_owned() + &kept.join("/")
    }

    pub(super) fn query(text: &str) -> String {
        // A map of how often each came: sorted, and nothing lost.
        let mut pairs: BTreeMap<&str, usize> = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            *pairs.entry(pair).or_default() += 1;
        }
        let mut out = Vec::new();
        for (pair, times) in pairs {
            let (name, value) = match pair.find('=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, ""),
            };
            let name = escape(&unescape(name, true));
            let value = escape(&unescape(value, true));
            out.extend(std::iter::repeat_n(format!("{name}={value}"), times));
        }
        out.join("&")
    }
}

fn paths() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just(String::new()),
        "[a-zA-Z0-9_.~+*:@!$'(),;=-]{1,6}",
        "(%[0-9a-fA-F]{2}){1,4}",
        "%[g-z]{1,2}|%",
    ];
    proptest::collection::vec(segment, 1..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn queries() -> impl Strategy<Value = Vec<String>> {
    let piece = "([a-zA-Z0-9._~+*=:-]|%[0-9a-fA-F]{2}){0,8}";
    proptest::collection::vec(piece, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_path_is_spelled_as_the_rule_says_and_only_once(given in paths()) {
        let canonical = path(&given);
        prop_assert_eq!(&canonical, &rule::path(&given));
        prop_assert_eq!(&path(&canonical), &canonical);
    }

    #[test]
    fn a_query_is_spelled_as_the_rule_says_in_whatever_order(
        pieces in queries(),
        swaps in proptest::collection::vec((0_usize..6, 0_usize..6), 6),
    ) {
        let given = pieces.join("&");
        let canonical = query(&given);
        prop_assert_eq!(&canonical, &rule::query(&given));
        let mut shuffled = pieces;
        for (one, other) in swaps {
            if one.max(other) < shuffled.len() {
                shuffled.swap(one, other);
            }
        }
        prop_assert_eq!(query(&shuffled.join("&")), canonical);
    }

    /// What the crate's own encoder sends is canonical already: what is signed is what is sent.
    #[test]
    fn what_this_crate_sends_is_canonical(name in "\\PC{1,20}") {
        let sent = format!("/v1/Services/{}", crate::call::percent::encode(&name));
        prop_assume!(name != "." && name != "..");
        prop_assert_eq!(path(&sent), sent);
    }

    #[test]
    fn nothing_panics(
        uri in "/[ -~&&[^ \"<>\\\\^`{|}#]]{0,30}",
        value in proptest::collection::vec(select((32_u8..=255).filter(|b| *b != 127).collect::<Vec<_>>()), 0..20),
    ) {
        let Ok(uri) = uri.parse::<http::Uri>() else { return Ok(()) };
        let value = http::HeaderValue::from_bytes(&value).unwrap();
        let request = Request::get(uri).header("authorization", &value).header("host", &value);
        hashed(&request.body(()).unwrap(), &NAMES, &[]);
    }
}
