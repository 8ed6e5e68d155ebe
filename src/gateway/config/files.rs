//! Texts in TOML and JSON, from files and from elsewhere, and what is wrong with one as a whole.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{FileFormat, Format, Source};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

type Table = config::Map<String, config::Value>;
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A text and the name that it was given: the crate's own goes by its way from the working directory.
#[derive(Clone, Debug)]
pub(super) struct Text {
    content: Content,
    name: Option<String>,
    format: FileFormat,
}

#[derive(Clone, Debug)]
enum Content {
    Here(String),
    At(PathBuf),
}

impl Text {
    pub(super) fn new(text: &str, format: FileFormat) -> Self {
        Self { content: Content::Here(text.to_owned()), name: None, format }
    }

    pub(super) fn at(path: &Path, format: FileFormat) -> Self {
        let name = Some(path.display().to_string());
        Self { content: Content::At(path.to_owned()), name, format }
    }

    fn parsed(&self, text: &str) -> Result<Table, Cause> {
        // Editors on Windows put it there.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if self.format == FileFormat::Json {
            serde_json::from_str::<Once>(text)?;
        }
        Ok(without_places(self.format.parse(self.name.as_ref(), text)?)?)
    }
}

impl Source for Text {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, config::ConfigError> {
        let table = match &self.content {
            Content::Here(text) => self.parsed(text),
            Content::At(path) => std::fs::read_to_string(path)
                .map_err(Into::into)
                .and_then(|text| self.parsed(&text)),
        };
        table.map_err(|cause| config::ConfigError::FileParse { uri: self.name.clone(), cause })
    }
}

/// Variables, of which none names a place in a list.
#[derive(Clone, Debug)]
pub(super) struct Variables(pub(super) config::Environment);

impl Source for Variables {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, config::ConfigError> {
        let no_key = |why: &str| config::ConfigError::PathParse { cause: why.into() };
        without_places(self.0.collect()?).map_err(no_key)
    }
}

/// The table, if no key is one such as `stack[3]`: the crate would make a list of so many places, and
/// panic where that is more than there is memory.
fn without_places(table: Table) -> Result<Table, &'static str> {
    match table.keys().any(|key| key.contains(['[', ']'])) {
        true => Err("a key has brackets in it: name keys by letters and underscores"),
        false => Ok(table),
    }
}

/// Any JSON in which no key is there twice; the parser would take the last, and say nothing.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            entries.next_value::<Self>()?;
            keys.insert(key);
        }
        Ok(self)
    }
}
