//! What a server does with one request: how much of it it reads, whether it acts, what it says and
//! how it ends.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use twilio_proxy::call::Collected;

#[cfg(feature = "http2")]
use crate::http2::Http2Deed;
use crate::row::Way;

/// How much of a request is read before the server does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing: it acts as soon as there is a connection, or as soon as the last answer is out.
    Nothing,
    /// The head, and whatever came with it.
    Head,
    /// All of it.
    All,
}

/// How the exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
    /// Not at all: the connection stays open until the client closes it.
    Hold,
    /// Well: the connection takes the next request.
    Keep,
}

/// One thing that a server says.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Once(Bytes),
    /// Again and again, as fast as the client takes it.
    Endless(Bytes),
    /// A byte at a time, and from the beginning again after the last.
    Drip(Bytes, Duration),
}

impl Say {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Once(Bytes::from(text.into()))
    }
}

type Speech = Arc<dyn Fn(&Right) -> Vec<Say> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Deed {
    pub(crate) reads: Reads,
    pub(crate) commits: bool,
    pub(crate) says: Speech,
    pub(crate) ends: Ends,
}

impl Deed {
    /// A server that reads so much, does nothing, says nothing and ends so.
    pub(crate) fn new(reads: Reads, ends: Ends) -> Self {
        Self { reads, commits: false, says: Arc::new(|_| Vec::new()), ends }
    }

    /// One that reads the request, acts on it, says this and closes.
    pub(crate) fn acts(says: impl Fn(&Right) -> Vec<Say> + Send + Sync + 'static) -> Self {
        Self { commits: true, ..Self::says(says) }
    }

    /// One that reads the request, does nothing, says this and closes.
    pub(crate) fn says(says: impl Fn(&Right) -> Vec<Say> + Send + Sync + 'static) -> Self {
        Self { says: Arc::new(says), ..Self::new(Reads::All, Ends::Close) }
    }

    /// The same with a text that does not depend on the request.
    pub(crate) fn text(text: &'static str) -> Self {
        Self::says(move |_| vec![Say::text(text)])
    }

    /// The same with these words.
    pub(crate) fn speaking(self, text: &'static str) -> Self {
        Self { says: Arc::new(move |_| vec![Say::text(text)]), ..self }
    }

    pub(crate) fn ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    pub(crate) fn commits(self) -> Self {
        Self { commits: true, ..self }
    }
}

/// A deed, by the protocol that it is done in.
#[derive(Clone)]
pub(crate) enum Deeds {
    Http1(Deed),
    #[cfg(feature = "http2")]
    Http2(Http2Deed),
}

impl Deeds {
    pub(crate) fn commits(&self) -> bool {
        match self {
            Self::Http1(deed) => deed.commits,
            #[cfg(feature = "http2")]
            Self::Http2(deed) => deed.commits,
        }
    }

    /// How a client comes to it, unless the row says otherwise.
    pub(crate) fn way(&self) -> Way {
        match self {
            Self::Http1(_) => Way::Plain,
            #[cfg(feature = "http2")]
            Self::Http2(_) => Way::Http2,
        }
    }
}

impl From<Deed> for Deeds {
    fn from(deed: Deed) -> Self {
        Self::Http1(deed)
    }
}

/// What a good server would have answered.
#[derive(Clone, Debug)]
pub(crate) struct Right {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The server's own port, for URLs that lead back to it.
    pub(crate) port: u16,
    /// How many requests the server had heard before this one.
    pub(crate) number: usize,
}

impl Right {
    pub(crate) fn of(response: Response<Collected>) -> Self {
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().filter(|(name, _)| *name != http::header::CONTENT_LENGTH);
        Self {
            status: head.status,
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: String::from_utf8(body.bytes().to_vec()).unwrap(),
            ..Self::nothing()
        }
    }

    /// For a deed that does not act.
    pub(crate) fn nothing() -> Self {
        let (status, headers) = (StatusCode::OK, Vec::new());
        Self { status, headers, body: "{}".into(), port: 0, number: 0 }
    }

    /// Status line and headers, the last line end left out so that more can follow. A status that
    /// has no body is made one that has.
    pub(crate) fn head(&self) -> String {
        let status = if self.status == 204 { StatusCode::OK } else { self.status };
        self.head_as(status)
    }

    fn head_as(&self, status: StatusCode) -> String {
        let mut text = format!("HTTP/1.1 {} Fine\r\n", status.as_u16());
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        text
    }

    /// The right answer, and nothing else.
    pub(crate) fn text(&self) -> String {
        let head = self.head_as(self.status);
        if self.status == StatusCode::NO_CONTENT {
            return format!("{head}\r\n");
        }
        format!("{head}content-length: {}\r\n\r\n{}", self.body.len(), self.body)
    }

    /// The right status over this body.
    pub(crate) fn with_body(&self, body: &str) -> String {
        format!("{}content-length: {}\r\n\r\n{body}", self.head(), body.len())
    }
}
