use std::fmt::{self, Write};

use http::request::Parts;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Proxy's own cap, whatever PageSize says. <https://www.twilio.com/docs/proxy/api/session>
const LARGEST_PAGE: usize = 100;
const DEFAULT_SIZE: usize = 50;
const LARGEST_SIZE: usize = 1000;

/// Where a page begins, in a list that runs from the newest record to the oldest.
///
/// Records are numbered as they are made, and a page is found by a number, not by a count from the
/// top: one that is made while somebody reads moves nothing from one page to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With the newest.
    Top,
    /// Right after (older than) this one.
    Below(u64),
    /// So that it ends right before (newer than) this one.
    Above(u64),
}

/// So that nobody takes a token for a number and counts with it. It hides nothing.
const MASK: u64 = 0x9e37_79b9_7f4a_7c15;

impl Place {
    fn parse(token: &str) -> Option<Self> {
        let digits = token.get(3..)?;
        let number = u64::from_str_radix(digits, 16).ok()? ^ MASK;
        match token.get(..3)? {
            // The parser alone would take a sign for a digit.
            _ if digits.len() != 16 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) => None,
            "PTB" => Some(Self::Below(number)),
            "PTA" => Some(Self::Above(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Below(number) => write!(f, "PTB{:016x}", number ^ MASK),
            Self::Above(number) => write!(f, "PTA{:016x}", number ^ MASK),
        }
    }
}

/// What a list request asks for.
#[derive(Debug)]
pub(super) struct PageQuery {
    size: usize,
    /// The client's own count; it chooses nothing and comes back as it went.
    page: u64,
    pub(super) place: Place,
}

impl PageQuery {
    pub(super) fn read(head: &Parts) -> Result<Self, Refusal> {
        let mut query = Self { size: DEFAULT_SIZE, page: 0, place: Place::Top };
        for (key, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
        {
            match &*key {
                "PageSize" => {
                    let size = value.parse().map_err(|_| {
                        Refusal::parameter("PageSize must be a number from 1 to 1000")
                    })?;
                    query.size = match size {
                        0 => return Err(Refusal::parameter("PageSize must be at least 1")),
                        1..=LARGEST_SIZE => size,
                        // <https://www.twilio.com/docs/api/errors/20007>
                        _ => return Err(Refusal::bad(20007, "Page size too large")),
                    };
                }
                "Page" => {
                    query.page =
                        value.parse().map_err(|_| Refusal::parameter("Page must be a number"))?;
                }
                "PageToken" if !value.is_empty() => {
                    query.place = Place::parse(&value)
                        .ok_or_else(|| Refusal::parameter("PageToken is none of this list"))?;
                }
                _ => {}
            }
        }
        Ok(query)
    }

    /// How many records the page has at most.
    pub(super) fn size(&self) -> usize {
        self.size.min(LARGEST_PAGE)
    }

    /// The page, of the list at `list`, with the records under `key`.
    ///
    /// `meta.page_size` and the URLs repeat the size that was asked for, even where the page holds
    /// no more than 100: a client that takes a short page for the last one ends too early here.
    pub(super) fn answer(&self, key: &str, list: &str, found: &Found<Value>) -> Value {
        let url = |page: u64, place: Place| {
            let mut url = format!("{list}?PageSize={}&Page={page}", self.size);
            if place != Place::Top {
                // Writing into a string can't fail.
                let _ = write!(url, "&PageToken={place}");
            }
            url
        };
        json!({
            key: found.records,
            "meta": {
                "key": key,
                "page": self.page,
                "page_size": self.size,
                "url": url(self.page, self.place),
                "first_page_url": url(0, Place::Top),
                "previous_page_url":
                    found.newer.map(|number| url(self.page.saturating_sub(1), Place::Above(number))),
                "next_page_url":
                    found.older.map(|number| url(self.page.saturating_add(1), Place::Below(number))),
            },
        })
    }
}

/// A page of records, newest first, and the numbers between which it lies.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) records: Vec<T>,
    /// The page's newest, if there is a newer one yet.
    pub(super) newer: Option<u64>,
    /// The page's oldest, if there is an older one yet.
    pub(super) older: Option<u64>,
}

impl<T> Found<T> {
    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Found<U> {
        let records = self.records.into_iter().map(change).collect();
        Found { records, newer: self.newer, older: self.older }
    }
}

impl<'a, T> Found<&'a T> {
    /// The page of a list that only grows, and is numbered as it stands.
    pub(super) fn among(all: &'a [T], place: Place, size: usize) -> Self {
        let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(all.len());
        let (start, end) = match place {
            Place::Top => (all.len().saturating_sub(size), all.len()),
            Place::Below(number) => (index(number).saturating_sub(size), index(number)),
            Place::Above(number) => {
                let start = index(number.saturating_add(1));
                (start, start.saturating_add(size).min(all.len()))
            }
        };
        let number = |index: usize| u64::try_from(index).unwrap_or(u64::MAX);
        Self {
            records: all[start..end].iter().rev().collect(),
            newer: (end < all.len()).then(|| number(end.saturating_sub(1))),
            older: (start > 0).then(|| number(start)),
        }
    }
}
