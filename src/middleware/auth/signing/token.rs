//! The signed token of one request.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderValue;

use super::canonical::Hashed;
use super::key::SigningKey;

/// Seconds that a token is dated back: for a server whose clock is behind ours.
const SKEW: i64 = 30;
/// Seconds from a token's beginning to its end, the most that Twilio takes.
/// <https://www.twilio.com/docs/iam/pkcv/quickstart>
const LIFE: i64 = 300;

/// The header for a request, valid from `now`, in seconds after 1970; `None` if it can't be signed.
pub(super) fn token(key: &SigningKey, request: &Hashed, now: i64) -> Option<HeaderValue> {
    let from = now.saturating_sub(SKEW);
    let until = from.saturating_add(LIFE);
    let SigningKey { api_key, account, .. } = key;
    let Hashed { hash, headers } = request;
    // OK to write by hand because a SID and a hash are letters and digits, and no header's name has a
    // quotation mark or a backslash.
    let claims = format!(
        r#"{{"iss":"{api_key}","sub":"{account}","exp":{until},"nbf":{from},"hrh":"{headers}","rqh":"{hash}"}}"#
    );
    // Three parts, two dots; the signature takes 342 characters.
    let mut token = String::with_capacity(key.header.len() + claims.len() * 4 / 3 + 350);
    token.push_str(&key.header);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    let mut value = HeaderValue::try_from(token).ok()?;
    value.set_sensitive(true);
    Some(value)
}
