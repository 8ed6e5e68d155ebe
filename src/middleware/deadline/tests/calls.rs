//! The deadline of a whole call.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio_test::task;
use tower::limit::ConcurrencyLimitLayer;

use super::*;
use crate::middleware::retry::{FullJitter, RetryLayer};

fn within(limit: Duration, inner: Transport) -> Deadline<Transport> {
    DeadlineLayer::new(limit).layer(inner)
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_goes_through() {
    let (request, facts) = call();
    let start = facts.started();
    let answer = within(2 * SECOND, Transport::taking(SECOND)).oneshot(request).await;
    assert_eq!(answer.expect("an answer").into_body(), "here");
    assert_eq!(facts.deadline(), Some(start + 2 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_late_call_ends_at_the_deadline_which_counts_from_its_beginning() {
    let (request, facts) = call();
    tokio::time::advance(SECOND).await;
    let error = within(3 * SECOND, Transport::taking(9 * SECOND)).oneshot(request).await;
    let error = error.expect_err("late");
    assert_eq!(error.to_string(), "the call did not end within 3s of its beginning");
    let took = facts.started().elapsed();
    assert!((3000..=3001).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_effect_is_what_the_transport_reported() {
    let reached = Report { reached: true, ..Report::default() };
    let sent = Report { sent: true, ..reached };
    for (report, effect) in [
        (Report::default(), Effect::Unknown), // It reports nothing: who knows.
        (reached, Effect::None),
        (sent, Effect::Unknown),
        (Report { harmless: true, ..sent }, Effect::None),
    ] {
        let result = within(SECOND, Transport::reporting(report)).oneshot(call().0).await;
        assert_eq!(fault(result), (FaultKind::Deadline, effect), "{report:?}");
    }
}

/// The effect was once read while the attempt was still alive, and the attempt then went out: "it
/// did nothing" had become a lie.
#[tokio::test(start_paused = true)]
async fn everything_inside_is_dropped_before_the_effect_is_read() {
    let report = Report { reached: true, sent_when_dropped: true, ..Report::default() };
    let result = within(SECOND, Transport::reporting(report)).oneshot(call().0).await;
    assert_eq!(fault(result), (FaultKind::Deadline, Effect::Unknown));
}

/// A full limit of tower's waits in `poll_ready`, where the clock did not run yet: an answer came
/// after an hour for a deadline of five seconds.
#[tokio::test(start_paused = true)]
async fn a_limit_that_waits_to_be_ready_cannot_outwait_the_deadline() {
    let stack = tower::ServiceBuilder::new()
        .layer(DeadlineLayer::new(5 * SECOND))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(Transport::taking(3600 * SECOND));
    let mut first = stack.clone();
    let (long, _) = call_with(CallOptions::new().deadline(7200 * SECOND));
    let _holds_the_permit = tokio::spawn(async move { first.ready().await?.call(long).await });
    tokio::task::yield_now().await;

    let mut second = stack.clone();
    let start = Instant::now();
    let result = second.ready().await.expect("always ready").call(call().0).await;
    // Nobody inside has seen the request.
    assert_eq!(fault(result), (FaultKind::Deadline, Effect::None));
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_up_is_not_begun() {
    let (request, facts) = call();
    facts.tighten_deadline(Instant::now() + SECOND);
    tokio::time::advance(SECOND).await;
    let service = tower::service_fn(|_: Call| -> std::future::Ready<Result<Answer, BoxError>> {
        panic!("called after the deadline")
    });
    let now = Instant::now();
    let result = DeadlineLayer::new(3600 * SECOND).layer(service).oneshot(request).await;
    assert_eq!(fault(result), (FaultKind::Deadline, Effect::None));
    assert_eq!(now.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_gets_ready_at_the_deadline_is_not_called() {
    let (mock, mut server) = tower_test::mock::pair::<Call, Answer>();
    server.allow(0);
    let mut late = task::spawn(DeadlineLayer::new(SECOND).layer(mock).oneshot(call().0));
    assert!(late.poll().is_pending());
    tokio::time::advance(SECOND).await;
    server.allow(1);
    let Poll::Ready(result) = late.poll() else { panic!("the time is up") };
    assert_eq!(fault(result), (FaultKind::Deadline, Effect::None));
}

/// A call that was tried before it came here may have acted then.
#[tokio::test(start_paused = true)]
async fn what_happened_before_is_not_forgotten() {
    let (request, facts) = call();
    facts.begin_attempt();
    facts.mark_reached();
    facts.mark_sent();
    let refused = within(Duration::ZERO, Transport::taking(SECOND)).oneshot(request).await;
    assert_eq!(fault(refused), (FaultKind::Deadline, Effect::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_wish_replaces_the_setting_longer_or_shorter() {
    let ends_after = async |wish: Duration| {
        let (request, facts) = call_with(CallOptions::new().deadline(wish));
        let stack = within(5 * SECOND, Transport::taking(3600 * SECOND));
        assert!(stack.oneshot(request).await.is_err());
        facts.started().elapsed().as_secs()
    };
    assert_eq!(ends_after(2 * SECOND).await, 2);
    assert_eq!(ends_after(60 * SECOND).await, 60);
}

#[tokio::test(start_paused = true)]
async fn of_two_deadlines_the_earlier_holds() {
    for (inherited, expected) in [(2, 2), (60, 5)] {
        let (request, facts) = call();
        facts.tighten_deadline(facts.started() + inherited * SECOND);
        let stack = within(5 * SECOND, Transport::taking(3600 * SECOND));
        assert!(stack.oneshot(request).await.is_err());
        assert_eq!(facts.started().elapsed().as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_wishes_do_not_overflow() {
    for wish in [Duration::MAX, Duration::from_secs(u64::MAX / 4), Duration::from_nanos(u64::MAX)] {
        let (request, facts) = call_with(CallOptions::new().deadline(wish));
        let stack = within(5 * SECOND, Transport::taking(3600 * SECOND));
        assert!(stack.oneshot(request).await.is_ok());
        assert_eq!(facts.started().elapsed().as_secs(), 3600);
    }
    let (request, facts) = call_with(CallOptions::new().deadline(Duration::MAX));
    assert!(within(SECOND, Transport::taking(SECOND)).oneshot(request).await.is_ok());
    assert_eq!(facts.deadline(), None);
}

#[tokio::test(start_paused = true)]
async fn a_live_setting_counts_for_calls_that_begin_after_it() {
    let setting = Live::new(5 * SECOND);
    let stack = DeadlineLayer::new(setting.clone()).layer(Transport::taking(3600 * SECOND));
    let (early, late) = (call(), call());
    let early_one = stack.clone().ready().await.expect("always ready").call(early.0);
    setting.set(SECOND);
    let late_one = stack.clone().ready().await.expect("always ready").call(late.0);
    assert!(late_one.await.is_err());
    assert_eq!(late.1.started().elapsed().as_secs(), 1);
    assert!(early_one.await.is_err());
    assert_eq!(early.1.started().elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_here_is_not_thrown_away_for_being_late() {
    let mut one = task::spawn(within(SECOND, Transport::taking(SECOND)).oneshot(call().0));
    assert!(one.poll().is_pending());
    // Nobody polls until long after both the answer and the deadline.
    tokio::time::advance(9 * SECOND).await;
    assert!(matches!(one.poll(), Poll::Ready(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_to_get_ready_says_why() {
    let (mock, mut server) = tower_test::mock::pair::<Call, Answer>();
    server.send_error("closed for today");
    let error = DeadlineLayer::new(SECOND).layer(mock).oneshot(call().0).await;
    assert_eq!(error.expect_err("closed").to_string(), "closed for today");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_after_a_drop_or_a_deadline() {
    let transport = Transport::taking(3600 * SECOND);
    let alive = Arc::clone(&transport.alive);
    let mut stack = within(SECOND, transport);
    let idle = Arc::strong_count(&alive);

    let mut dropped = task::spawn(stack.call(call().0));
    assert!(Arc::strong_count(&alive) > idle, "waiting to be polled");
    assert!(dropped.poll().is_pending());
    drop(dropped);
    assert_eq!(Arc::strong_count(&alive), idle);

    let mut late = task::spawn(stack.call(call().0));
    assert!(late.poll().is_pending());
    tokio::time::advance(2 * SECOND).await;
    assert!(late.poll().is_ready());
    // The future is still held, and what was inside it is gone.
    assert_eq!(Arc::strong_count(&alive), idle);
    drop(late);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_facts_has_a_deadline_too() {
    let start = Instant::now();
    let result = within(SECOND, Transport::taking(9 * SECOND)).oneshot(Request::new(())).await;
    assert_eq!(fault(result), (FaultKind::Deadline, Effect::Unknown));
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_error_is_the_fault_itself_works_as_well() {
    let service = tower::service_fn(|_: Call| std::future::pending::<Result<Answer, Fault>>());
    let late = DeadlineLayer::new(SECOND).layer(service).oneshot(call().0).await;
    assert_eq!(late.expect_err("late").kind(), FaultKind::Deadline);
}

/// The deadline also ends a sleep between attempts; retry itself begins none that can't end.
#[tokio::test(start_paused = true)]
async fn retry_inside_knows_the_deadline() {
    use crate::call::Collected;
    use bytes::Bytes;
    use http_body_util::Full;

    let service = tower::service_fn(|request: Request<Full<Bytes>>| {
        let facts = CallFacts::of(request.extensions()).expect("facts");
        facts.mark_reached();
        facts.mark_sent();
        facts.mark_harmless();
        let throttled = Response::builder().status(429).header("retry-after", "2");
        let throttled = throttled.body(Collected::default()).expect("a response");
        std::future::ready(Ok::<_, BoxError>(throttled))
    });
    let stack = tower::ServiceBuilder::new()
        .layer(DeadlineLayer::new(5 * SECOND))
        .layer(RetryLayer::new().schedule(FullJitter::new().cap(Duration::ZERO)))
        .service(service);
    let (parts, ()) = call().0.into_parts();
    let start = Instant::now();
    let answer = stack.oneshot(Request::from_parts(parts, Full::default())).await;
    // At 0, 2 and 4 seconds; the fourth would come at 6.
    assert_eq!(answer.expect("the answer itself").status(), 429);
    assert_eq!(start.elapsed().as_secs(), 4);
}

/// A call may be made in one place and awaited in another; only there a runtime is needed. It once
/// panicked where it was made.
#[test]
fn a_call_is_made_outside_a_runtime_and_its_clock_runs_from_its_beginning() {
    let (request, facts) = call();
    let hangs = tower::service_fn(|_: Call| std::future::pending::<Result<Answer, BoxError>>());
    let mut deadline = DeadlineLayer::new(SECOND).layer(hangs);
    let answer = deadline.call(request);
    let error = runtime().block_on(answer).expect_err("late");
    assert_eq!(fault(Err::<(), _>(error)).0, FaultKind::Deadline);
    assert_eq!(facts.deadline(), Some(facts.started() + SECOND));
}

/// A service that counts its clones, and says of itself which one it is.
struct Counted {
    clones: Arc<AtomicUsize>,
    number: usize,
    waits: bool,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        let number = self.clones.fetch_add(1, Relaxed) + 1;
        Self { clones: Arc::clone(&self.clones), number, waits: self.waits }
    }
}

impl Service<Call> for Counted {
    type Response = usize;
    type Error = Fault;
    type Future = std::future::Ready<Result<usize, Fault>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if std::mem::take(&mut self.waits) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Call) -> Self::Future {
        std::future::ready(Ok(self.number))
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_ready_is_not_cloned_and_one_that_waits_keeps_its_place() {
    for waits in [false, true] {
        let clones = Arc::new(AtomicUsize::new(0));
        let counted = Counted { clones: Arc::clone(&clones), number: 0, waits };
        let mut deadline = DeadlineLayer::new(SECOND).layer(counted);
        let number = deadline.ready().await.expect("ready").call(call().0).await;
        // The one that was asked is the one that is called: it may have a place in a queue.
        assert_eq!(number.expect("an answer"), 0, "waits: {waits}");
        assert_eq!(clones.load(Relaxed), usize::from(waits));
    }
}
