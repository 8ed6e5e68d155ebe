use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::record::{self, Name, Record};
use super::{Answer, Configured, DecodeError, Extra, Operation};

/// One page of a list, of any resource.
///
/// Whether there is another page is for [`Page::next_page_url`] to say and for nothing else: Proxy
/// returns at most 100 records a page whatever was asked for, so a short page proves nothing.
/// <https://www.twilio.com/docs/usage/twilios-response#pagination>
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The records, in the server's order.
    pub items: Vec<T>,
    /// Where the page stands among the others.
    pub meta: PageMeta,
    /// Fields beside the two above that this version has no name for.
    pub extra: Extra,
}

/// Where a page stands among the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PageMeta {
    /// The name of the array that holds the records, such as `sessions`.
    pub key: Option<String>,
    /// The number of the page; the first is 0.
    pub page: Option<u64>,
    /// How many records the server puts on a page at most.
    pub page_size: Option<u64>,
    /// This page.
    pub url: Option<String>,
    /// The first page.
    pub first_page_url: Option<String>,
    /// The page before, if there is one.
    pub previous_page_url: Option<String>,
    /// The page after, if there is one.
    pub next_page_url: Option<String>,
    /// Fields that this version has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An operation that is answered with a page, and knows how to ask for another: what the streams of
/// the gateway need to list any resource.
pub trait Listing: Operation<Output = Page<Self::Item>> + Clone {
    /// One record.
    type Item;

    /// How many records a stream yields in all; `None` for all there are.
    fn limit(&self) -> Option<u64>;

    /// The same list at a URL that a page named.
    #[must_use]
    fn at(&self, url: &str) -> Self;
}

impl<L: Listing> Listing for Configured<L> {
    type Item = L::Item;

    fn limit(&self) -> Option<u64> {
        self.operation().limit()
    }

    fn at(&self, url: &str) -> Self {
        self.operation().at(url).with(self.wishes().clone())
    }
}

impl<T> Page<T> {
    /// A page of these records: for fakes and tests.
    #[must_use]
    pub fn new(items: Vec<T>, meta: PageMeta) -> Self {
        Self { items, meta, extra: Extra::default() }
    }

    /// Where the next page is; an empty URL is as good as none.
    #[must_use]
    pub fn next_page_url(&self) -> Option<&str> {
        given(&self.meta.next_page_url)
    }

    /// Where the page before is; an empty URL is as good as none.
    #[must_use]
    pub fn previous_page_url(&self) -> Option<&str> {
        given(&self.meta.previous_page_url)
    }

    /// Where the first page is; an empty URL is as good as none.
    #[must_use]
    pub fn first_page_url(&self) -> Option<&str> {
        given(&self.meta.first_page_url)
    }
}

fn given(url: &Option<String>) -> Option<&str> {
    url.as_deref().filter(|url| !url.is_empty())
}

impl Answer {
    /// Reads the body as a page whose records are in the array called `key`, such as `sessions`.
    ///
    /// ```
    /// # use twilio_proxy::wire::{Answer, Page};
    /// # let body = r#"{"services":[{}],"meta":{"key":"services","next_page_url":null}}"#;
    /// # let answer = Answer::new(http::StatusCode::OK, http::HeaderMap::new(), body.into());
    /// let page: Page<serde_json::Value> = answer.page("services")?;
    /// assert_eq!(page.items.len(), 1);
    /// assert_eq!(page.next_page_url(), None);
    /// # Ok::<(), twilio_proxy::wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Says where the body stops making sense. A body without the array, or without `meta`, is no
    /// page: to read it as an empty or a last one would hide records.
    pub fn page<T: DeserializeOwned>(&self, key: &'static str) -> Result<Page<T>, DecodeError> {
        self.json_seed(PageSeed { key, items: PhantomData })
    }
}

struct PageSeed<T> {
    key: &'static str,
    items: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for PageSeed<T> {
    type Value = Page<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Page<T>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for PageSeed<T> {
    type Value = Page<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a page of {}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page<T>, A::Error> {
        let (mut items, mut meta, mut extra) = (None, None::<PageMeta>, Extra::default());
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                name if name == self.key => items = Some(map.next_value()?),
                "meta" => meta = Some(map.next_value()?),
                _ => {
                    extra.insert(name.into_owned(), map.next_value()?);
                }
            }
        }
        let items = items.ok_or_else(|| de::Error::missing_field(self.key))?;
        let mut meta = meta.ok_or_else(|| de::Error::missing_field("meta"))?;
        // So that the page is written back as it was read, also where `meta` names no array, or another.
        meta.key = Some(self.key.to_owned());
        Ok(Page { items, meta, extra })
    }
}

/// As the API writes it: the records under the name that `meta.key` gives, or `items`.
impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2 + self.extra.len()))?;
        map.serialize_entry(self.meta.key.as_deref().unwrap_or("items"), &self.items)?;
        map.serialize_entry("meta", &self.meta)?;
        for (name, value) in self.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Record for PageMeta {
    const WHAT: &'static str = "the meta data of a page";

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error> {
        match name {
            "key" => self.key = from.next_value()?,
            "page" => self.page = from.next_value()?,
            "page_size" => self.page_size = from.next_value()?,
            "url" => self.url = from.next_value()?,
            "first_page_url" => self.first_page_url = from.next_value()?,
            "previous_page_url" => self.previous_page_url = from.next_value()?,
            "next_page_url" => self.next_page_url = from.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extra(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

impl<'de> Deserialize<'de> for PageMeta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        record::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests;
