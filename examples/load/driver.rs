//! The open loop: each call is sent when it is due, whatever became of those before it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::book::Book;
use crate::calls;
use crate::mix::Arrival;
use crate::stack::Loaded;
use crate::stop::Stop;
use crate::tally::{Ended, Tally};

/// How often the thread of arrivals looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

/// What a call needs; one for all of them.
pub(crate) struct Driver {
    pub(crate) gateway: Loaded,
    pub(crate) book: Book,
    pub(crate) tally: Tally,
    /// As many as may be under way.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) ttl: Duration,
    /// Ends the calls that are under way.
    pub(crate) cut: CancellationToken,
    pub(crate) calls: TaskTracker,
}

impl Driver {
    /// Sends what the plan has until it ends, `lasts` is over or it is to stop; says how long that
    /// was. It blocks its thread.
    ///
    /// The thread sleeps by itself: tokio's timers have ticks of a millisecond, and at ten thousand
    /// calls a second ten of them are due in one.
    pub(crate) fn send(
        self: &Arc<Self>,
        plan: impl Iterator<Item = Arrival>,
        lasts: Option<Duration>,
        stop: &Stop,
        runtime: &Handle,
    ) -> Duration {
        let began = Instant::now();
        for arrival in plan {
            if let Some(lasts) = lasts.filter(|lasts| arrival.at >= *lasts) {
                // None is due any more, but the time is not over.
                sleep_until(began + lasts, stop);
                break;
            }
            let due = began + arrival.at;
            if !sleep_until(due, stop) {
                break;
            }
            self.start(&arrival, due, runtime);
        }
        began.elapsed()
    }

    fn start(self: &Arc<Self>, arrival: &Arrival, due: Instant, runtime: &Handle) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.tally.not_sent(arrival.kind);
            return;
        };
        let Some(task) = self.book.task(arrival) else {
            // There is no session to ask for, which the preparation sees to.
            self.tally.not_sent(arrival.kind);
            return;
        };
        self.tally.sent(arrival.kind, task.kind());
        let driver = Arc::clone(self);
        let call = async move {
            let sent = Instant::now();
            let call = calls::make(&driver.gateway, &task, driver.ttl);
            let outcome = driver.cut.run_until_cancelled(call).await.map(|outcome| {
                let told = outcome.as_ref().map(|done| done.made).map_err(Clone::clone);
                driver.book.settle(&task, &told);
                outcome.map(|done| (done.attempts, done.recovered))
            });
            driver.tally.ended(&Ended { kind: task.kind(), due, sent, outcome });
            drop(place);
        };
        self.calls.spawn_on(call, runtime);
    }

    /// Waits for the calls that are under way: until all have ended, or, where it is to stop, as
    /// long as `grace` allows. Those that are left are cut off.
    pub(crate) async fn drain(&self, grace: Duration, stop: &Stop) {
        self.calls.close();
        tokio::select! {
            () = self.calls.wait() => {}
            () = stop.now.cancelled() => {}
            () = async { stop.soon.cancelled().await; tokio::time::sleep(grace).await } => {}
        }
        self.cut.cancel();
        self.calls.wait().await;
    }

    /// How many calls are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.calls.len()
    }
}

/// Whether the time has come, and not the end.
fn sleep_until(due: Instant, stop: &Stop) -> bool {
    while !stop.is_soon() {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::park_timeout(left.min(LOOK));
    }
    false
}
