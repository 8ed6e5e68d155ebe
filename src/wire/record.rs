use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess};

use super::Extra;

/// A JSON object whose fields may all be missing, and which keeps those that it has no name for.
///
/// What `#[serde(flatten)]` beside `#[serde(default)]` would say, without its price: flattening
/// first buffers the whole object, which for a session is more than twenty allocations against
/// the few that its own texts need. Of a name that comes twice, the last value counts.
pub(crate) trait Record: Default {
    /// What the object is called in a message, such as `a session`.
    const WHAT: &'static str;

    /// Reads the value of the field called `name`, or returns `false` if it has no place for it.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error>;

    /// Where the other fields go.
    fn extra(&mut self) -> &mut Extra;
}

/// Reads a record; the body of its `Deserialize`.
pub(crate) fn deserialize<'de, R: Record, D: Deserializer<'de>>(from: D) -> Result<R, D::Error> {
    from.deserialize_map(RecordVisitor(PhantomData))
}

struct RecordVisitor<R>(PhantomData<R>);

impl<'de, R: Record> de::Visitor<'de> for RecordVisitor<R> {
    type Value = R;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(R::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<R, A::Error> {
        let mut record = R::default();
        while let Some(Name(name)) = map.next_key()? {
            if !record.read(&name, &mut map)? {
                record.extra().insert(name.into_owned(), map.next_value()?);
            }
        }
        Ok(record)
    }
}

/// A field's name, borrowed from the input unless it is written with escapes.
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> de::Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}
