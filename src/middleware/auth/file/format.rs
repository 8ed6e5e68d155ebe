use std::fmt;
use std::io;
use std::str;

use crate::middleware::auth::{Credentials, CredentialsError};

/// Why a file holds no credentials. It names lines and variables, and never what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Io(io::ErrorKind),
    TooLarge,
    NoText,
    Line(usize),
    Twice(usize),
    Unsteady,
    Credentials(CredentialsError),
}

impl FileError {
    pub(super) fn too_large() -> Self {
        Self(Problem::TooLarge)
    }

    /// It changed under the reader's eyes.
    pub(super) fn unsteady() -> Self {
        Self(Problem::Unsteady)
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        // The kind alone: it says enough, and can't hold what was read.
        Self(Problem::Io(error.kind()))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Io(kind) => write!(f, "the file can't be read: {kind}"),
            Problem::TooLarge => f.write_str("the file is too large to hold credentials"),
            Problem::NoText => f.write_str("the file is no text"),
            Problem::Line(line) => write!(f, "line {line} is no KEY=value"),
            Problem::Twice(line) => write!(f, "line {line} says again what was said before"),
            Problem::Unsteady => f.write_str("the file changed while it was read"),
            Problem::Credentials(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}

/// Reads a file's text.
pub(super) fn parse(text: &[u8]) -> Result<Credentials, FileError> {
    let text = str::from_utf8(text).map_err(|_| FileError(Problem::NoText))?;
    // What other systems' editors put first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(FileError(Problem::Line(number)))?;
        let (name, value) = (name.trim_end(), unquoted(value.trim_start()));
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(FileError(Problem::Twice(number)));
        }
        pairs.push((name, value));
    }
    let found = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|pair| pair.1);
    Credentials::from_lookup(found).map_err(|error| FileError(Problem::Credentials(error)))
}

fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000000";

    fn header(text: &str) -> Option<http::HeaderValue> {
        let authorization = parse(text.as_bytes()).ok()?.authorization()?;
        Some(authorization.header().clone())
    }

    #[test]
    fn the_same_however_it_is_laid_out() {
        let plain = header(&format!("TWILIO_ACCOUNT_SID={ACCOUNT}\nTWILIO_AUTH_TOKEN=foo=bar"));
        assert!(plain.is_some());
        for text in [
            format!(
                "\u{feff}# ours\r\n\r\nTWILIO_ACCOUNT_SID={ACCOUNT}\r\nTWILIO_AUTH_TOKEN=foo=bar\r\n"
            ),
            format!(
                "  TWILIO_AUTH_TOKEN = \"foo=bar\" \nOTHER=x y\nTWILIO_ACCOUNT_SID='{ACCOUNT}'"
            ),
        ] {
            assert_eq!(header(&text), plain, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_line_or_name_and_never_shown() {
        let account = format!("TWILIO_ACCOUNT_SID={ACCOUNT}\n");
        for (text, said) in [
            (String::new(), "no credentials are set"),
            (account.clone(), "TWILIO_AUTH_TOKEN is not set"),
            (format!("{account}TWILIO_AUTH_TOKEN="), "TWILIO_AUTH_TOKEN is not set"),
            (format!("{account}s3cret"), "line 2 is no KEY=value"),
            (
                format!("{account}TWILIO_AUTH_TOKEN=a\nTWILIO_AUTH_TOKEN=s3cret"),
                "line 3 says again",
            ),
            (format!("{account}TWILIO_AUTH_TOKEN=s3cret s3cret"), "TWILIO_AUTH_TOKEN holds white"),
            ("TWILIO_ACCOUNT_SID=s3cret".into(), "TWILIO_ACCOUNT_SID: "),
        ] {
            let error = parse(text.as_bytes()).expect_err("no credentials");
            let shown = format!("{error} {error:?}");
            assert!(error.to_string().starts_with(said), "{shown}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        let error = parse(b"TWILIO_AUTH_TOKEN=\xff").expect_err("no text");
        assert_eq!(error.to_string(), "the file is no text");
    }

    proptest! {
        /// A file is found cut off anywhere: at worst its last value is too short, which the server
        /// will say; it is never taken for another kind of credentials.
        #[test]
        fn a_file_that_is_cut_off_is_none_or_has_the_same_user(at in 0..200_usize) {
            let whole = format!("TWILIO_ACCOUNT_SID={ACCOUNT}\nTWILIO_AUTH_TOKEN=0123456789\n");
            let cut = &whole.as_bytes()[..at.min(whole.len())];
            if let Ok(credentials) = parse(cut) {
                prop_assert_eq!(credentials.account().map(|sid| sid.to_string()), Some(ACCOUNT.into()));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
