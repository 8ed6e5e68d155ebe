//! A second implementation, written from the rule and as simply as can be.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use twilio_proxy::webhook::{AuthToken, Callback, Tokens, sign, verify};

use crate::cases::{Case, Content, case};

/// RFC 2104, step by step.
fn hmac_sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    let sha1 = |bytes: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
    let mut key = if key.len() > 64 { sha1(key) } else { key.to_vec() };
    key.resize(64, 0);
    let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = sha1(&[padded(0x36), text.to_vec()].concat());
    sha1(&[padded(0x5c), inner].concat())
}

fn signature(token: &str, url: &str, parameters: &[(String, String)]) -> String {
    let mut map: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
    for (key, value) in parameters {
        map.entry(key.as_bytes()).or_default().insert(value.as_bytes());
    }
    let mut text = url.as_bytes().to_vec();
    for (key, values) in map {
        for value in values {
            text.extend([key, value].concat());
        }
    }
    STANDARD.encode(hmac_sha1(token.as_bytes(), &text))
}

fn hex(body: &[u8]) -> String {
    digest(&SHA256, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The case with its hash in the URL, where it has one, and what is signed beside the URL.
pub(crate) fn prepared(mut case: Case) -> (Case, Vec<(String, String)>) {
    let parameters = match &case.content {
        Content::Form(parameters) => parameters.clone(),
        Content::Hashed(body) => {
            let mark = if case.url.contains('?') { '&' } else { '?' };
            case.url = format!("{}{mark}bodySHA256={}", case.url, hex(body.as_bytes()));
            Vec::new()
        }
    };
    (case, parameters)
}

pub(crate) fn is_accepted(case: &Case, signature: &str) -> bool {
    let tokens = Tokens::from(AuthToken::new(case.token.as_str()).unwrap());
    let body = case.body();
    let content_type = Some(case.content_type());
    verify(&tokens, &Callback { url: &case.url, content_type, body: &body, signature }).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_sign_and_accept_alike(case in case(), at in any::<proptest::sample::Index>()) {
        let (case, parameters) = prepared(case);
        let naive = signature(&case.token, &case.url, &parameters);
        let token = AuthToken::new(case.token.as_str()).unwrap();
        prop_assert_eq!(sign(&token, &case.url, parameters.clone()).to_string(), &naive[..]);
        prop_assert!(is_accepted(&case, &naive));
        // With the port, or without.
        let other = signature(&case.token, &case.other_port(), &parameters);
        prop_assert!(is_accepted(&case, &other));
        // Another token, another place, another signature.
        let changed = Case { token: format!("{}x", case.token), ..case.clone() };
        prop_assert!(!is_accepted(&changed, &naive));
        let changed = Case { url: case.url.replacen("://", "://x", 1), ..case.clone() };
        prop_assert!(!is_accepted(&changed, &naive));
        let mut bytes = naive.into_bytes();
        let at = at.index(bytes.len() - 2);
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        prop_assert!(!is_accepted(&case, &String::from_utf8(bytes).unwrap()));
    }
}
