//! Whoever waits is woken, in whatever order callers come, go and look.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Come,
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    /// The newest read is woken for nothing.
    Nudge,
    Answer,
    Fail,
    /// No caller from here on joins the newest read.
    Changed,
    /// Those that were woken are polled until nobody is.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        5 => Just(Step::Come),
        6 => index().prop_map(Step::Poll),
        4 => index().prop_map(Step::Drop),
        4 => Just(Step::Nudge),
        1 => Just(Step::Answer),
        1 => Just(Step::Fail),
        1 => Just(Step::Changed),
        2 => Just(Step::Settle),
    ]
}

struct One {
    call: Calling,
    polled: bool,
}

impl One {
    fn poll(&mut self) -> bool {
        self.polled = true;
        self.call.poll().is_ready()
    }

    /// Whether an executor would poll it.
    fn is_due(&self) -> bool {
        !self.polled || self.call.is_woken()
    }
}

/// Polls those that are due, and only those, as an executor does. Every one that ends is taken out.
fn settle(callers: &mut Vec<One>) {
    while let Some(at) = callers.iter().position(One::is_due) {
        if callers[at].poll() {
            callers.remove(at);
        }
    }
}

/// Answers all there is, so that everyone who is left must be woken.
fn answer_all(bench: &Bench) {
    for number in 0..bench.asked() {
        if let Some(answer) = bench.with(number, |asked| asked.answer.take()) {
            let _ = answer.send(Ok(Response::new("answer")));
        }
    }
}

proptest! {
    #[test]
    fn no_wake_up_is_lost(steps in prop::collection::vec(step(), 1..100)) {
        let bench = Bench::new();
        let mut callers: Vec<One> = Vec::new();
        for step in steps {
            match step {
                Step::Come => {
                    let call = bench.call(read(Wish::default()));
                    callers.push(One { call, polled: false });
                }
                Step::Poll(index) if !callers.is_empty() => {
                    let at = index.index(callers.len());
                    if callers[at].poll() {
                        callers.remove(at);
                    }
                }
                Step::Drop(index) if !callers.is_empty() => {
                    let at = index.index(callers.len());
                    callers.remove(at);
                }
                Step::Nudge if bench.asked() > 0 => {
                    let polls = bench.server.polls.load(SeqCst);
                    let number = bench.asked() - 1;
                    let lives = bench.with(number, |asked| {
                        asked.answer.as_ref().is_some_and(|answer| !answer.is_closed())
                            && asked.waker.lock().unwrap().is_some()
                    });
                    bench.nudge(number);
                    // Not each time: wake-ups of several kinds must meet as well.
                    if lives && polls.is_multiple_of(2) {
                        settle(&mut callers);
                        prop_assert!(bench.server.polls.load(SeqCst) > polls, "nobody polled the read");
                    }
                }
                Step::Answer => answer_all(&bench),
                Step::Fail if bench.asked() > 0 => {
                    let answer = bench.with(bench.asked() - 1, |asked| asked.answer.take());
                    if let Some(answer) = answer {
                        let _ = answer.send(Err("broken".into()));
                    }
                }
                Step::Changed => bench.layer.changed(),
                Step::Settle => settle(&mut callers),
                _ => {}
            }
            prop_assert_eq!(bench.layer.waiting(), callers.len());
            prop_assert_eq!(bench.layer.in_flight(), bench.alive());
            prop_assert!(bench.alive() <= callers.len(), "a read that nobody waits for");
        }
        answer_all(&bench);
        settle(&mut callers);
        prop_assert!(callers.is_empty(), "{} callers were not woken", callers.len());
        prop_assert_eq!((bench.alive(), bench.layer.in_flight(), bench.layer.waiting()), (0, 0, 0));
    }
}

/// A waker may run anybody's code: woken or dropped under a lock, this would never return.
#[tokio::test(start_paused = true)]
async fn a_waker_may_drop_a_caller_of_the_same_read() {
    struct Keeper(Mutex<Option<Calling>>);
    impl std::task::Wake for Keeper {
        fn wake(self: Arc<Self>) {
            let kept = self.0.lock().expect("unpoisoned").take();
            drop(kept);
        }
    }
    let bench = Bench::new();
    let keeper = |call| Waker::from(Arc::new(Keeper(Mutex::new(Some(call)))));
    let poll = |call: &mut Pin<Box<ResponseFuture<Server>>>, waker: &Waker| {
        call.as_mut().poll(&mut Context::from_waker(waker))
    };
    let mut service = bench.service.clone();
    let mut next = || {
        assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        Box::pin(service.call(read(Wish::default())))
    };
    let (mut one, mut two) = (next(), next());
    let joins = || bench.waiting(read(Wish::default()));
    assert!(poll(&mut one, &keeper(joins())).is_pending());
    // Replaces a waker whose drop drops a caller.
    assert!(poll(&mut one, &keeper(joins())).is_pending());
    assert!(poll(&mut two, &keeper(joins())).is_pending());
    assert_eq!(bench.layer.waiting(), 4);
    // Wakes both, which drop theirs.
    bench.nudge(0);
    assert_eq!(bench.layer.waiting(), 2);
    assert!(poll(&mut two, &keeper(joins())).is_pending());
    drop(two);
    bench.answer(0, "answer");
    assert!(poll(&mut one, Waker::noop()).is_ready());
    assert_eq!((bench.asked(), bench.layer.waiting()), (1, 0));
}

/// The wake-up falls between the poll and the moment when the read is put back.
#[tokio::test(start_paused = true)]
async fn a_read_that_is_woken_while_it_is_polled_is_polled_again_by_whoever_comes() {
    let bench = Bench::new();
    let mut one = bench.waiting(read(Wish::default()));
    let mut two = bench.waiting(read(Wish::default()));
    let server = Arc::clone(&bench.server);
    bench.meanwhile(move || {
        let asked = server.asked.lock().unwrap();
        let waker = asked[0].waker.lock().unwrap().clone();
        drop(asked);
        waker.expect("polled").wake();
    });
    bench.nudge(0);
    assert_pending!(one.poll());
    assert!(one.is_woken() && two.is_woken());
    drop(one);
    assert_pending!(two.poll());
    assert_eq!(bench.server.polls.load(SeqCst), 3);
    bench.answer(0, "answer");
    assert_eq!(body(&mut two), "answer");
}

/// Who looks while another polls the read has to hear how that ends.
#[tokio::test(start_paused = true)]
async fn a_caller_that_comes_while_the_read_is_polled_hears_of_its_end() {
    for ends in [true, false] {
        let bench = Bench::new();
        let mut one = bench.waiting(read(Wish::default()));
        let two = Arc::new(Mutex::new(bench.call(read(Wish::default()))));
        let comes = Arc::clone(&two);
        bench.meanwhile(move || assert_pending!(comes.lock().unwrap().poll()));
        if ends {
            bench.answer(0, "answer");
            assert_eq!(body(&mut one), "answer");
        } else {
            bench.nudge(0);
            assert_pending!(one.poll());
            assert!(!two.lock().unwrap().is_woken());
            bench.answer(0, "answer");
        }
        let mut two = two.lock().unwrap();
        assert!(two.is_woken());
        assert_eq!(body(&mut two), "answer");
    }
}

/// The last of the others goes while the read is polled: it is not dropped in the hands of the one
/// who polls it.
#[tokio::test(start_paused = true)]
async fn a_caller_may_leave_while_the_read_is_polled() {
    let bench = Bench::new();
    let mut one = bench.waiting(read(Wish::default()));
    let two = bench.waiting(read(Wish::default()));
    bench.meanwhile(move || drop(two));
    bench.answer(0, "answer");
    assert_eq!(body(&mut one), "answer");
    bench.is_at_rest();
}
