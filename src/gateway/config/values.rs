//! Settings as people write them: times, sizes, quotas and secrets, as text.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::fmt::friendly::{SpanParser, SpanPrinter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::middleware::limit::Quota;

/// What a text has to look like, for messages and for the schema.
trait Written: FromStr + fmt::Display {
    /// The name in the schema.
    const NAME: &'static str;
    /// What is expected, with an example: it ends the sentence "give …".
    const EXPECTED: &'static str;
    /// Texts that are right.
    const EXAMPLES: &'static [&'static str];
}

struct Text<T>(PhantomData<T>);

impl<T: Written> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Reads and writes a type as its text.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text::<Self>(PhantomData))
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Self::NAME.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "examples": Self::EXAMPLES })
            }
        }
    )*};
}

as_text!(HumanDuration, OrNever, HumanSize, HumanQuota);

/// A time as people write it: `250ms`, `35s`, `1m 30s`. A bare number is none: of what?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl Written for HumanDuration {
    const NAME: &'static str = "Duration";
    const EXPECTED: &'static str = "a time with its unit, such as \"250ms\", \"35s\" or \"1m 30s\"";
    const EXAMPLES: &'static [&'static str] = &["250ms", "35s", "1m 30s"];
}

impl FromStr for HumanDuration {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        SpanParser::new().parse_unsigned_duration(text.trim()).map(Self)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&SpanPrinter::new().unsigned_duration_to_string(&self.0))
    }
}

/// A time, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrNever(pub Option<Duration>);

const NEVER: &str = "never";

impl Written for OrNever {
    const NAME: &'static str = "DurationOrNever";
    const EXPECTED: &'static str = "a time with its unit, such as \"3s\", or \"never\"";
    const EXAMPLES: &'static [&'static str] = &["3s", NEVER];
}

impl FromStr for OrNever {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        match text.trim() {
            NEVER => Ok(Self(None)),
            text => text.parse().map(|HumanDuration(time)| Self(Some(time))),
        }
    }
}

impl fmt::Display for OrNever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => HumanDuration(time).fmt(f),
            None => f.write_str(NEVER),
        }
    }
}

/// A number of bytes as people write it: `512KiB`, `8MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanSize(pub usize);

impl Written for HumanSize {
    const NAME: &'static str = "Size";
    const EXPECTED: &'static str =
        "a number of bytes with its unit, such as \"512KiB\" or \"8MiB\"";
    const EXAMPLES: &'static [&'static str] = &["512KiB", "8MiB"];
}

impl FromStr for HumanSize {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        // The parser takes a bare number for bytes. Here it is a unit that was forgotten.
        if text.ends_with(|c: char| c.is_ascii_digit()) {
            return Err(());
        }
        let size: ByteSize = text.parse().map_err(drop)?;
        usize::try_from(size.as_u64()).map(Self).map_err(drop)
    }
}

impl fmt::Display for HumanSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // OK because no platform has more than 64 bits of address.
        let bytes = self.0 as u64;
        // In the largest unit that divides it, so that it reads back as the same number.
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", bytes / unit),
            None => write!(f, "{bytes}B"),
        }
    }
}

/// Calls in a time, as people write it: `29/s`, `1000/min`, `150/5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanQuota {
    calls: u32,
    period: Duration,
}

impl HumanQuota {
    /// The quota, without a burst.
    #[must_use]
    pub fn quota(self) -> Quota {
        Quota::per(self.period, self.calls)
    }
}

impl Written for HumanQuota {
    const NAME: &'static str = "Quota";
    const EXPECTED: &'static str =
        "a number of calls and a time, such as \"29/s\", \"1000/min\" or \"150/5s\"";
    const EXAMPLES: &'static [&'static str] = &["29/s", "1000/min", "150/5s"];
}

impl FromStr for HumanQuota {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (calls, period) = text.split_once('/').ok_or(())?;
        let calls = calls.trim().parse().map_err(drop)?;
        let period = period.trim();
        // `s` is one of it.
        let one = period.starts_with(|c: char| c.is_ascii_alphabetic());
        let period = if one { format!("1{period}") } else { period.to_owned() };
        let HumanDuration(period) = period.parse().map_err(drop)?;
        if calls == 0 || period.is_zero() { Err(()) } else { Ok(Self { calls, period }) }
    }
}

impl fmt::Display for HumanQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.calls, HumanDuration(self.period))
    }
}

/// A secret: wiped when dropped, and shown as `***` wherever a configuration is.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

impl Secret {
    pub(super) fn reveal(&self) -> SecretString {
        self.0.clone()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

/// What stands for a secret.
pub(super) const MASK: &str = "***";

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SecretString::from(String::deserialize(deserializer)?);
        // White space comes from a slip of the hand, and would only show as a 401.
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        if text.expose_secret().is_empty() || text.expose_secret().contains(is_odd) {
            return Err(D::Error::custom(
                "it is empty or has white space in it, expected a secret",
            ));
        }
        Ok(Self(text))
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

/// A share, from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

impl Percent {
    pub(super) fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Percent {
    type Error = &'static str;

    fn try_from(percent: u8) -> Result<Self, &'static str> {
        if matches!(percent, 1..=100) {
            Ok(Self(percent))
        } else {
            Err("no share, expected a whole number from 1 to 100")
        }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 100 })
    }
}
