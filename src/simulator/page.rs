use std::fmt::{self, Write};

use http::request::Parts;
use serde_json::{Value, json};

use super::directory::Directory;
use super::refusal::Refusal;
use super::session::StoredSession;
use crate::call::ServiceSid;

/// Proxy's own cap, whatever PageSize says. <https://www.twilio.com/docs/proxy/api/session>
const LARGEST_PAGE: usize = 100;
const DEFAULT_SIZE: usize = 50;
const LARGEST_SIZE: usize = 1000;

/// Where a page begins, in a list that runs from the newest session to the oldest.
///
/// Sessions are numbered as they are made, and a page is found by a number, not by a count from the
/// top: a session that is made while somebody reads moves nothing from one page to the next.
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
    place: Place,
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

    /// The page, with its URLs on `base`.
    ///
    /// `meta.page_size` and the URLs repeat the size that was asked for, even where the page holds
    /// no more than 100: a client that takes a short page for the last one ends too early here.
    pub(super) fn answer(
        &self,
        directory: &mut Directory,
        service: ServiceSid,
        base: &str,
        now: jiff::Timestamp,
    ) -> Value {
        let found = directory.page(self.place, self.size.min(LARGEST_PAGE), now);
        let sessions: Vec<Value> =
            found.sessions.iter().map(|session| session.json(base)).collect();
        let url = |page: u64, place: Place| {
            let mut url =
                format!("{base}/v1/Services/{service}/Sessions?PageSize={}&Page={page}", self.size);
            if place != Place::Top {
                // Writing into a string can't fail.
                let _ = write!(url, "&PageToken={place}");
            }
            url
        };
        json!({
            "sessions": sessions,
            "meta": {
                "key": "sessions",
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

/// A page of sessions, newest first, and the numbers between which it lies.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) sessions: Vec<StoredSession>,
    /// The page's newest, if there is a newer one yet.
    pub(super) newer: Option<u64>,
    /// The page's oldest, if there is an older one yet.
    pub(super) older: Option<u64>,
}
