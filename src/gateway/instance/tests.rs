use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio_test::task;
use tower::ServiceExt;

use super::*;

/// What all instances count together.
#[derive(Default)]
struct Count {
    clones: AtomicUsize,
    alive: AtomicUsize,
    reserved: AtomicUsize,
}

/// Takes a place when it is readied and leaves it when it is called, as a limit of tower's does.
struct Counted {
    count: Arc<Count>,
    has_place: bool,
}

impl Counted {
    fn new(count: &Arc<Count>) -> Self {
        count.alive.fetch_add(1, Relaxed);
        Self { count: Arc::clone(count), has_place: false }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.count.clones.fetch_add(1, Relaxed);
        Self::new(&self.count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count.alive.fetch_sub(1, Relaxed);
        self.count.reserved.fetch_sub(usize::from(self.has_place), Relaxed);
    }
}

impl Service<&'static str> for Counted {
    type Response = ();
    type Error = String;
    type Future = Ready<Result<(), String>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        if !self.has_place {
            self.has_place = true;
            self.count.reserved.fetch_add(1, Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: &'static str) -> Self::Future {
        assert!(std::mem::take(&mut self.has_place), "the one that was readied is called");
        self.count.reserved.fetch_sub(1, Relaxed);
        assert_ne!(request, "panic");
        ready(Ok(()))
    }
}

fn counted() -> (Instance<Counted>, Arc<Count>) {
    let count = Arc::default();
    (Instance::new(Counted::new(&count)), count)
}

#[tokio::test]
async fn call_after_call_there_is_one_instance() {
    let (instance, count) = counted();
    for _ in 0..100 {
        instance.clone().oneshot("").await.expect("an answer");
    }
    assert_eq!(count.clones.load(Relaxed), 1);
    drop(instance);
    assert_eq!(count.alive.load(Relaxed), 0);
}

#[tokio::test]
async fn as_many_are_made_as_are_in_use_at_once_and_no_more_kept_than_places() {
    let (instance, count) = counted();
    for _ in 0..2 {
        let mut all: Vec<_> = (0..PLACES + 4).map(|_| instance.clone()).collect();
        for one in &mut all {
            one.ready().await.expect("ready").call("").await.expect("an answer");
        }
        assert_eq!(count.alive.load(Relaxed), 1 + PLACES + 4);
        drop(all);
        assert_eq!(count.alive.load(Relaxed), 1 + PLACES, "the original, and a full shelf");
    }
}

/// Put back, it would have kept its place for whoever came next, or for ever.
#[tokio::test]
async fn what_was_readied_and_not_called_is_nobody_elses() {
    let (instance, count) = counted();
    let mut readied = instance.clone();
    readied.ready().await.expect("ready");
    assert_eq!(count.reserved.load(Relaxed), 1);
    drop(readied);
    assert_eq!(count.reserved.load(Relaxed), 0);
    assert_eq!(count.alive.load(Relaxed), 1);

    let mut given_up = task::spawn(instance.clone().oneshot(""));
    assert!(given_up.poll().is_ready());
    drop(given_up);
    assert_eq!((count.reserved.load(Relaxed), count.alive.load(Relaxed)), (0, 2));
}

#[tokio::test]
async fn an_instance_that_panicked_is_used_by_nobody() {
    let (instance, count) = counted();
    let mut broken = instance.clone();
    broken.ready().await.expect("ready");
    let called = catch_unwind(AssertUnwindSafe(|| broken.call("panic")));
    assert!(called.is_err());
    drop(broken);
    assert_eq!(count.alive.load(Relaxed), 1);
    instance.clone().oneshot("").await.expect("an answer of another");
}

#[tokio::test]
async fn a_service_of_ones_own_leaves_the_shelf_as_it_is() {
    let (instance, count) = counted();
    drop(instance.to_service());
    assert_eq!((count.clones.load(Relaxed), count.alive.load(Relaxed)), (1, 1));
}

#[test]
fn threads_that_call_at_once_lose_and_share_no_instance() {
    let (instance, count) = counted();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("one");
                for _ in 0..2000 {
                    runtime.block_on(instance.clone().oneshot("")).expect("an answer");
                }
            });
        }
    });
    assert_eq!(count.reserved.load(Relaxed), 0);
    assert!(count.alive.load(Relaxed) <= 1 + PLACES);
}
