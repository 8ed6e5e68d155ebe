//! How many signatures are begun at once, on a runtime whose one thread for blocking work is held up, so
//! that none ends.

use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread::available_parallelism;

use http::{Request, header};
use tokio::runtime::Builder;

use super::super::canonical::hashed;
use super::super::work::{Bench, Job, Work};
use super::key;
use crate::call::Clock;

fn job() -> Job {
    let request = Request::get("/").header("authorization", "x").body(()).unwrap();
    let request = hashed(&request, &[header::AUTHORIZATION], b"");
    Job { key: key(), request, clock: Clock::system() }
}

#[test]
fn one_core_is_left_to_the_executor_and_who_leaves_holds_up_nobody() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let _entered = runtime.enter();
    let (release, held) = mpsc::channel::<()>();
    let holder = runtime.spawn_blocking(move || held.recv().is_err());
    let places = available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1));
    let bench = Bench::new();
    let begin = || {
        let works = (0..places + 20).map(|_| {
            let mut work = bench.accept(job());
            assert!(work.poll(&mut Context::from_waker(Waker::noop())).is_pending());
            work
        });
        works.collect::<Vec<_>>()
    };
    let begun = |works: &[Work]| works.iter().filter(|work| matches!(work, Work::Begun(_))).count();
    let mut works = begin();
    assert_eq!(begun(&works), places);
    // What is dropped before a thread came to it is not computed; its place is free once one has come.
    works.clear();
    let mut works = begin();
    assert_eq!(begun(&works), 0);
    drop(release);
    let token = runtime.block_on(async {
        holder.await.unwrap();
        let last = works.pop().unwrap();
        let first = works.swap_remove(0);
        drop(works);
        for mut work in [first, last] {
            std::future::poll_fn(|cx| work.poll(cx)).await.unwrap();
        }
        let mut fresh = bench.accept(job());
        std::future::poll_fn(|cx| fresh.poll(cx)).await
    });
    assert!(token.is_some());
}
