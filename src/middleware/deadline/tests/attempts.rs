//! The time-out of one attempt.

use tokio_test::task;

use super::*;
use crate::call::Class;

fn within(limit: Duration, inner: Transport) -> AttemptTimeout<Transport> {
    AttemptTimeoutLayer::new(limit).layer(inner)
}

#[tokio::test(start_paused = true)]
async fn an_attempt_in_time_goes_through() {
    let answer = within(2 * SECOND, Transport::taking(SECOND)).oneshot(call().0).await;
    assert_eq!(answer.expect("an answer").into_body(), "here");
}

#[tokio::test(start_paused = true)]
async fn a_slow_attempt_is_given_up_and_the_time_counts_from_the_attempt() {
    let (request, _) = call();
    tokio::time::advance(9 * SECOND).await;
    let start = Instant::now();
    let slow = within(2 * SECOND, Transport::taking(3 * SECOND)).oneshot(request).await;
    let error = slow.expect_err("slow");
    assert_eq!(error.to_string(), "the attempt did not end within 2s");
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_a_transport_that_reports_can_prove_that_nothing_was_sent() {
    let reached = Report { reached: true, ..Report::default() };
    for (report, effect, class) in [
        (Report::default(), Effect::Unknown, Class::Interrupted),
        (reached, Effect::None, Class::NeverSent),
        (Report { sent: true, ..reached }, Effect::Unknown, Class::Interrupted),
        // Bytes that left at the very last moment, when the attempt was dropped.
        (Report { sent_when_dropped: true, ..reached }, Effect::Unknown, Class::Interrupted),
    ] {
        let slow = within(SECOND, Transport::reporting(report)).oneshot(call().0).await;
        let error = slow.expect_err("slow");
        let fault = Fault::find(error.as_ref()).expect("a fault of ours");
        assert_eq!(fault.kind(), FaultKind::AttemptTimeout);
        assert_eq!((fault.effect(), fault.class()), (effect, class), "{report:?}");
    }
}

/// The facts are those of the whole call. What an earlier attempt sent says nothing of this one,
/// and what reached a transport earlier does not prove that this one did.
#[tokio::test(start_paused = true)]
async fn earlier_attempts_do_not_count() {
    let earlier = || {
        let (request, facts) = call();
        facts.mark_reached();
        facts.mark_sent();
        (request, facts)
    };
    let reached = Report { reached: true, ..Report::default() };
    let (request, facts) = earlier();
    let slow = within(SECOND, Transport::reporting(reached)).oneshot(request).await;
    assert_eq!(fault(slow), (FaultKind::AttemptTimeout, Effect::None));
    // Of this attempt; the call as a whole is another matter.
    assert_eq!(facts.effect(), Effect::Unknown);

    let (request, _) = earlier();
    let slow = within(SECOND, Transport::reporting(Report::default())).oneshot(request).await;
    assert_eq!(fault(slow), (FaultKind::AttemptTimeout, Effect::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_live_setting_counts_for_attempts_that_begin_after_it() {
    let setting = Live::new(5 * SECOND);
    let stack = AttemptTimeoutLayer::new(setting.clone()).layer(Transport::taking(60 * SECOND));
    setting.set(SECOND);
    let start = Instant::now();
    assert!(stack.oneshot(call().0).await.is_err());
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_out_does_not_overflow() {
    let answer = within(Duration::MAX, Transport::taking(3600 * SECOND)).oneshot(call().0).await;
    assert!(answer.is_ok());
}

#[tokio::test(start_paused = true)]
async fn readiness_goes_through_and_the_readied_instance_is_called() {
    let (mock, mut server) = tower_test::mock::pair::<Call, Answer>();
    let mut stack = AttemptTimeoutLayer::new(SECOND).layer(mock);
    server.allow(0);
    let mut ready = task::spawn(stack.ready());
    assert!(ready.poll().is_pending());
    // Waiting to be ready is no attempt: no time-out counts.
    tokio::time::advance(9 * SECOND).await;
    assert!(ready.poll().is_pending());
    server.allow(1);
    // The mock panics where it is called without having been readied itself.
    let Poll::Ready(Ok(ready)) = ready.poll() else { panic!("ready") };
    let attempt = ready.call(call().0);
    let (_, respond) = server.next_request().await.expect("the attempt");
    respond.send_response(Response::new("here"));
    assert!(attempt.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_after_a_drop_or_a_time_out() {
    let transport = Transport::taking(3600 * SECOND);
    let alive = Arc::clone(&transport.alive);
    let mut stack = within(SECOND, transport);
    let idle = Arc::strong_count(&alive);

    let mut dropped = task::spawn(stack.ready().await.expect("ready").call(call().0));
    assert!(dropped.poll().is_pending());
    assert_eq!(Arc::strong_count(&alive), idle + 1);
    drop(dropped);
    assert_eq!(Arc::strong_count(&alive), idle);

    let mut slow = task::spawn(stack.ready().await.expect("ready").call(call().0));
    assert!(slow.poll().is_pending());
    tokio::time::advance(2 * SECOND).await;
    assert!(slow.poll().is_ready());
    assert_eq!(Arc::strong_count(&alive), idle);
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_error_is_the_fault_itself_works_as_well() {
    let service = tower::service_fn(|_: Call| std::future::pending::<Result<Answer, Fault>>());
    let slow = AttemptTimeoutLayer::new(SECOND).layer(service).oneshot(call().0).await;
    assert_eq!(slow.expect_err("slow").kind(), FaultKind::AttemptTimeout);
}

#[test]
fn an_attempt_is_made_outside_a_runtime() {
    let idle = tower::service_fn(|_: Call| std::future::pending::<Result<Answer, BoxError>>());
    let answer = AttemptTimeoutLayer::new(SECOND).layer(idle).call(call().0);
    let result = runtime().block_on(answer);
    assert_eq!(fault(result).0, FaultKind::AttemptTimeout);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_end_is_never_timed_out() {
    let layer = AttemptTimeoutLayer::new(Duration::MAX);
    let answer = layer.layer(Transport::taking(3600 * SECOND)).oneshot(call().0).await;
    assert_eq!(answer.expect("an answer").into_body(), "here");
}
