//! Dials that come about or fail as the model says.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::http1::{Driver, Kept, Wire};
use super::link::Link;
use super::origin::{DialGuard, Origin};
use super::state::Protocol;
use crate::call::{Fault, FaultKind};

pub(super) type Dialing = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) trait Dial: Send + Sync {
    fn begin(&self, guard: DialGuard) -> Dialing;
}

pub(super) trait Made: Send {
    fn protocol(&self) -> Protocol;

    fn enter(self: Box<Self>, origin: &Arc<Origin>);
}

/// The first so many fail.
pub(super) struct Dialer(std::sync::Mutex<VecDeque<bool>>);

impl Dialer {
    pub(super) fn failing(failures: usize) -> Self {
        Self(std::sync::Mutex::new(std::iter::repeat_n(false, failures).collect()))
    }
}

impl Dial for Dialer {
    fn begin(&self, guard: DialGuard) -> Dialing {
        let succeeds = self.0.lock().unwrap().pop_front().unwrap_or(true);
        Box::pin(async move {
            // It takes a turn, in which it may be given up.
            let mut begun = false;
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut begun, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            guard.end(match succeeds {
                true => Ok(Box::new(MadeHttp1)),
                false => Err(Fault::new(FaultKind::Connect, "refused")),
            });
        })
    }
}

struct MadeHttp1;

impl Made for MadeHttp1 {
    fn protocol(&self) -> Protocol {
        Protocol::Http1
    }

    /// In the order of the true one.
    fn enter(self: Box<Self>, origin: &Arc<Origin>) {
        let (link, wire) = (Arc::new(Link::default()), Arc::new(Wire::default()));
        let kept = Kept::new(Arc::clone(&wire), Arc::clone(&link), Instant::now());
        origin.spawn(Driver::new(wire, link, Arc::downgrade(origin)));
        origin.give_new(kept);
    }
}
