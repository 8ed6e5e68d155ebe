//! RFC 3986 escapes, one rule for paths, queries and form bodies.
//!
//! Everything but the unreserved characters is escaped, a space as `%20`: a `+` would be read as
//! a space in forms and as itself in paths, and `%20` is read alike everywhere.
//! <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>

use std::borrow::Cow;

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode,
};

/// All but `ALPHA / DIGIT / "-" / "." / "_" / "~"`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends `text`, escaped, to `to`.
pub fn push(to: &mut String, text: &str) {
    to.extend(utf8_percent_encode(text, RESERVED));
}

/// `text`, escaped.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    push(&mut to, text);
    to
}

/// `text` with its escapes undone, or `None` where they don't spell UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

/// Another spelling of `text`, escaped as strictly as [`encode`] does: what it escapes needlessly, or
/// fails to escape, is put right, whatever bytes it spells.
#[must_use]
pub fn normalize(text: &str) -> String {
    let bytes: Cow<'_, [u8]> = percent_decode_str(text).into();
    percent_encode(&bytes, RESERVED).to_string()
}

#[cfg(test)]
mod tests;
