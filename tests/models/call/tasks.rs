//! Tasks, each on a thread of its own: loom then tries every order in which a runtime could poll them.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread;

thread_local! {
    // loom runs all threads of a model on one of the system's.
    static TASKS: RefCell<Vec<thread::JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

/// The runtime, of which there is one.
#[derive(Clone, Debug)]
pub(crate) struct Handle;

pub(crate) struct JoinHandle(AbortHandle);

/// Ends a task, which drops its future at its next turn.
#[derive(Clone, Debug)]
pub(crate) struct AbortHandle(Arc<Mutex<Aborting>>);

#[derive(Debug, Default)]
struct Aborting {
    aborted: bool,
    waker: Option<Waker>,
}

impl Handle {
    pub(crate) fn current() -> Self {
        Self
    }

    pub(crate) fn try_current() -> Result<Self, ()> {
        Ok(Self)
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle {
        let abort = AbortHandle(Arc::default());
        let task = Task { future: Some(Box::pin(task)), abort: abort.clone() };
        let thread = thread::spawn(move || block_on(task));
        TASKS.with_borrow_mut(|tasks| tasks.push(thread));
        JoinHandle(abort)
    }
}

impl JoinHandle {
    pub(crate) fn abort_handle(&self) -> AbortHandle {
        self.0.clone()
    }
}

impl AbortHandle {
    pub(crate) fn abort(&self) {
        let mut aborting = self.0.lock().unwrap();
        aborting.aborted = true;
        let waker = aborting.waker.take();
        drop(aborting);
        waker.into_iter().for_each(Waker::wake);
    }
}

struct Task {
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    abort: AbortHandle,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Another thread may have its turn where a waker is cloned or dropped, and this lock is not loom's: held across
        // that, it stopped the one thread on which all of them run.
        let waker = Some(cx.waker().clone());
        let (aborted, before) = {
            let mut aborting = self.abort.0.lock().unwrap();
            (aborting.aborted, std::mem::replace(&mut aborting.waker, waker))
        };
        drop(before);
        if aborted {
            self.future = None;
        }
        match &mut self.future {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}

/// Waits until every task has ended, those included that are begun meanwhile.
pub(crate) fn all_ended() {
    while let Some(task) = TASKS.with_borrow_mut(Vec::pop) {
        task.join().unwrap();
    }
}
