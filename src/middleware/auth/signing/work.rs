//! Where signatures are made: a third of a millisecond of arithmetic each, beside the executor.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread::available_parallelism;

use http::HeaderValue;
use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;
use tokio_util::task::AbortOnDropHandle;

use super::canonical::Hashed;
use super::key::SigningKey;
use super::token::token;
use crate::call::Clock;

/// What is to be signed, and with what.
pub(super) struct Job {
    pub(super) key: SigningKey,
    pub(super) request: Hashed,
    pub(super) clock: Clock,
}

impl Job {
    /// The token, valid from now on.
    pub(super) fn run(&self) -> Option<HeaderValue> {
        token(&self.key, &self.request, self.clock.wall().as_second())
    }
}

/// A place for each core but one, which is the executor's: more at once would make each of them late, and
/// everything else too. Whoever waits for one goes in order of arrival.
#[derive(Clone, Debug)]
pub(super) struct Bench(Arc<Semaphore>);

impl Bench {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self(Arc::new(Semaphore::new((cores - 1).max(1))))
    }

    /// A signature to come. Nothing is begun before it is polled.
    pub(super) fn accept(&self, job: Job) -> Work {
        Work::Waiting { place: PollSemaphore::new(Arc::clone(&self.0)), job: Some(job) }
    }
}

/// A signature on its way. Dropped, it gives its place back: at once if it waits for one, else when a
/// thread comes to it, which then computes nothing, or has computed it.
#[expect(clippy::large_enum_variant, reason = "it lives in the box of its call")]
pub(super) enum Work {
    Waiting { place: PollSemaphore, job: Option<Job> },
    Begun(AbortOnDropHandle<Option<HeaderValue>>),
}

impl Work {
    /// `None` if no signature could be made.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<HeaderValue>> {
        loop {
            match self {
                Self::Waiting { place, job } => {
                    let place = ready!(place.poll_acquire(cx));
                    // The semaphore is never closed, and a job that is gone has been begun.
                    let (Some(place), Some(job)) = (place, job.take()) else {
                        return Poll::Ready(None);
                    };
                    let task = tokio::task::spawn_blocking(move || {
                        let token = job.run();
                        drop(place);
                        token
                    });
                    *self = Self::Begun(AbortOnDropHandle::new(task));
                }
                Self::Begun(task) => {
                    // An error is a runtime that shuts down.
                    return Pin::new(task).poll(cx).map(|token| token.ok().flatten());
                }
            }
        }
    }
}
