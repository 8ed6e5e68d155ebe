//! No caller gets an answer that is older than what it may know.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_after_the_answer() {
    let bench = Bench::new();
    let mut first = bench.waiting(read(Wish::default()));
    let mut second = bench.waiting(read(Wish::default()));
    bench.answer(0, "old");
    assert_eq!(body(&mut first), "old");
    // The second caller has not even looked.
    let mut third = bench.waiting(read(Wish::default()));
    assert_eq!((bench.asked(), bench.layer.joined()), (2, 1));
    bench.answer(1, "new");
    assert_eq!((body(&mut third), body(&mut second)), ("new", "old"));
    bench.is_at_rest();
}

/// How a write may end. Its future is kept, as callers may.
fn ends(bench: &Bench, number: usize, mut write: Calling, how: usize) -> Option<Calling> {
    match how {
        0 => {
            bench.answer(number, "done");
            assert_eq!(body(&mut write), "done");
        }
        1 => {
            bench.fail(number, "broken");
            assert_ready!(write.poll()).expect_err("broken");
        }
        _ => return None,
    }
    Some(write)
}

/// "Update, then fetch" must not be answered by a fetch of somebody else's from before the update.
#[tokio::test(start_paused = true)]
async fn a_read_does_not_join_one_from_before_the_end_of_a_write() {
    for how in 0..3 {
        let bench = Bench::new();
        let mut before = bench.waiting(read(Wish::default()));
        let write = bench.waiting(write());
        // Beside the write, either answer is a right one.
        let mut beside = bench.waiting(read(Wish::default()));
        assert_eq!(bench.asked(), 2);
        let kept = ends(&bench, 1, write, how);
        let mut after = bench.waiting(read(Wish::default()));
        let mut later = bench.waiting(read(Wish::default()));
        assert_eq!(bench.asked(), 3, "joined one from before");
        // The one that was closed goes on for those who are in it, and closes none in its turn that
        // began later and is not answered.
        drop(before.poll());
        bench.answer(2, "new");
        assert_eq!((body(&mut after), body(&mut later)), ("new", "new"));
        bench.answer(0, "old");
        assert_eq!((body(&mut beside), body(&mut before)), ("old", "old"));
        drop(kept);
        bench.is_at_rest();
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_was_closed_and_given_up_leaves_the_later_one_open() {
    let bench = Bench::new();
    let before = bench.waiting(read(Wish::default()));
    bench.layer.changed();
    let _after = bench.waiting(read(Wish::default()));
    drop(before);
    let _joins = bench.waiting(read(Wish::default()));
    assert_eq!((bench.asked(), bench.layer.joined()), (2, 1));
}

/// The earlier of two reads may have met the server after the later one did.
#[tokio::test(start_paused = true)]
async fn who_has_an_answer_gets_no_older_one_from_a_read_that_began_before_it_came() {
    let bench = Bench::new();
    let mut closed = bench.waiting(read(Wish::default()));
    bench.layer.changed();
    let _later = bench.waiting(read(Wish::default()));
    bench.answer(0, "as of now");
    assert_eq!(body(&mut closed), "as of now");
    let _anew = bench.waiting(read(Wish::default()));
    assert_eq!(bench.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_closes_nothing() {
    let bench = Bench::new();
    let _read = bench.waiting(read(Wish::default()));
    let mut head = read(Wish::default());
    *head.method_mut() = Method::HEAD;
    drop(bench.waiting(head));
    // A POST that its operation says is safe, as a search is.
    let mut search = read(Wish::default());
    *search.method_mut() = Method::POST;
    drop(bench.waiting(search));
    let _joins = bench.waiting(read(Wish::default()));
    assert_eq!(bench.asked(), 3);
    // And one of which nothing is said is a write.
    let mut post = bare(URI);
    *post.method_mut() = Method::POST;
    drop(bench.waiting(post));
    let _anew = bench.waiting(read(Wish::default()));
    assert_eq!(bench.asked(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_write_closes_reads_whenever_the_layer_was_off_meanwhile() {
    let bench = Bench::of(CoalesceLayer::off());
    let write = bench.waiting(write());
    bench.layer.set_enabled(true);
    let _before = bench.waiting(read(Wish::default()));
    bench.layer.set_enabled(false);
    drop(write);
    bench.layer.set_enabled(true);
    let _after = bench.waiting(read(Wish::default()));
    assert_eq!(bench.asked(), 3);
}

#[derive(Clone, Debug)]
enum Step {
    Read,
    Write,
    /// Somebody else writes.
    Changes,
    /// A request meets the server.
    Meets(prop::sample::Index),
    /// Its answer comes.
    Answers(prop::sample::Index),
    Polls(prop::sample::Index),
    Drops(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => Just(Step::Read),
        1 => Just(Step::Write),
        1 => Just(Step::Changes),
        4 => index().prop_map(Step::Meets),
        4 => index().prop_map(Step::Answers),
        6 => index().prop_map(Step::Polls),
        1 => index().prop_map(Step::Drops),
    ]
}

/// One call of the model, with what its caller knew when it began.
struct Caller {
    call: Calling,
    knew: usize,
}

/// Versions as bodies.
const VERSIONS: &[&str] = &[
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32",
    "33", "34", "35", "36", "37", "38", "39", "40",
];

proptest! {
    /// A server with a version, that each request meets at some moment between its call and its
    /// answer. Whatever any caller has been told, by a write's answer or a read's, no read that
    /// begins afterwards is told less.
    #[test]
    fn nobody_goes_back_in_time(steps in prop::collection::vec(step(), 1..80)) {
        let bench = Bench::new();
        let mut version = 0;
        let mut known = 0;
        // By the number of the request: the version that it met.
        let mut met: BTreeMap<usize, usize> = BTreeMap::new();
        let mut callers: Vec<Caller> = Vec::new();
        for step in steps {
            let unmet: Vec<_> = (0..bench.asked()).filter(|number| !met.contains_key(number)).collect();
            match step {
                Step::Read => {
                    let call = bench.call(read(Wish::default()));
                    callers.push(Caller { call, knew: known });
                }
                Step::Write => callers.push(Caller { call: bench.call(write()), knew: 0 }),
                Step::Changes if version < 40 => version += 1,
                Step::Meets(index) if !unmet.is_empty() => {
                    let number = *index.get(&unmet);
                    let writes = bench.with(number, |asked| asked.request.method() == Method::POST);
                    version += usize::from(writes && version < 40);
                    met.insert(number, version);
                }
                Step::Answers(index) if !met.is_empty() => {
                    let numbers: Vec<_> = met.keys().copied().collect();
                    let number = *index.get(&numbers);
                    // Nobody may wait for it any more.
                    if let Some(answer) = bench.with(number, |asked| asked.answer.take()) {
                        let _ = answer.send(Ok(Response::new(VERSIONS[met[&number]])));
                    }
                }
                Step::Polls(index) if !callers.is_empty() => {
                    let at = index.index(callers.len());
                    if let Poll::Ready(answer) = callers[at].call.poll() {
                        let told: usize = answer.expect("an answer").into_body().parse().expect("a number");
                        let caller = callers.remove(at);
                        prop_assert!(told >= caller.knew, "told {told}, knew {}", caller.knew);
                        known = known.max(told);
                    }
                }
                Step::Drops(index) if !callers.is_empty() => {
                    let at = index.index(callers.len());
                    callers.remove(at);
                }
                _ => {}
            }
        }
        drop(callers);
        prop_assert_eq!((bench.alive(), bench.layer.in_flight(), bench.layer.waiting()), (0, 0, 0));
    }
}
