//! A channel for one value, with the promises of tokio's that the pool builds on: what was sent before the receiver
//! closed can be received, what is sent after comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::Mutex;

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    closed: bool,
    waker: Option<Waker>,
}

#[derive(Debug)]
pub(crate) struct Sender<T>(Option<Arc<Mutex<Slot<T>>>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Mutex<Slot<T>>>);

/// The sender is gone, or nothing is there yet.
#[derive(Debug)]
pub(crate) struct Nothing;

pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Mutex::new(Slot { value: None, closed: false, waker: None }));
    (Sender(Some(Arc::clone(&slot))), Receiver(slot))
}

impl<T> Sender<T> {
    pub(crate) fn send(mut self, value: T) -> Result<(), T> {
        let slot = self.0.take().unwrap();
        let mut slot = slot.lock().unwrap();
        if slot.closed {
            return Err(value);
        }
        slot.closed = true;
        slot.value = Some(value);
        let waker = slot.waker.take();
        drop(slot);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            let mut slot = slot.lock().unwrap();
            slot.closed = true;
            let waker = slot.waker.take();
            drop(slot);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl<T> Receiver<T> {
    pub(crate) fn close(&mut self) {
        self.0.lock().unwrap().closed = true;
    }

    pub(crate) fn try_recv(&mut self) -> Result<T, Nothing> {
        self.0.lock().unwrap().value.take().ok_or(Nothing)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = {
            let mut slot = self.0.lock().unwrap();
            slot.closed = true;
            slot.value.take()
        };
        drop(left);
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Nothing>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.lock().unwrap();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(Ok(value));
        }
        if slot.closed {
            return Poll::Ready(Err(Nothing));
        }
        slot.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
