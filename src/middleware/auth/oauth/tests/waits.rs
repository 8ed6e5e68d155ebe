//! One question, however many wait for its answer, and whoever of them leaves.

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};
use tokio_test::task;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_at_once_ask_once() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND));
    for answered in join_all((0..100).map(|_| stack.call())).await {
        assert_eq!(status(answered), 200);
    }
    assert_eq!(stack.world.asked(), 1);
    assert_eq!(stack.world.seen(), vec!["Bearer t1"; 100]);
    let asked = stack.world.with(|world| world.asked.clone());
    let form = "grant_type=client_credentials&client_id=our%20id&client_secret=s3cret";
    assert_eq!(asked, [form]);
}

/// Each of them is the one that polls the question when it is dropped.
#[tokio::test(start_paused = true)]
async fn whoever_leads_may_leave() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND));
    let mut calls: Vec<_> = (0..10).map(|_| task::spawn(stack.call())).collect();
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }
    let last = calls.pop().expect("ten");
    for mut leader in calls {
        tokio::time::advance(SECOND / 20).await;
        let _ = leader.poll();
        drop(leader);
    }
    assert_eq!(status(last.await), 200);
    assert_eq!(stack.world.asked(), 1);
}

/// Calls that all have less time than the way to a token takes: the bug would be that each began anew.
#[tokio::test(start_paused = true)]
async fn the_last_who_leaves_leaves_the_question_to_the_next_call() {
    let stack = Stack::over(Shared::default().takes(SECOND * 3, SECOND / 10));
    for _ in 0..3 {
        assert!(timeout(SECOND * 4 / 5, stack.call()).await.is_err());
        assert_eq!(stack.world.with(|world| world.asking), 1, "no more than one");
    }
    assert_eq!(status(timeout(SECOND, stack.call()).await.expect("in time")), 200);
    assert_eq!((stack.world.asked(), stack.world.with(|world| world.asking)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_left_for_long_is_asked_anew() {
    let stack = Stack::over(Shared::default().then(Turn::Hangs));
    assert!(timeout(SECOND, stack.call()).await.is_err());
    tokio::time::advance(SECOND * 8).await;
    assert!(timeout(SECOND / 2, stack.call()).await.is_err());
    assert_eq!(stack.world.asked(), 1);
    tokio::time::advance(SECOND).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!((stack.world.asked(), stack.world.with(|world| world.asking)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_was_not_sent() {
    let stack = Stack::over(Shared::default().takes(SECOND * 5, SECOND));
    let (call, facts) = stack.call_with(None);
    assert!(timeout(SECOND, call).await.is_err());
    assert_eq!((facts.effect(), facts.is_queued()), (Effect::None, true));
    let (call, facts) = stack.call_with(None);
    assert!(timeout(SECOND * 9 / 2, call).await.is_err());
    assert_eq!((facts.effect(), facts.is_queued()), (Effect::Unknown, false), "that one was");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_hangs_is_given_up_for_all() {
    let stack = Stack::over(Shared::default().then(Turn::Hangs));
    let started = Instant::now();
    for answered in join_all((0..10).map(|_| stack.call())).await {
        let fault = fault(answered);
        assert_eq!(fault.kind(), FaultKind::Credentials);
        assert!(fault.to_string().contains("within 30 s"), "{fault}");
    }
    assert_eq!(started.elapsed(), MINUTE / 2);
    assert_eq!(stack.world.with(|world| world.asking), 0);
}

#[tokio::test(start_paused = true)]
async fn what_panics_has_failed_and_may_be_asked_again() {
    let stack = Stack::over(Shared::default().then(Turn::Panics));
    let calls = join_all((0..10).map(|_| stack.call())).await;
    assert!(calls.into_iter().all(|answered| fault(answered).to_string().contains("panicked")));
    tokio::time::advance(MINUTE).await;
    assert_eq!(status(stack.call().await), 200);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_a_request_that_must_not_go() {
    let stack = Stack::over(Shared::default());
    let mut request = Stack::request(None);
    *request.uri_mut() = "https://evil.test/".parse().expect("a URL");
    let api = stack.world.clone();
    let service = ServiceBuilder::new()
        .layer(stack.layer.clone())
        .service(service_fn(move |request| api.clone().answer(request)));
    assert_eq!(fault(service.oneshot(request).await).kind(), FaultKind::Config);
    assert_eq!((stack.world.asked(), stack.world.seen()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_dropped_takes_the_question_along() {
    let stack = Stack::over(Shared::default().then(Turn::Gives(LIFE)).then(Turn::Hangs));
    assert_eq!(status(stack.call().await), 200);
    tokio::time::advance(LIFE - MINUTE).await;
    assert_eq!(status(stack.call().await), 200);
    let world = stack.world.clone();
    assert_eq!(world.with(|world| world.asking), 1, "ahead of time, and kept");
    drop(stack);
    assert_eq!(world.with(|world| world.asking), 0);
}
