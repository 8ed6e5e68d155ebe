//! Where the two ends of an HTTP/1.1 connection meet when its answer has been read.

use std::sync::{Arc, PoisonError};

use super::http1::Kept;
use super::origin::Origin;
use crate::call::sync::Mutex;

/// What the two ends of a connection share: the place where a sender waits whose answer was read
/// before the connection was done with it.
///
/// That is common where the two run on different threads. The sender is put here, and the task that
/// moves the bytes takes it out when it has come to rest; nobody waits and no task is spawned.
#[derive(Debug, Default)]
pub(super) struct Link(Mutex<Parking>);

#[derive(Debug, Default)]
struct Parking {
    waiting: Option<Kept>,
    ended: bool,
}

impl Link {
    /// Parks the sender. It comes back where the connection was ready by then.
    fn park(&self, kept: Kept) -> Option<Kept> {
        let mut parking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if parking.ended {
            return None;
        }
        parking.waiting = Some(kept);
        Self::take_ready(&mut parking)
    }

    /// The sender that waits here, if the connection is ready now. Both sides look after they have
    /// done their part, under one lock, so that one of them sees the other's.
    pub(super) fn resume(&self) -> Option<Kept> {
        Self::take_ready(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_parked(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting.is_some()
    }

    fn take_ready(parking: &mut Parking) -> Option<Kept> {
        parking.waiting.take_if(|kept| kept.is_ready())
    }

    pub(super) fn end(&self) {
        let mut parking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parking.ended = true;
        let waiting = parking.waiting.take();
        drop(parking);
        drop(waiting);
    }
}

impl Kept {
    /// Gives the connection back: at once where it can take the next request, and otherwise as soon
    /// as it can.
    pub(super) fn settle(self, origin: &Arc<Origin>) {
        if self.is_closed() {
            return;
        }
        if self.is_ready() {
            origin.give(self);
        } else if let Some(ready) = Arc::clone(&self.link).park(self) {
            origin.give(ready);
        }
    }
}
