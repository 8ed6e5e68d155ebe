use std::sync::Arc;
use std::task::{Context, Poll};

use super::Line;
use super::state::Dismissal;

/// A slot, or a place in the line for one. Dropping it gives up either, and calls the next.
#[derive(Debug)]
pub(in super::super) struct Place {
    line: Arc<Line>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    InLine {
        number: u64,
    },
    Slot {
        in_flight: usize,
    },
    /// Sent away.
    Nowhere(Dismissal),
}

impl Place {
    pub(super) fn with_slot(line: Arc<Line>, in_flight: usize) -> Self {
        Self { line, standing: Standing::Slot { in_flight } }
    }

    pub(super) fn in_line(line: Arc<Line>, number: u64) -> Self {
        Self { line, standing: Standing::InLine { number } }
    }

    pub(in super::super) fn has_slot(&self) -> bool {
        matches!(self.standing, Standing::Slot { .. })
    }

    /// How many slots were taken when this one was, itself included; 0 without one.
    pub(in super::super) fn in_flight(&self) -> usize {
        match self.standing {
            Standing::Slot { in_flight } => in_flight,
            _ => 0,
        }
    }

    /// Ready when the slot is this place's, or when it has been sent away.
    pub(in super::super) fn poll_slot(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Dismissal>> {
        let number = match self.standing {
            Standing::Slot { .. } => return Poll::Ready(Ok(())),
            Standing::Nowhere(why) => return Poll::Ready(Err(why)),
            Standing::InLine { number } => number,
        };
        let mut state = self.line.lock();
        let Some(waiting) = state.find(number).and_then(|at| state.waiting.get_mut(at)) else {
            let (dismissal, in_flight) = (state.take_dismissal(number), state.taken);
            drop(state);
            self.standing = dismissal.map_or(Standing::Slot { in_flight }, Standing::Nowhere);
            return Poll::Ready(dismissal.map_or(Ok(()), Err));
        };
        let replaced = match &waiting.waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => waiting.waker.replace(cx.waker().clone()),
        };
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        match self.standing {
            Standing::Nowhere(_) => return,
            Standing::InLine { number } => {
                let found = state.find(number).and_then(|at| state.waiting.remove(at));
                if found.is_some() || state.take_dismissal(number).is_some() {
                    drop(state);
                    drop(found);
                    return;
                }
                // Not in the line: called up, and has not heard of it.
            }
            Standing::Slot { .. } => {}
        }
        state.taken -= 1;
        let called = state.call_next();
        drop(state);
        if let Some(called) = called {
            called.wake();
        }
    }
}
