use std::array;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tower::Service;

/// A service whose clones cost next to nothing, for callers who clone for every call.
///
/// A clone of the default stack counts up what its fifteen layers share, and its drop counts it down
/// again: some 60 writes that all threads of the process contend for, and 450 ns where nobody does. So
/// a clone of this holds no service. It takes one from the shelf when it is first used, and puts it
/// back when it is dropped; a new one is made only while all that there are are in use.
///
/// What is on the shelf has been called, or never been asked, and is to be readied like any other. An
/// instance that was asked whether it is ready, and not called, may hold a place in a queue: it is
/// dropped with its holder.
pub(super) struct Instance<S> {
    service: Option<Box<S>>,
    /// It was asked whether it is ready, and has not been called since.
    is_reserved: bool,
    shelf: Arc<Shelf<S>>,
}

/// As many as are kept. One is in use from when a call is readied until it is called, so it takes as
/// many threads at once to miss one.
const PLACES: usize = 16;

struct Shelf<S> {
    /// Each with a lock of its own that nobody waits for: who finds it held looks at the next.
    places: [Mutex<Option<Box<S>>>; PLACES],
    original: Mutex<S>,
}

impl<S> Instance<S> {
    pub(super) fn new(service: S) -> Self {
        let places = array::from_fn(|_| Mutex::default());
        let shelf = Arc::new(Shelf { places, original: Mutex::new(service) });
        Self { service: None, is_reserved: false, shelf }
    }
}

impl<S: Clone> Instance<S> {
    /// A service of one's own.
    pub(super) fn to_service(&self) -> S {
        self.shelf.make()
    }

    fn service(&mut self) -> &mut S {
        self.service.get_or_insert_with(|| self.shelf.take())
    }
}

impl<S: Clone> Shelf<S> {
    fn take(&self) -> Box<S> {
        let spare = self.places.iter().find_map(|place| place.try_lock().ok()?.take());
        spare.unwrap_or_else(|| Box::new(self.make()))
    }

    fn make(&self) -> S {
        // A service that panicked as it was cloned has not been touched otherwise.
        self.original.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S> Shelf<S> {
    fn put(&self, service: Box<S>) {
        let free =
            self.places.iter().find_map(|place| place.try_lock().ok().filter(|it| it.is_none()));
        if let Some(mut place) = free {
            *place = Some(service);
        }
    }
}

impl<S> Clone for Instance<S> {
    fn clone(&self) -> Self {
        Self { service: None, is_reserved: false, shelf: Arc::clone(&self.shelf) }
    }
}

impl<S> Drop for Instance<S> {
    fn drop(&mut self) {
        if let Some(service) = self.service.take_if(|_| !self.is_reserved) {
            self.shelf.put(service);
        }
    }
}

impl<S, R> Service<R> for Instance<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.is_reserved = true;
        self.service().poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        let future = self.service().call(request);
        // Only now: one that panicked is nobody's any more.
        self.is_reserved = false;
        future
    }
}

impl<S: fmt::Debug> fmt::Debug for Instance<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.service, self.shelf.original.try_lock()) {
            (Some(service), _) => service.fmt(f),
            (None, Ok(original)) => original.fmt(f),
            (None, Err(_)) => f.write_str("Instance"),
        }
    }
}

#[cfg(test)]
mod tests;
