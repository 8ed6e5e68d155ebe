use std::collections::HashSet;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

use super::{Error, ErrorKind};
use crate::sessions::ListSessions;
use crate::wire::{Listing, Page};

pin_project! {
    /// The pages that answer a list, fetched one at a time and only when asked for.
    ///
    /// A page is the last when the server names no next one, however short it or any before it
    /// is. With [`ListSessions::limit`], the page that fills it is cut to measure and no other is
    /// fetched. A next page on an origin that is none of the gateway's is refused before anything is
    /// sent to it, and one that was fetched before ends the stream with an error instead of for ever.
    /// With [several endpoints](crate::wire::Endpoint::or), each page may come from another.
    ///
    /// The stream ends after its first error. Dropping it leaves nothing running.
    #[must_use = "streams do nothing unless polled"]
    pub struct Pages<G, L = ListSessions>
    where
        G: Service<L>,
    {
        gateway: G,
        list: L,
        remaining: Option<u64>,
        seen: Seen,
        #[pin]
        state: State<Oneshot<G, L>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        // At the URL that the last page named, or at the beginning.
        Next { url: Option<String> },
        Fetching { #[pin] page: F },
        Looped,
        Done,
    }
}

impl<G, L> Pages<G, L>
where
    L: Listing,
    G: Service<L, Response = Page<L::Item>, Error = Error> + Clone,
{
    pub(super) fn new(gateway: G, list: L) -> Self {
        Self {
            gateway,
            remaining: list.limit(),
            list,
            seen: Seen::default(),
            state: State::Next { url: None },
        }
    }
}

impl<G, L> Stream for Pages<G, L>
where
    L: Listing,
    G: Service<L, Response = Page<L::Item>, Error = Error> + Clone,
{
    type Item = Result<Page<L::Item>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let fetched = loop {
            match this.state.as_mut().project() {
                StateProjection::Fetching { page } => break ready!(page.poll(cx)),
                StateProjection::Next { url } => {
                    let list =
                        url.as_deref().map_or_else(|| this.list.clone(), |url| this.list.at(url));
                    let page = this.gateway.clone().oneshot(list);
                    this.state.set(State::Fetching { page });
                }
                StateProjection::Looped => {
                    this.state.set(State::Done);
                    return Poll::Ready(Some(Err(Error::paging_loop())));
                }
                StateProjection::Done => return Poll::Ready(None),
            }
        };
        let mut page = match fetched {
            Ok(page) => page,
            Err(error) => {
                this.state.set(State::Done);
                // After the first page nothing of the caller's is encoded any more: the URL is the server's.
                let theirs = !this.seen.is_empty() && error.kind() == ErrorKind::Encode;
                let error = if theirs { Error::paging_elsewhere(error) } else { error };
                return Poll::Ready(Some(Err(error)));
            }
        };
        if let Some(remaining) = this.remaining {
            page.items.truncate(usize::try_from(*remaining).unwrap_or(usize::MAX));
            *remaining -= page.items.len() as u64;
        }
        if let Some(url) = &page.meta.url {
            this.seen.insert(url);
        }
        let next = page.next_page_url().filter(|_| *this.remaining != Some(0));
        this.state.set(match next {
            None => State::Done,
            Some(url) if !this.seen.insert(url) => State::Looped,
            Some(url) => State::Next { url: Some(url.to_owned()) },
        });
        Poll::Ready(Some(Ok(page)))
    }
}

impl<G: Service<L>, L> std::fmt::Debug for Pages<G, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

/// The page URLs met so far, as 128 bits each: a million pages fit in 32 MB, and two that differ
/// are taken for one less often than a disk lies.
#[derive(Debug, Default)]
struct Seen {
    hashers: [RandomState; 2],
    hashes: HashSet<[u64; 2]>,
}

impl Seen {
    fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether it is new.
    fn insert(&mut self, url: &str) -> bool {
        let hash = self.hashers.each_ref().map(|hasher| hasher.hash_one(url));
        self.hashes.insert(hash)
    }
}

pin_project! {
    /// The records on the pages that answer a list, one at a time: [`Pages`], taken apart.
    ///
    /// Holds one page, and asks for the next when that one is used up.
    ///
    /// ```
    /// # use twilio_proxy::gateway::{Error, Gateway, GatewayExt, HttpStack};
    /// # use twilio_proxy::sessions::ListSessions;
    /// use futures_util::TryStreamExt;
    ///
    /// # async fn newest<S: HttpStack + Clone>(gateway: Gateway<S>, service: twilio_proxy::call::ServiceSid) -> Result<(), Error> {
    /// let mut newest = std::pin::pin!(gateway.items(ListSessions::new(service).limit(500)));
    /// while let Some(session) = newest.try_next().await? {
    ///     println!("{:?}", session.unique_name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Items<G, L = ListSessions>
    where
        G: Service<L>,
        L: Listing,
    {
        #[pin]
        pages: Pages<G, L>,
        page: std::vec::IntoIter<L::Item>,
    }
}

impl<G, L> Items<G, L>
where
    L: Listing,
    G: Service<L, Response = Page<L::Item>, Error = Error> + Clone,
{
    pub(super) fn new(pages: Pages<G, L>) -> Self {
        Self { pages, page: Vec::new().into_iter() }
    }

    /// All of them in one list. Set a [`limit`](ListSessions::limit), or memory is the limit.
    ///
    /// # Errors
    ///
    /// The first error; the records before it are lost.
    pub async fn into_vec(self) -> Result<Vec<L::Item>, Error> {
        let mut stream = std::pin::pin!(self);
        let mut items = Vec::new();
        while let Some(item) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            items.push(item?);
        }
        Ok(items)
    }
}

impl<G, L> Stream for Items<G, L>
where
    L: Listing,
    G: Service<L, Response = Page<L::Item>, Error = Error> + Clone,
{
    type Item = Result<L::Item, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let Some(item) = this.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(this.pages.as_mut().poll_next(cx)) {
                Some(Ok(page)) => *this.page = page.items.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<G: Service<L>, L: Listing> std::fmt::Debug for Items<G, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).finish_non_exhaustive()
    }
}
