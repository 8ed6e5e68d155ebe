use std::sync::Arc;
use std::task::{Context, Poll};

use http::Response;
use tokio::time::Instant;

use super::super::line::{Dismissal, Place};
use super::shared::Rig;
use super::{Attempt, End, LimitPolicy};
use crate::call::{Class, Classifier, Fault, FaultKind, Raise};

/// A call's slot, or its place in the line. Dropped with a slot in the midst of an attempt, it
/// reports that as well.
pub(super) struct Permit<P: LimitPolicy, C> {
    place: Place,
    /// None before the call goes, and where nothing is learned from it.
    run: Option<Run<P, C>>,
}

struct Run<P: LimitPolicy, C> {
    rig: Arc<Rig<P, C>>,
    began: Instant,
}

impl<P: LimitPolicy, C> Permit<P, C> {
    pub(super) fn new(place: Place) -> Self {
        Self { place, run: None }
    }

    pub(super) fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Dismissal>> {
        self.place.poll_slot(cx)
    }

    /// The call has its slot and goes, at this moment.
    pub(super) fn begin(&mut self, rig: &Arc<Rig<P, C>>, began: Instant) {
        self.run = Some(Run { rig: Arc::clone(rig), began });
    }

    /// The call has come back: learns from how, and gives back the slot.
    pub(super) fn end<B, E>(mut self, outcome: &Result<Response<B>, E>)
    where
        C: Classifier<B>,
        E: Raise,
    {
        let Some(run) = self.run.take() else { return };
        if !P::LEARNS {
            return run.report(&self.place, End::Other, None);
        }
        let settings = &run.rig.settings;
        let (end, account) = match outcome {
            Ok(response) => {
                let end = match settings.classifier.classify(response) {
                    Class::Success => End::Served,
                    Class::Throttled => End::Throttled,
                    _ => End::Other,
                };
                (end, settings.account(response.headers()))
            }
            Err(error) => {
                let kind = Fault::find(error.as_ref()).map(Fault::kind);
                let is_timeout = kind == Some(FaultKind::AttemptTimeout);
                (if is_timeout { End::TimedOut } else { End::Other }, None)
            }
        };
        run.report(&self.place, end, account);
    }
}

impl<P: LimitPolicy, C> Run<P, C> {
    fn report(&self, place: &Place, end: End, account: Option<u32>) {
        let took = self.began.elapsed();
        let attempt = Attempt::new(end, self.began, took, place.in_flight());
        self.rig.shared.learn(attempt, account);
    }
}

impl<P: LimitPolicy, C> Drop for Permit<P, C> {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            run.report(&self.place, End::Dropped, None);
        }
    }
}
