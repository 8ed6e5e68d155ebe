//! Tokens, as another implementation over other cryptography reads them.

use http::{Request, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::super::SigningAlgorithm;
use super::super::canonical::hashed;
use super::super::token::token;
use super::{ACCOUNT, API_KEY, KEY, key};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) exp: i64,
    pub(super) nbf: i64,
    pub(super) hrh: String,
    pub(super) rqh: String,
}

/// The claims of a token whose signature holds.
pub(super) fn verified(token: &str, algorithm: Algorithm) -> Result<Claims, String> {
    let mut validation = Validation::new(algorithm);
    // The tests' time is not the machine's.
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    let key = DecodingKey::from_rsa_der(key().public_key_der());
    decode(token, &key, &validation).map(|data| data.claims).map_err(|error| error.to_string())
}

#[test]
fn another_implementation_takes_the_token_and_no_changed_one() {
    let request = Request::get("https://proxy.twilio.com/v1?b=1&a=2").header("authorization", "x");
    let names = [header::AUTHORIZATION, header::HOST];
    let request = hashed(&request.body(()).unwrap(), &names, b"");
    for (own, theirs) in
        [(SigningAlgorithm::Rs256, Algorithm::RS256), (SigningAlgorithm::Ps256, Algorithm::PS256)]
    {
        let value = token(&key().algorithm(own), &request, 1_700_000_000).unwrap();
        assert!(value.is_sensitive() && !format!("{value:?}").contains("ey"));
        let text = value.to_str().unwrap();
        let head = decode_header(text).unwrap();
        assert_eq!((head.alg, head.typ.as_deref()), (theirs, Some("JWT")));
        assert_eq!(
            (head.cty.as_deref(), head.kid.as_deref()),
            (Some("twilio-pkrv;v=1"), Some(KEY))
        );
        let claims = verified(text, theirs).unwrap();
        assert_eq!(
            claims,
            Claims {
                iss: API_KEY.into(),
                sub: ACCOUNT.into(),
                nbf: 1_699_999_970,
                exp: 1_700_000_270,
                hrh: "authorization;host".into(),
                rqh: request.hash.clone(),
            }
        );
        for at in [3, text.find('.').unwrap() + 5, text.len() - 10] {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(verified(std::str::from_utf8(&changed).unwrap(), theirs).is_err(), "{at}");
        }
    }
}

#[test]
fn no_moment_is_too_far() {
    let request = Request::get("/").header("authorization", "x").body(()).unwrap();
    let request = hashed(&request, &[header::AUTHORIZATION], b"");
    for now in [i64::MIN, 0, i64::MAX] {
        assert!(token(&key(), &request, now).is_some());
    }
}
