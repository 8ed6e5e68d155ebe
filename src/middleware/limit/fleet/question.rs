use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::{BoxFuture, FutureExt, Shared};
use tokio::time::Instant;

use super::cells::Fleet;
use super::state::{Cells, Shelf};
use super::store::Store;
use crate::middleware::limit::rate::{Check, Key, Verdict};

/// A question to the store, which all calls of a key share that need its answer. Whoever polls it drives it; where all
/// are dropped, the next to come goes on with it.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) number: u64,
    /// When it has failed, if there is no answer yet.
    pub(super) until: Instant,
    answer: Shared<BoxFuture<'static, ()>>,
}

impl Question {
    pub(super) fn new(
        number: u64,
        until: Instant,
        answer: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { number, until, answer: answer.boxed().shared() }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("until", &self.until).finish_non_exhaustive()
    }
}

/// The future of a call that needs an answer of the store's.
///
/// # Cancellation
///
/// Dropped, it takes no cell. What the store has given meanwhile is the key's, and serves the next call,
/// if that comes in time.
#[must_use = "futures do nothing unless polled"]
pub struct Asking<S: Store> {
    fleet: Arc<Fleet<S>>,
    shelf: Arc<Shelf>,
    key: Key,
    question: Question,
}

impl<S: Store> Asking<S> {
    /// One more who waits for this question.
    pub(super) fn new(
        fleet: &Arc<Fleet<S>>,
        shelf: &Arc<Shelf>,
        key: &Key,
        cells: &mut Cells,
        question: Question,
    ) -> Self {
        cells.askers += 1;
        Self { fleet: Arc::clone(fleet), shelf: Arc::clone(shelf), key: key.clone(), question }
    }
}

impl<S: Store> Future for Asking<S> {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Verdict> {
        loop {
            ready!(self.question.answer.poll_unpin(cx));
            let this = &mut *self;
            let next = {
                let mut cells = this.shelf.lock();
                // It is counted as an asker already.
                this.fleet.step(&this.shelf, &this.key, &mut cells, Instant::now(), 0)
            };
            match next {
                Check::Go => return Poll::Ready(Verdict::Go),
                Check::NotBefore(at) => return Poll::Ready(Verdict::NotBefore(at)),
                Check::Ask(question) => this.question = question,
            }
        }
    }
}

impl<S: Store> Drop for Asking<S> {
    fn drop(&mut self) {
        let mut cells = self.shelf.lock();
        cells.askers = cells.askers.saturating_sub(1);
        cells.is_left |= cells.askers == 0;
    }
}

impl<S: Store> fmt::Debug for Asking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("question", &self.question).finish_non_exhaustive()
    }
}
