//! Callers on several threads at once.

use tokio::task::{JoinSet, yield_now};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::*;
use crate::call::{Collected, Fault, Rng};

const ROUNDS: usize = 300;
const CALLERS: usize = 24;

/// Beyond any patience: a lost wake-up fails the test instead of hanging it.
const EVER: Duration = Duration::from_secs(120);

/// Random drops, polls, wake-ups from other threads and writes in between: everyone who stays is
/// answered, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everyone_who_stays_is_answered() {
    let layer = CoalesceLayer::new();
    let alive = Arc::new(AtomicUsize::new(0));
    let rng = Rng::seeded(7);
    let server = {
        let (alive, rng) = (Arc::clone(&alive), rng.clone());
        service_fn(move |_: Outgoing| {
            let (alive, pauses) = (Arc::clone(&alive), rng.bits() % 4);
            async move {
                struct Leaves(Arc<AtomicUsize>);
                impl Drop for Leaves {
                    fn drop(&mut self) {
                        self.0.fetch_sub(1, SeqCst);
                    }
                }
                alive.fetch_add(1, SeqCst);
                let _leaves = Leaves(alive);
                for pause in 0..pauses {
                    if pause % 2 == 0 {
                        yield_now().await;
                    } else {
                        // Woken by a task, and so mostly on another thread.
                        let woken = tokio::spawn(yield_now());
                        woken.await.expect("no panic");
                    }
                }
                Ok::<_, Fault>(Response::new(Collected::default()))
            }
        })
    };
    let service = layer.layer(server);
    let all = async {
        for _ in 0..ROUNDS {
            let mut callers = JoinSet::new();
            for _ in 0..CALLERS {
                let (service, chance) = (service.clone(), rng.bits());
                callers.spawn(async move {
                    for _ in 0..chance % 3 {
                        yield_now().await;
                    }
                    let request = if chance % 16 == 15 { write() } else { read(Wish::default()) };
                    let call = service.oneshot(request);
                    if chance & 0x100 == 0 {
                        let patience = async {
                            for _ in 0..(chance >> 16) % 4 {
                                yield_now().await;
                            }
                        };
                        tokio::select! {
                            answer = call => answer.map(|_| ()),
                            () = patience => Ok(()),
                        }
                    } else {
                        call.await.map(|_| ())
                    }
                });
            }
            while let Some(ended) = callers.join_next().await {
                ended.expect("no panic").expect("an answer");
            }
            assert_eq!((layer.in_flight(), layer.waiting(), alive.load(SeqCst)), (0, 0, 0));
        }
    };
    tokio::time::timeout(EVER, all).await.expect("a wake-up was lost");
    assert!(layer.joined() > 0, "they never met");
}
