//! Who wakes a call in time: one timer, where two layers would each have their own.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Acquire, Ordering::Release};
use std::task::{Context, Waker};

use super::CallFacts;

/// A layer deep inside has a timer that rings by the call's deadline at the latest, so that the one
/// who watches the deadline from outside needs none of its own: to set a timer and to clear it takes the
/// lock of the runtime's wheel twice, and 100 bytes of the call's future.
///
/// What makes it safe: the inner layer says whom its timer wakes, in each poll, and the outer one
/// believes it only if that was said in this very poll and names its own task. So there is a timer of
/// its own wherever a queue, a back-off or another task lies in between.
pub(super) struct Vigil {
    wakes: AtomicUsize,
    said: AtomicU32,
}

impl Vigil {
    pub(super) const fn new() -> Self {
        Self { wakes: AtomicUsize::new(0), said: AtomicU32::new(0) }
    }
}

impl CallFacts {
    /// A timer is set that wakes the task of `cx` by the call's deadline.
    pub(crate) fn keep_vigil(&self, cx: &Context<'_>) {
        self.vigil.wakes.store(name(cx.waker()), Release);
        self.vigil.said.fetch_add(1, Release);
    }

    /// How often that has been said.
    pub(crate) fn vigils(&self) -> u32 {
        self.vigil.said.load(Acquire)
    }

    /// Whether it has been said again since there were `before`, of the task of `cx`.
    pub(crate) fn is_vigil_kept(&self, before: u32, cx: &Context<'_>) -> bool {
        self.vigils() != before && self.vigil.wakes.load(Acquire) == name(cx.waker())
    }
}

/// Two wakers with one name wake the same task: the standard library's `will_wake`, for one of which
/// only this is kept.
fn name(waker: &Waker) -> usize {
    let vtable: *const _ = waker.vtable();
    waker.data().addr() ^ vtable.addr().rotate_left(32)
}
