use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The length of every Twilio SID: a two-letter prefix and 32 hexadecimal digits.
const LEN: usize = 34;

/// A Twilio SID of any kind, inline and `Copy`: two upper-case letters and 32 hexadecimal digits.
///
/// The typed SIDs below are this with their prefix checked. The case of the digits is kept as it
/// came, and both are accepted, as Twilio's OpenAPI document does (`[0-9a-fA-F]`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid([u8; LEN]);

impl Sid {
    /// Reads a SID that must begin with `prefix`, for kinds that have no type of their own here.
    ///
    /// # Errors
    ///
    /// Says whether the length, the prefix or a digit is wrong.
    pub fn with_prefix(prefix: &'static str, text: &str) -> Result<Self, SidError> {
        let bytes: [u8; LEN] = text
            .as_bytes()
            .try_into()
            .map_err(|_| SidError { prefix, problem: Problem::Length(text.chars().count()) })?;
        if !bytes.starts_with(prefix.as_bytes()) || !bytes[..2].iter().all(u8::is_ascii_uppercase) {
            return Err(SidError { prefix, problem: Problem::Prefix });
        }
        if !bytes[2..].iter().all(u8::is_ascii_hexdigit) {
            return Err(SidError { prefix, problem: Problem::Digit });
        }
        Ok(Self(bytes))
    }

    /// The SID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Never the default: a `Sid` holds ASCII letters and digits only, checked when it was made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Sid {
    type Err = SidError;

    fn from_str(text: &str) -> Result<Self, SidError> {
        Self::with_prefix("", text)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no SID. It never repeats the text, which may be a secret pasted into the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidError {
    prefix: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Length(usize),
    Prefix,
    Digit,
}

impl fmt::Display for SidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.prefix.is_empty() { "two capital letters" } else { self.prefix };
        match self.problem {
            Problem::Length(length) => write!(
                f,
                "a SID is {prefix} and 32 hexadecimal digits, {LEN} characters in all, not {length}"
            ),
            Problem::Prefix => write!(f, "the SID must begin with {prefix}"),
            Problem::Digit => write!(f, "after {prefix}, the SID must be hexadecimal digits"),
        }
    }
}

impl std::error::Error for SidError {}

struct SidVisitor(&'static str);

impl de::Visitor<'_> for SidVisitor {
    type Value = Sid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a SID that begins with {}", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Sid, E> {
        Sid::with_prefix(self.0, text).map_err(E::custom)
    }
}

macro_rules! typed_sid {
    ($(#[$doc:meta] $name:ident, $prefix:literal;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Sid);

        impl $name {
            /// What every SID of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads and checks a SID.
            ///
            /// # Errors
            ///
            /// Says whether the length, the prefix or a digit is wrong.
            pub fn new(text: &str) -> Result<Self, SidError> {
                Sid::with_prefix(Self::PREFIX, text).map(Self)
            }

            /// The SID as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = SidError;

            fn from_str(text: &str) -> Result<Self, SidError> {
                Self::new(text)
            }
        }

        impl From<$name> for Sid {
            fn from(sid: $name) -> Self {
                sid.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(SidVisitor(Self::PREFIX)).map(Self)
            }
        }
    )*};
}

typed_sid! {
    /// An account (`AC…`).
    AccountSid, "AC";
    /// An API key (`SK…`).
    ApiKeySid, "SK";
    /// A Proxy Service (`KS…`), the parent of sessions.
    ServiceSid, "KS";
    /// A session (`KC…`).
    SessionSid, "KC";
    /// A participant of a session (`KP…`).
    ParticipantSid, "KP";
    /// A phone number of the account (`PN…`).
    PhoneNumberSid, "PN";
    /// A public key of the account (`CR…`), that signatures of requests are checked with.
    PublicKeySid, "CR";
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "KS0123456789abcdefABCDEF0123456789";

    #[test]
    fn each_way_to_be_wrong_has_its_own_message() {
        assert_eq!(ServiceSid::new(TEXT).map(|sid| sid.to_string()), Ok(TEXT.to_owned()));
        let message = |text: &str| ServiceSid::new(text).map_err(|error| error.to_string());
        assert_eq!(
            message("KS12"),
            Err("a SID is KS and 32 hexadecimal digits, 34 characters in all, not 4".into())
        );
        assert_eq!(message(&TEXT.replace("KS", "KC")), Err("the SID must begin with KS".into()));
        assert_eq!(
            message(&TEXT.replace("01", "0g")),
            Err("after KS, the SID must be hexadecimal digits".into())
        );
        // 34 bytes, fewer characters: a multi-byte character must not be cut in two.
        assert!(ServiceSid::new("KS0123456789abcdef0123456789abcdé").is_err());
    }

    #[test]
    fn a_sid_is_its_text_in_json() {
        let sid: ServiceSid = serde_json::from_str(&format!("\"{TEXT}\"")).expect("a SID");
        assert_eq!(serde_json::to_string(&sid).expect("JSON"), format!("\"{TEXT}\""));
        let error = serde_json::from_str::<SessionSid>(&format!("\"{TEXT}\"")).expect_err("KS");
        assert!(error.to_string().contains("must begin with KC"), "{error}");
        let error = serde_json::from_str::<SessionSid>("17").expect_err("a number");
        assert!(error.to_string().contains("expected a SID that begins with KC"), "{error}");
    }
}
