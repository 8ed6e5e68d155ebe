//! How a call waits: asks, stands in line, sleeps until its cell, and looks again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use super::super::line::Place;
use super::hashed::{Bits, Hashed};
use super::table::{Joined, Refusal, Table, Terms};
use super::{Check, Limiter, Verdict};

/// The longest sleep at a stretch. Whoever waits longer looks again in between, for the quota may
/// have been raised, and nobody tells a sleeper.
const STRETCH: Duration = Duration::from_secs(1);

pin_project! {
    pub(super) struct Turn<L: Limiter> {
        table: Arc<Table<L>>,
        key: Hashed,
        terms: Terms,
        place: Option<Place>,
        #[pin]
        step: Step<L::Asking>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<A> {
        /// In line behind others, or about to look for a cell as its head.
        InLine,
        /// Head of the line, until this moment.
        NotBefore { at: Instant },
        Asleep { #[pin] sleep: Sleep },
        Asking { #[pin] asking: A },
    }
}

impl<L: Limiter> Turn<L> {
    /// The turn of a call whose first check has to be asked for elsewhere.
    pub(super) fn asking(
        table: Arc<Table<L>>,
        key: Hashed,
        terms: Terms,
        asking: L::Asking,
    ) -> Self {
        Self { table, key, terms, place: None, step: Step::Asking { asking } }
    }

    /// The turn of a call that has a place in the line.
    pub(super) fn joined(
        table: Arc<Table<L>>,
        key: Hashed,
        terms: Terms,
        Joined { place, not_before, .. }: Joined,
    ) -> Self {
        let step = not_before.map_or(Step::InLine, |at| Step::NotBefore { at });
        Self { table, key, terms, place: Some(place), step }
    }

    pub(super) fn bits(&self) -> Bits {
        self.key.bits()
    }

    /// Ready with the moment at which the call got its cell. The place is kept until the turn is dropped, so that the
    /// next in line can't go before this call has gone.
    pub(super) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Instant, Refusal>> {
        let mut this = self.project();
        loop {
            let next = match this.step.as_mut().project() {
                StepProj::NotBefore { at } => {
                    let at = *at;
                    let now = Instant::now();
                    if let Some(refusal) = this.terms.refuse(at, now) {
                        return Poll::Ready(Err(refusal));
                    }
                    // Made here, not in `call`: a timer needs a runtime around it.
                    let sleep = tokio::time::sleep_until(at.min(now + STRETCH));
                    Step::Asleep { sleep }
                }
                StepProj::Asking { asking } => match ready!(asking.poll(cx)) {
                    Verdict::Go => return Poll::Ready(Ok(Instant::now())),
                    Verdict::NotBefore(at) if this.place.is_some() => Step::NotBefore { at },
                    Verdict::NotBefore(at) => {
                        match this.table.join(this.key, this.terms, at, Instant::now()) {
                            Err(refusal) => return Poll::Ready(Err(refusal)),
                            Ok(Joined { place, not_before, .. }) => {
                                *this.place = Some(place);
                                not_before.map_or(Step::InLine, |at| Step::NotBefore { at })
                            }
                        }
                    }
                },
                StepProj::InLine => {
                    if let Some(place) = this.place
                        && let Err(dismissal) = ready!(place.poll_slot(cx))
                    {
                        return Poll::Ready(Err(dismissal.into()));
                    }
                    let now = Instant::now();
                    match this.table.check(this.key, this.terms, now) {
                        Err(refusal) => return Poll::Ready(Err(refusal)),
                        Ok(Check::Go) => return Poll::Ready(Ok(now)),
                        Ok(Check::NotBefore(at)) => Step::NotBefore { at },
                        Ok(Check::Ask(asking)) => Step::Asking { asking },
                    }
                }
                StepProj::Asleep { sleep } => {
                    ready!(sleep.poll(cx));
                    Step::InLine
                }
            };
            this.step.set(next);
        }
    }
}
