//! Who is refused, who is sent away, and when they may come back.

use super::super::Aimd;
use super::*;
use crate::call::Class;

const MS: Duration = Duration::from_millis(1);
const SHED: FaultKind = FaultKind::Rejected(Rejection::Shed);
const FULL: FaultKind = FaultKind::Rejected(Rejection::QueueFull);

fn due(number: u32, within: Duration) -> Request<u32> {
    let request = request(number, Priority::High);
    let facts = CallFacts::of(request.extensions()).expect("facts");
    facts.tighten_deadline(tokio::time::Instant::now() + within);
    request
}

impl<P: LimitPolicy> Bench<P> {
    /// Makes it known that a slot is held for so long, by a call that had to wait for it.
    async fn learn_hold(&mut self, hold: Duration) {
        let mut calls = [self.call(0), self.call(0)];
        for call in &mut calls {
            let _ = call.poll();
            let (_, send) = self.reached().await;
            tokio::time::advance(hold).await;
            send.send_response(Response::new(()));
            assert_ready!(call.poll()).expect("an answer");
        }
        assert_eq!(self.layer.stats().hold, Some(hold));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_would_come_too_late_is_refused_at_once() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    bench.learn_hold(100 * MS).await;
    let _calls: Vec<_> = (0..4).map(|number| bench.call(number)).collect();
    // Three wait: the fourth's turn comes in 300 ms.
    let refused = fault(bench.fresh(due(9, 300 * MS)).poll());
    assert_eq!((refused.kind(), refused.class()), (SHED, Class::Local));
    assert_eq!(refused.retry_after(), Some(300 * MS));
    assert_eq!((bench.layer.waiting(), bench.layer.stats().shed), (3, 1));
    let _fits = bench.send(due(9, 301 * MS));
    assert_eq!(bench.layer.waiting(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lowered_limit_is_counted_among_those_ahead() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    bench.learn_hold(100 * MS).await;
    bench.layer.set_limit(4);
    let _calls: Vec<_> = (0..4).map(|number| bench.call(number)).collect();
    bench.layer.set_limit(2);
    // Two slots come free for nobody, at two in a hundred milliseconds.
    let refused = fault(bench.fresh(due(9, 100 * MS)).poll());
    assert_eq!((refused.kind(), refused.retry_after()), (SHED, Some(100 * MS)));
    let _fits = bench.send(due(9, 101 * MS));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_shed_by_a_guess() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let _calls: Vec<_> = (0..100).map(|number| bench.call(number)).collect();
    // No call that waited has come back yet, so nobody knows how long it takes.
    let _waits = bench.send(due(9, MS));
    assert_eq!(bench.layer.waiting(), 100);
    // But one without any time left needs no estimate, and is not told to come back at once.
    let shed = fault(bench.fresh(due(9, Duration::ZERO)).poll());
    assert_eq!((shed.kind(), shed.retry_after()), (SHED, None));
}

/// With a fixed limit only those who waited were timed. Where nobody may wait, nobody was ever told
/// when to come back.
#[tokio::test(start_paused = true)]
async fn a_limit_without_a_line_says_when_to_come_back_too() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1).max_waiting(0));
    let mut first = bench.call(0);
    let (_, send) = bench.reached().await;
    tokio::time::advance(100 * MS).await;
    send.send_response(Response::new(()));
    assert_ready!(first.poll()).expect("an answer");
    let _second = bench.call(1);
    let refused = fault(bench.fresh(request(9, Priority::High)).poll());
    assert_eq!((refused.kind(), refused.retry_after()), (FULL, Some(100 * MS)));
}

#[tokio::test(start_paused = true)]
async fn a_full_line_says_when_there_will_be_a_place() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1).max_waiting(4));
    bench.learn_hold(100 * MS).await;
    let _calls: Vec<_> = (0..5).map(|number| bench.call(number)).collect();
    let full = |bench: &mut Bench, priority| {
        let refused = fault(bench.fresh(request(9, priority)).poll());
        assert_eq!(refused.kind(), FULL);
        refused.retry_after().expect("known")
    };
    assert_eq!(full(&mut bench, Priority::High), 100 * MS);
    // Two of the four have to go before a low one may see a place.
    assert_eq!(full(&mut bench, Priority::Low), 300 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_higher_priority_takes_the_place_of_the_youngest_of_the_lowest() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1).max_waiting(5));
    bench.learn_hold(100 * MS).await;
    let under_way = bench.call(0);
    let (_, _send) = bench.reached().await;
    let mut low = [1, 2].map(|number| bench.call_as(number, Priority::Low));
    let mut normal = [3, 4].map(|number| bench.call_as(number, Priority::Normal));
    let mut high = vec![bench.call(5)];
    assert_eq!(bench.layer.waiting(), 5);

    // Full for a low one, which displaces nobody, least of all its own kind.
    assert_eq!(fault(bench.fresh(request(9, Priority::Low)).poll()).kind(), FULL);
    high.push(bench.call(6));
    assert!(low[1].is_woken() && !low[0].is_woken());
    let shed = fault(low[1].poll());
    assert_eq!((shed.kind(), shed.retry_after()), (SHED, Some(400 * MS)));
    // A normal one as well, for there is a low one left.
    let mut last = bench.call_as(7, Priority::Normal);
    assert_eq!(fault(low[0].poll()).kind(), SHED);
    assert_eq!(fault(bench.fresh(request(9, Priority::Normal)).poll()).kind(), FULL);
    // Now the youngest normal one has to go.
    high.push(bench.call(8));
    assert_eq!(fault(last.poll()).kind(), SHED);
    assert_eq!((bench.layer.stats().shed, bench.layer.stats().refused), (3, 2));

    // Those who stay go in the order in which they came.
    drop(under_way);
    for (number, call) in (3..).zip(normal.iter_mut().chain(&mut high)) {
        assert!(call.is_woken());
        assert_pending!(call.poll());
        let (reached, send) = bench.reached().await;
        assert_eq!(reached, if number == 7 { 8 } else { number });
        send.send_response(Response::new(()));
        assert_ready!(call.poll()).expect("an answer");
    }
    assert_eq!((bench.layer.in_flight(), bench.layer.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_shed_and_never_asks_leaves_nothing() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1).max_waiting(2));
    let under_way = bench.call(0);
    let low = bench.call_as(1, Priority::Low);
    let mut high = [2, 3].map(|number| bench.call(number));
    drop(low);
    drop(under_way);
    assert_eq!((bench.layer.in_flight(), bench.layer.waiting()), (1, 1));
    assert_pending!(high[0].poll());
    assert!(!high[1].is_woken());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_or_displaced_for_one_whose_time_is_up() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1).max_waiting(2));
    let _under_way = bench.call(0);
    let low = bench.call_as(1, Priority::Low);
    let mut dead = bench.send(due(2, 50 * MS));
    tokio::time::advance(50 * MS).await;
    let _high = bench.call(3);
    assert!(dead.is_woken() && !low.is_woken());
    assert_eq!(fault(dead.poll()).kind(), FaultKind::Deadline);
    assert_eq!((bench.layer.waiting(), bench.layer.stats().shed), (2, 1));
}

/// Where no deadline layer stands above to drop it.
#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_too_late_is_the_next_ones() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::new(1));
    let under_way = bench.call(0);
    bench.reached().await;
    let mut dead = bench.send(due(1, 50 * MS));
    let mut next = bench.call(2);
    tokio::time::advance(50 * MS).await;
    drop(under_way);
    assert_eq!(fault(dead.poll()).kind(), FaultKind::Deadline);
    assert!(next.is_woken());
    assert_eq!(bench.layer.stats().shed, 1);
    assert_pending!(next.poll());
    assert_eq!(bench.reached().await.0, 2);
}

/// A call was once given its slot a moment before its deadline, and cut off in flight.
#[tokio::test(start_paused = true)]
async fn a_slot_that_would_leave_less_than_an_answer_takes_is_not_waited_for() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::adaptive(Aimd::new(1).bounds(1, 1)));
    bench.learn_hold(100 * MS).await;
    let _calls: Vec<_> = (0..4).map(|number| bench.call(number)).collect();
    // Three wait: the fourth's turn comes in 300 ms, and an answer takes 100 more.
    let refused = fault(bench.fresh(due(9, 399 * MS)).poll());
    assert_eq!((refused.kind(), refused.retry_after()), (SHED, Some(300 * MS)));
    let _fits = bench.send(due(9, 400 * MS));
    assert_eq!((bench.layer.waiting(), bench.layer.stats().shed), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_too_late_for_an_answer_is_the_next_ones() {
    let mut bench = Bench::new(ConcurrencyLimitLayer::adaptive(Aimd::new(1).bounds(1, 1)));
    bench.learn_hold(100 * MS).await;
    let under_way = bench.call(0);
    bench.reached().await;
    let request = due(1, 800 * MS);
    let facts = Arc::clone(CallFacts::of(request.extensions()).expect("facts"));
    let mut late = bench.send(request);
    let mut next = bench.call(2);
    tokio::time::advance(701 * MS).await;
    drop(under_way);
    let refused = fault(late.poll());
    assert_eq!(refused.kind(), SHED);
    assert!(refused.retry_after().is_some_and(|after| after > Duration::ZERO));
    assert!(!facts.is_queued() && next.is_woken());
    assert_pending!(next.poll());
    assert_eq!(bench.reached().await.0, 2);
    assert_eq!(bench.layer.stats().shed, 1);
    // With a slot free there is nothing to refuse for.
    drop(next);
    let _hasty = bench.send(due(3, MS));
    assert_eq!(bench.reached().await.0, 3);
}
