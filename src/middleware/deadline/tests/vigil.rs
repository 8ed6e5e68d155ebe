//! One timer for the call and its attempt, where both are in one task; else each has its own.

use std::future::poll_fn;

use tokio_test::{assert_pending, task};
use tower::service_fn;

use super::*;

/// Both clocks, with what is in between them made by `between`.
fn clocks<S>(
    call: Duration,
    attempt: Duration,
    between: impl FnOnce(AttemptTimeout<Transport>) -> S,
) -> Deadline<S> {
    let attempts = AttemptTimeoutLayer::new(attempt).layer(Transport::taking(3600 * SECOND));
    DeadlineLayer::new(call).layer(between(attempts))
}

/// How the call ends, and after how many seconds.
async fn end<S>(service: Deadline<S>) -> (FaultKind, u64)
where
    S: Service<Call, Response = Answer, Error = BoxError> + Clone,
{
    let start = Instant::now();
    let result = in_the_end(service.oneshot(call().0)).await;
    (fault(result).0, start.elapsed().as_secs())
}

/// A call that nobody wakes would hang the test, and not fail it.
async fn in_the_end<F: Future>(call: F) -> F::Output {
    tokio::time::timeout(9999 * SECOND, call).await.expect("somebody wakes the call")
}

#[tokio::test(start_paused = true)]
async fn while_an_attempt_keeps_vigil_the_deadline_has_no_timer() {
    let (request, _) = call();
    let mut outer = clocks(SECOND, 2 * SECOND, |attempts| attempts);
    let mut ended = task::spawn(outer.call(request));
    assert_pending!(ended.poll());
    assert!(format!("{ended:?}").contains("has_timer: false"), "{ended:?}");
    tokio::time::advance(SECOND + Duration::from_millis(1)).await;
    assert!(ended.is_woken(), "the attempt's timer rings for the call");
    let Poll::Ready(result) = ended.poll() else { panic!("it is over") };
    assert_eq!(fault(result).0, FaultKind::Deadline);
}

#[tokio::test(start_paused = true)]
async fn whichever_ends_first_speaks() {
    let both = |call, attempt| end(clocks(call, attempt, |attempts| attempts));
    assert_eq!(both(SECOND, 2 * SECOND).await, (FaultKind::Deadline, 1));
    assert_eq!(both(3 * SECOND, 2 * SECOND).await, (FaultKind::AttemptTimeout, 2));
}

/// The attempt's timer wakes the other task, which has no reason to wake ours.
#[tokio::test(start_paused = true)]
async fn an_attempt_in_another_task_is_no_watch() {
    let elsewhere = |attempts: AttemptTimeout<Transport>| {
        service_fn(move |request| {
            let attempt = tokio::spawn(attempts.clone().oneshot(request));
            async move { attempt.await.expect("it doesn't panic") }
        })
    };
    assert_eq!(end(clocks(SECOND, 2 * SECOND, elsewhere)).await, (FaultKind::Deadline, 1));
}

/// Two tasks poll side by side: what the other one says in between must not pass for ours.
#[tokio::test(start_paused = true)]
async fn who_else_is_woken_counts_for_nobody() {
    let (request, facts) = call();
    let other = Arc::clone(&facts);
    let meddled = service_fn(move |_: Call| {
        let other = Arc::clone(&other);
        poll_fn(move |_| {
            other.keep_vigil(&Context::from_waker(std::task::Waker::noop()));
            Poll::<Result<Answer, BoxError>>::Pending
        })
    });
    let ended = DeadlineLayer::new(SECOND).layer(meddled).oneshot(request);
    assert_eq!(fault(in_the_end(ended).await).0, FaultKind::Deadline);
    assert_eq!(facts.started().elapsed().as_secs(), 1);
}

/// A queue or a back-off after the attempt: nobody is awake for the deadline then, but the deadline.
#[tokio::test(start_paused = true)]
async fn the_vigil_ends_with_the_attempt() {
    let then_never = |attempts: AttemptTimeout<Transport>| {
        service_fn(move |request| {
            let attempt = attempts.clone().oneshot(request);
            async move {
                let late = attempt.await.expect_err("an hour is too long");
                std::future::pending::<()>().await;
                Err(late)
            }
        })
    };
    assert_eq!(end(clocks(3 * SECOND, SECOND, then_never)).await, (FaultKind::Deadline, 3));
}

/// A nested call's deadline may be known where no layer watches it: the attempt's own end still counts.
#[tokio::test(start_paused = true)]
async fn an_attempt_whose_deadline_nobody_watches_ends_by_its_timeout() {
    let (request, facts) = call();
    facts.tighten_deadline(facts.started() + SECOND);
    let attempts = AttemptTimeoutLayer::new(2 * SECOND).layer(Transport::taking(9 * SECOND));
    assert_eq!(fault(in_the_end(attempts.oneshot(request)).await).0, FaultKind::AttemptTimeout);
    assert_eq!(facts.started().elapsed().as_secs(), 2);
}
