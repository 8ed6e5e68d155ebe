use super::{Session, sessions_of};
use crate::call::ServiceSid;
use crate::wire::{
    Answer, DecodeError, EncodeError, Encoder, Listing, Operation, OperationMeta, Page, Plain,
    Route,
};

/// The largest page that may be asked for. Proxy returns 100 at most all the same.
const LARGEST_PAGE: u32 = 1000;

/// Lists the sessions of a Service, one page a call.
///
/// The next page is wherever [`Page::next_page_url`] points; [`ListSessions::page`] goes there.
/// Streams over all pages do that by themselves.
///
/// ```
/// use twilio_proxy::call::ServiceSid;
/// use twilio_proxy::sessions::ListSessions;
///
/// let service = ServiceSid::new("KS0123456789abcdef0123456789abcdef")?;
/// let list = ListSessions::new(service).page_size(100).limit(250);
/// assert_eq!(list.limit, Some(250));
/// # Ok::<(), twilio_proxy::call::SidError>(())
/// ```
///
/// <https://www.twilio.com/docs/proxy/api/session#read-multiple-session-resources>
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListSessions {
    /// The Service whose sessions are listed.
    pub service: ServiceSid,
    /// How many sessions to a page, from 1 to 1000; the API's default is 50, and it returns 100 at most.
    pub page_size: Option<u32>,
    /// `Page`, the number of the page: for Twilio a note of the client's, it selects nothing by itself.
    pub page_index: Option<u32>,
    /// `PageToken`, which only the API can make up.
    pub page_token: Option<String>,
    /// How many sessions a stream yields in all, 1 or more. Never sent; one page alone knows no limit.
    pub limit: Option<u64>,
    /// Where to go instead of all that: a URL that a page named.
    pub url: Option<String>,
}

impl ListSessions {
    /// The sessions of this Service, from the first page on.
    #[must_use]
    pub fn new(service: ServiceSid) -> Self {
        Self {
            service,
            page_size: None,
            page_index: None,
            page_token: None,
            limit: None,
            url: None,
        }
    }

    /// The page at a URL that another page named: the next, the previous or the first.
    ///
    /// The URL is followed as it is, so page size and token are the ones in it. One that leads to
    /// another scheme, host or port is refused before anything is sent, credentials least of all.
    #[must_use]
    pub fn page(service: ServiceSid, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::new(service) }
    }

    /// Sets how many sessions to a page.
    #[must_use]
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// Sets `Page`, the number of the page.
    #[must_use]
    pub fn page_index(mut self, index: u32) -> Self {
        self.page_index = Some(index);
        self
    }

    /// Sets `PageToken`.
    #[must_use]
    pub fn page_token(mut self, token: impl Into<String>) -> Self {
        self.page_token = Some(token.into());
        self
    }

    /// Sets how many sessions a stream yields in all.
    #[must_use]
    pub fn limit(mut self, sessions: u64) -> Self {
        self.limit = Some(sessions);
        self
    }
}

impl Listing for ListSessions {
    type Item = Session;

    fn limit(&self) -> Option<u64> {
        self.limit
    }

    fn at(&self, url: &str) -> Self {
        Self::page(self.service, url)
    }
}

impl Operation for ListSessions {
    type Output = Page<Session>;
    type Recovery = Plain;
    const META: OperationMeta = Route::LIST_SESSIONS;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        if self.limit == Some(0) {
            return Err(EncodeError::new("Limit", "must be at least 1"));
        }
        if self.page_size.is_some_and(|size| !(1..=LARGEST_PAGE).contains(&size)) {
            return Err(EncodeError::new("PageSize", "must be from 1 to 1000"));
        }
        if let Some(url) = &self.url {
            to.scope(self.service).absolute("page URL", url)?;
            return Ok(());
        }
        sessions_of(self.service, to)?;
        if let Some(size) = self.page_size {
            to.query("PageSize", size);
        }
        if let Some(index) = self.page_index {
            to.query("Page", index);
        }
        if let Some(token) = &self.page_token {
            to.query("PageToken", token);
        }
        Ok(())
    }

    fn decode(answer: Answer) -> Result<Page<Session>, DecodeError> {
        answer.page("sessions")
    }
}
