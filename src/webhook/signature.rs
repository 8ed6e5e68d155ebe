use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::place::Place;
use super::{AuthToken, Refusal, Tokens, Verified};

/// The length of an HMAC-SHA1, in bytes.
const LEN: usize = 20;

/// What the header `X-Twilio-Signature` says: an HMAC-SHA1, written in base64.
///
/// Two are compared in constant time.
#[derive(Clone, Copy)]
pub struct Signature([u8; LEN]);

/// Signs a URL and the parameters of a form, as Twilio does: the other half of
/// [`verify`](super::verify), to test one's own endpoint with.
///
/// The URL goes in as it is. The parameters may come in any order and more than once: they are
/// sorted by their bytes, and what is there twice counts once. For whole requests there are
/// [`signed_form`](super::signed_form) and [`signed_json`](super::signed_json).
///
/// ```
/// use twilio_proxy::webhook::{AuthToken, sign};
///
/// let token = AuthToken::new("12345")?;
/// let parameters = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"),
///     ("Digits", "1234"), ("Digits", "1234")];
/// let signature = sign(&token, "https://mycompany.com/myapp.php?foo=1&bar=2", parameters);
/// assert_eq!(signature.to_string(), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
/// # Ok::<(), twilio_proxy::webhook::EmptyToken>(())
/// ```
#[must_use]
pub fn sign<K: AsRef<str>, V: AsRef<str>>(
    token: &AuthToken,
    url: &str,
    parameters: impl IntoIterator<Item = (K, V)>,
) -> Signature {
    let parameters: Vec<_> = parameters.into_iter().collect();
    let pairs = parameters.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
    let mut context = hmac::Context::with_key(token.key());
    context.update(url.as_bytes());
    context.update(joined(pairs).as_bytes());
    Signature::of(context)
}

/// What is signed of parameters: sorted by key and then by value, bytewise, each pair once.
///
/// One text, put together once for all tokens and spellings.
pub(super) fn joined<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut text =
        String::with_capacity(pairs.iter().map(|(key, value)| key.len() + value.len()).sum());
    for (key, value) in pairs {
        text.push_str(key);
        text.push_str(value);
    }
    text
}

/// Whether one of the tokens has signed this, with the port in the URL or without.
///
/// Every token is tried with every spelling, whatever came of the others: how long it takes says
/// how many tokens there are, and not which of them fits.
pub(super) fn check(
    tokens: &Tokens,
    place: &Place<'_>,
    parameters: &str,
    signature: &Signature,
) -> Result<Verified, Refusal> {
    let mut found = None;
    for (position, token) in tokens.iter().enumerate() {
        for port in place.ports() {
            let mut context = hmac::Context::with_key(token.key());
            for part in place.parts(port) {
                context.update(part.as_bytes());
            }
            context.update(parameters.as_bytes());
            if Signature::of(context) == *signature {
                found = found.or(Some(Verified { token: position }));
            }
        }
    }
    found.ok_or(Refusal::Forged)
}

impl Signature {
    fn of(context: hmac::Context) -> Self {
        let mut bytes = [0; LEN];
        // Always as long: the keys are all for SHA-1.
        for (to, from) in bytes.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl FromStr for Signature {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut bytes = [0; LEN + 1];
        match STANDARD.decode_slice(text, &mut bytes) {
            Ok(LEN) => {
                let [bytes @ .., _] = bytes;
                Ok(Self(bytes))
            }
            _ => Err(Refusal::Malformed("the signature is not the base64 of 20 bytes")),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STANDARD.encode(self.0))
    }
}

/// Without the signature, which is as good as a password for the one request that it is of.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Signature {}
