//! Callers that go, while others stay.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::call::Effect;

/// Whoever leaves, and whenever, the others get the answer of the one request.
#[tokio::test(start_paused = true)]
async fn the_opener_may_be_dropped_at_any_poll() {
    // 0: never polled. 1: polled. 2: polled and woken. Before and after the others were polled.
    for polls in 0..3 {
        for others_first in [false, true] {
            let bench = Bench::new();
            let mut opener = bench.call(read(Wish::default()));
            let mut others = [bench.call(read(Wish::default())), bench.call(read(Wish::default()))];
            if others_first {
                others.iter_mut().for_each(|other| assert_pending!(other.poll()));
            }
            if polls > 0 {
                assert_pending!(opener.poll());
            }
            if polls > 1 {
                bench.answer(0, "early");
            }
            drop(opener);
            if polls < 2 {
                others.iter_mut().for_each(|other| assert_pending!(other.poll()));
                assert_eq!(bench.alive(), 1);
                bench.answer(0, "late");
            }
            for other in &mut others {
                assert!(other.is_woken() || (polls == 2 && !others_first));
                assert!(matches!(body(other), "early" | "late"));
            }
            assert_eq!(bench.asked(), 1, "asked anew");
            bench.is_at_rest();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_last_caller_the_read_goes_and_nobody_joins_it_any_more() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let bench = Bench::new();
        let mut calls: Vec<_> =
            (0..3).map(|_| Some(bench.waiting(read(Wish::default())))).collect();
        for (left, leaves) in (0..3).rev().zip(order) {
            calls[leaves] = None;
            assert_eq!((bench.alive(), bench.layer.waiting()), (left.min(1), left));
        }
        bench.is_at_rest();
    }
    let bench = Bench::new();
    drop(bench.call(read(Wish::default())));
    bench.is_at_rest();
}

/// A seat that was left is taken again, and its wake-ups are its new owner's.
#[tokio::test(start_paused = true)]
async fn callers_come_and_go() {
    let bench = Bench::new();
    let mut stays = bench.waiting(read(Wish::default()));
    for _ in 0..50 {
        let (one, two) = (bench.waiting(read(Wish::default())), bench.call(read(Wish::default())));
        drop((one, two));
    }
    let mut last = bench.waiting(read(Wish::default()));
    assert_eq!((bench.asked(), bench.layer.waiting()), (1, 2));
    bench.answer(0, "answer");
    assert!(stays.is_woken() && last.is_woken());
    assert_eq!((body(&mut last), body(&mut stays)), ("answer", "answer"));
}

/// A future in a `select!` may not be looked at for a while. It must not hold up the others.
#[tokio::test(start_paused = true)]
async fn a_caller_that_is_kept_and_not_polled_holds_up_nobody() {
    let bench = Bench::new();
    let never_polled = bench.call(read(Wish::default()));
    let woken_and_not_polled = bench.waiting(read(Wish::default()));
    let mut other = bench.waiting(read(Wish::default()));
    bench.answer(0, "answer");
    assert!(woken_and_not_polled.is_woken() && other.is_woken());
    assert_eq!(body(&mut other), "answer");
    // It has ended for all, and those who look later find the answer.
    assert_eq!((bench.alive(), bench.layer.in_flight(), bench.layer.waiting()), (0, 0, 2));
    for mut call in [never_polled, woken_and_not_polled] {
        assert_eq!(body(&mut call), "answer");
    }
    bench.is_at_rest();
}

/// What a caller's deadline, above, reads when it drops the call.
#[tokio::test(start_paused = true)]
async fn a_dropped_caller_knows_what_was_done() {
    let bench = Bench::new();
    let requests = [read(Wish::default()), read(Wish::default()), read(Wish::default())];
    let [first, second, third] = requests.each_ref().map(facts);
    let [one, two, three] = requests.map(|request| bench.call(request));
    let shared = bench.with(0, |asked| Arc::clone(asked.facts()));
    // In a queue below: all know that nothing has happened.
    shared.begin_attempt();
    shared.enter_queue();
    drop(one);
    assert_eq!((first.effect(), first.attempts()), (Effect::None, 1));
    shared.leave_queue();
    shared.mark_attempt_started(first.started());
    shared.set_endpoint(2);
    drop(two);
    assert_eq!((second.effect(), second.attempts()), (Effect::Unknown, 1));
    assert_eq!((second.endpoint(), second.attempt_started()), (Some(2), Some(first.started())));
    shared.mark_reached();
    shared.mark_sent();
    shared.mark_harmless();
    shared.begin_attempt();
    shared.mark_reached();
    drop(three);
    assert_eq!((third.attempts(), third.sent(), third.effect()), (2, 1, Effect::None));
}

/// The last to leave drops the read before it looks at what came of it.
#[tokio::test(start_paused = true)]
async fn the_last_caller_hears_of_what_happened_while_the_read_was_dropped() {
    struct SendsWhenDropped(Arc<CallFacts>);
    impl Drop for SendsWhenDropped {
        fn drop(&mut self) {
            self.0.mark_reached();
            self.0.mark_sent();
        }
    }
    let inner = tower::service_fn(|request: Outgoing| {
        let last_words = SendsWhenDropped(facts(&request));
        async move {
            let _said = last_words;
            std::future::pending::<Answer>().await
        }
    });
    let request = read(Wish::default());
    let own = facts(&request);
    let mut call = task::spawn(CoalesceLayer::new().layer(inner).call(request));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!((own.sent(), own.effect()), (1, Effect::Unknown));
}

fn silently<R>(panics: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(panics)).is_err()
}

/// A panic is the affair of the task that it happens in: the others make the read anew.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_read_is_survived_by_those_who_did_not_poll_it() {
    let bench = Bench::new();
    let uri = "http://api.test/panic-in-poll";
    let mut unlucky = bench.waiting(bare(uri));
    let mut other = bench.waiting(bare(uri));
    bench.answer(0, "never seen");
    assert!(silently(|| unlucky.poll()));
    drop(unlucky);
    assert!(other.is_woken());
    assert_pending!(other.poll());
    assert_eq!((bench.asked(), bench.alive(), bench.layer.waiting()), (2, 1, 1));
    drop(other);
    assert!(silently(|| bench.call(bare("http://api.test/panic-in-call"))));
    bench.is_at_rest();
}
