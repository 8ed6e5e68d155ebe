//! The vectors of Twilio's helper libraries, in both directions.

use super::*;

const P: [(&str, &str); 5] = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
];
const P_BODY: &[u8] = b"To=%2B18005551212&Digits=1234&From=%2B14158675309&\
    Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
const MANY: [(&str, &str); 5] = [
    ("Sid", "CA123"),
    ("SidAccount", "AC123"),
    ("Digits", "5678"),
    ("Digits", "1234"),
    ("Digits", "1234"),
];
const MANY_BODY: &[u8] = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
const JSON: &[u8] = br#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

const SIGNED: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
const SIGNED_443: &str = "kvajT1Ptam85bY51eRf/AJRuM3w=";
const SIGNED_1234: &str = "CYn1h0gLBdNxDGkKJg6hYohgeD8=";
const SIGNED_URL: &str = "zYQTYrRWXE7LtzbG4PfP7/bkkGo=";
const SIGNED_MANY: &str = "IK+Dwps556ElfBT0I3Rgjkr1wJU=";
const SIGNED_JSON: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

fn with_port(port: u16) -> String {
    URL.replace(".com", &format!(".com:{port}"))
}

fn json_url() -> String {
    format!("{URL}&bodySHA256={JSON_HASH}")
}

#[test]
fn we_sign_as_twilio_does() {
    let token = token("12345");
    assert_eq!(sign(&token, URL, P).to_string(), SIGNED);
    assert_eq!(sign(&token, &with_port(443), P).to_string(), SIGNED_443);
    assert_eq!(sign(&token, &with_port(1234), P).to_string(), SIGNED_1234);
    assert_eq!(sign::<&str, &str>(&token, URL, []).to_string(), SIGNED_URL);
    assert_eq!(sign(&token, URL, MANY).to_string(), SIGNED_MANY);
    assert_eq!(sign::<&str, &str>(&token, &json_url(), []).to_string(), SIGNED_JSON);
    let request = signed_json(&token, URL, JSON).unwrap();
    assert_eq!(request.uri(), json_url().as_str());
    assert_eq!(request.headers()["x-twilio-signature"], SIGNED_JSON);
}

#[track_caller]
fn accepted(url: &str, content_type: Option<&str>, body: &[u8], signature: &str) {
    let genuine = Callback { url, content_type, body, signature };
    assert_eq!(verify(&tokens(), &genuine), Ok(Verified { token: 0 }), "{url}");
    // And nothing that differs by a byte, wherever that is.
    let refused = |callback: Callback<'_>| assert!(verify(&tokens(), &callback).is_err());
    refused(Callback { url: &url.replace("foo=1", "foo=2"), ..genuine });
    refused(Callback { body: &[body, b"1"].concat(), ..genuine });
    if !body.is_empty() {
        refused(Callback { body: &body[..body.len() - 1], ..genuine });
        refused(Callback { body: b"", ..genuine });
    }
    let other =
        signature.replacen(&signature[..1], if &signature[..1] == "A" { "B" } else { "A" }, 1);
    refused(Callback { signature: &other, ..genuine });
    assert_eq!(verify(&token("12346").into(), &genuine), Err(Refusal::Forged));
    assert_eq!(verify(&Tokens::default(), &genuine), Err(Refusal::Forged));
}

#[test]
fn we_accept_what_twilio_signs() {
    accepted(URL, Some(FORM), P_BODY, SIGNED);
    accepted(URL, Some(FORM), MANY_BODY, SIGNED_MANY);
    accepted(URL, None, b"", SIGNED_URL);
    accepted(URL, Some(FORM), b"", SIGNED_URL);
    accepted(&json_url(), Some("application/json"), JSON, SIGNED_JSON);
}

/// Twilio is inconsistent about the port, so it is tried with and without, whatever the URL has.
#[test]
fn the_port_may_be_signed_or_not() {
    accepted(URL, Some(FORM), P_BODY, SIGNED_443);
    accepted(&with_port(443), Some(FORM), P_BODY, SIGNED);
    accepted(&with_port(443), Some(FORM), P_BODY, SIGNED_443);
    accepted(&with_port(1234), Some(FORM), P_BODY, SIGNED);
    accepted(&with_port(1234), Some(FORM), P_BODY, SIGNED_1234);
    // A port that the URL does not have is another place.
    for (url, signature) in [
        (URL.to_owned(), SIGNED_1234),
        (with_port(443), SIGNED_1234),
        (with_port(1234), SIGNED_443),
    ] {
        let elsewhere = Callback { url: &url, content_type: Some(FORM), body: P_BODY, signature };
        assert_eq!(verify(&tokens(), &elsewhere), Err(Refusal::Forged), "{url}");
    }
    let plain = "http://mycompany.com/a";
    let signature = sign(&token("12345"), "http://mycompany.com:80/a", P).to_string();
    let http =
        Callback { url: plain, content_type: Some(FORM), body: P_BODY, signature: &signature };
    assert!(verify(&tokens(), &http).is_ok());
}

#[test]
fn an_address_with_colons_has_no_port_unless_it_has() {
    for (url, other) in [
        ("http://[::1]/a", "http://[::1]:80/a"),
        ("https://[::1]:8443/a", "https://[::1]/a"),
        ("https://user:pass@host.test/a", "https://user:pass@host.test:443/a"),
    ] {
        let signature = sign(&token("12345"), other, P).to_string();
        let callback =
            Callback { url, content_type: Some(FORM), body: P_BODY, signature: &signature };
        assert!(verify(&tokens(), &callback).is_ok(), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_layer_accepts_them_too() {
    let path = "/myapp.php?foo=1&bar=2";
    let requests = [
        (callback(path, Some(FORM), SIGNED, Full::from(P_BODY)), P_BODY),
        (callback(path, Some(FORM), SIGNED_443, Full::from(P_BODY)), P_BODY),
        (callback(path, Some(FORM), SIGNED_MANY, Full::from(MANY_BODY)), MANY_BODY),
        (callback(path, None, SIGNED_URL, Full::default()), b""),
        (
            callback(
                &json_url().replace("https://mycompany.com", ""),
                Some("application/json"),
                SIGNED_JSON,
                Full::from(JSON),
            ),
            JSON,
        ),
    ];
    for (request, body) in requests {
        assert_eq!(serve(&layer(), request).await, (StatusCode::OK, Bytes::from_static(body)));
    }
    let moved = callback("/myapp.php?foo=1&bar=3", Some(FORM), SIGNED, Full::from(P_BODY));
    assert_eq!(serve(&layer(), moved).await, (StatusCode::FORBIDDEN, Bytes::new()));
}
