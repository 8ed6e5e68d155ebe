//! What a dropped call leaves: nothing, but for the memory of a long wait.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_poll_is_counted_out() {
    for polls in 0..6 {
        let layer = over(&[A, B]);
        // An open circuit first, so that there is readying in between.
        let doors = Doors::new(|host| if host == A { Act::Open(None) } else { Act::Never });
        let mut stack = layer.layer(doors.clone());
        let request = write();
        let known = facts(&request);
        let mut call = tokio_test::task::spawn(stack.ready().await.unwrap().call(request));
        assert_eq!(pending(&layer), 1, "counted in by `call`");
        for _ in 0..polls {
            assert!(call.poll().is_pending());
        }
        let expected = match polls {
            0 => [1, 0],
            1 => [0, 0],
            _ => [0, 1],
        };
        let health = layer.endpoints().health();
        assert_eq!([health[0].pending, health[1].pending], expected, "after {polls} polls");
        drop(call);
        assert_eq!(pending(&layer), 0, "after {polls} polls");
        drop(stack);
        assert_eq!((Arc::strong_count(&doors.alive), Arc::strong_count(&known)), (1, 1));
        assert!(layer.endpoints().health().iter().all(|health| health.failures == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_that_was_given_up_is_a_peak_and_no_failure() {
    let layer = over(&[A, B]);
    let doors = Doors::new(|_| Act::Never);
    for _ in 0..10 {
        let call = once(&layer, &doors, write());
        assert!(tokio::time::timeout(2 * SECOND, call).await.is_err());
    }
    let health = layer.endpoints().health();
    assert_eq!((health[0].latency, health[0].failures), (Some(2 * SECOND), 0));
    assert_eq!(health[0].state, EndpointState::Serving);
    // A short one says nothing.
    let call = once(&layer, &doors, request(Idempotency::Safe, CallOptions::new().at_endpoint(1)));
    assert!(tokio::time::timeout(MILLI, call).await.is_err());
    assert_eq!(layer.endpoints().health()[1].latency, None);
}

#[tokio::test(start_paused = true)]
async fn the_time_in_our_own_queues_is_nobody_s_slowness() {
    let layer = over(&[A, B]);
    // As a limit does, and below it the attempt's span.
    let queue = tower::service_fn(|call: Call| async move {
        let known = facts(&call);
        known.enter_queue();
        sleep(5 * SECOND).await;
        known.leave_queue();
        known.mark_attempt_started(Instant::now());
        sleep(100 * MILLI).await;
        Ok::<_, BoxError>(Response::new(()))
    });
    layer.layer(queue).oneshot(write()).await.unwrap();
    assert_eq!(layer.endpoints().health()[0].latency, Some(100 * MILLI));
    // One that is given up in the queue has not waited for the server at all.
    let call = layer.layer(queue).oneshot(write());
    assert!(tokio::time::timeout(3 * SECOND, call).await.is_err());
    let health = layer.endpoints().health();
    assert!(health[0].latency <= Some(100 * MILLI), "{health:?}");
}

/// Whoever answers is counted out with the answer, not when its caller lets go of the future.
#[tokio::test(start_paused = true)]
async fn an_answered_call_is_counted_out_though_its_future_is_kept() {
    let layer = over(&[A, B]);
    let mut stack = layer.layer(Doors::new(|_| OK));
    let mut call = tokio_test::task::spawn(stack.ready().await.unwrap().call(write()));
    while call.poll().is_pending() {
        advance(MILLI).await;
    }
    assert_eq!(pending(&layer), 0);
}
