//! What a signature covers of a body, as the head of the callback has it.

use std::borrow::Cow;

use aws_lc_rs::constant_time;
use aws_lc_rs::digest::{SHA256, digest};

use super::Refusal;
use crate::call::percent;

/// The query parameter that holds the hash of a body that is no form.
pub(super) const HASH: &str = "bodySHA256";

/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// How the body is bound to the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// The URL has its hash, and the URL is signed.
    Hash([u8; 32]),
    /// Its parameters are signed with the URL.
    Form,
    /// Not at all: there must be none.
    Nothing,
}

impl Cover {
    /// Judges by the URL first: what its hash covers is covered, whatever the body calls itself.
    pub(super) fn of(path_and_query: &str, content_type: Option<&[u8]>) -> Result<Self, Refusal> {
        let query = path_and_query.split_once('?').map_or("", |(_, query)| query);
        let mut hashes = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == HASH);
        match (hashes.next(), hashes.next()) {
            (Some((_, hash)), None) => {
                let hash = hash.as_bytes().try_into().ok().and_then(from_hex);
                hash.map(Self::Hash)
                    .ok_or(Refusal::Malformed("bodySHA256 is not 64 hexadecimal digits"))
            }
            (Some(_), Some(_)) => {
                Err(Refusal::Malformed("bodySHA256 is in the URL more than once"))
            }
            (None, _) if content_type.is_some_and(is_form) => Ok(Self::Form),
            (None, _) => Ok(Self::Nothing),
        }
    }

    /// Whether nothing of the body is signed with the URL, so that the signature can be checked
    /// before the body is here.
    pub(super) fn needs_no_body(&self) -> bool {
        *self != Self::Form
    }

    /// Whether the body is the one that the URL promises. A form has nothing to hold it against yet.
    pub(super) fn holds(&self, body: &[u8]) -> Result<(), Refusal> {
        match self {
            Self::Form => Ok(()),
            Self::Nothing if body.is_empty() => Ok(()),
            Self::Nothing => Err(Refusal::Unsigned),
            Self::Hash(expected) => {
                let actual = digest(&SHA256, body);
                constant_time::verify_slices_are_equal(expected, actual.as_ref())
                    .map_err(|_| Refusal::Altered)
            }
        }
    }
}

/// A key and its value.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters of a form, decoded.
///
/// Two bodies that only differ in bytes that are no UTF-8 would have the same parameters: such a
/// body is none of Twilio's, and is refused.
pub(super) fn parameters(body: &[u8]) -> Result<Vec<Pair<'_>>, Refusal> {
    std::str::from_utf8(body)
        .ok()
        .and_then(percent::decode)
        .ok_or(Refusal::Malformed("the form is not UTF-8"))?;
    Ok(form_urlencoded::parse(body).collect())
}

pub(super) fn is_form(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(FORM.as_bytes())
}

/// The SHA-256 of a body, in hexadecimal digits.
pub(super) fn hex_of(body: &[u8]) -> String {
    use std::fmt::Write as _;

    let digest = digest(&SHA256, body);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 64 hexadecimal digits, of either case.
fn from_hex(text: &[u8; 64]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for digit in digits {
            *byte = *byte << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(bytes)
}
