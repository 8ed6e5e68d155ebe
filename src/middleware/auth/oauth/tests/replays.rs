//! A token that the server does not take.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_401_ends_the_token_and_the_call_is_made_once_more() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND));
    assert_eq!(status(stack.call().await), 200);
    stack.world.refuse("t1");
    let (call, facts) = stack.call_with(None);
    assert_eq!(status(call.await), 200);
    assert_eq!((facts.attempts(), facts.effect(), stack.world.asked()), (2, Effect::Unknown, 2));
    assert_eq!(stack.world.seen(), ["Bearer t1", "Bearer t1", "Bearer t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_401_goes_up() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND));
    (1..10).for_each(|number| stack.world.refuse(&format!("t{number}")));
    let (call, facts) = stack.call_with(None);
    assert_eq!(status(call.await), 401);
    assert_eq!((facts.attempts(), facts.effect(), stack.world.asked()), (2, Effect::None, 2));
    // The server takes none: calls do not make it an endless run for tokens.
    for _ in 0..20 {
        assert_eq!(status(stack.call().await), 401);
    }
    assert!(stack.world.asked() <= 4, "{} in 20 s", stack.world.asked());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_401s_at_once_are_one_more_token() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND));
    stack.world.refuse("t1");
    let calls = (0..100).map(|_| stack.call());
    for answered in futures_util::future::join_all(calls).await {
        assert_eq!(status(answered), 200);
    }
    assert_eq!((stack.world.asked(), stack.world.seen().len()), (2, 200));
}

/// The answer to a request that was sent with a token which was replaced while it was under way.
#[tokio::test(start_paused = true)]
async fn a_late_401_does_not_end_a_newer_token() {
    let stack = Stack::over(Shared::default());
    assert_eq!(status(stack.call().await), 200);
    stack.world.refuse("t1");
    stack.world.clone().takes(Duration::ZERO, SECOND * 5);
    let mut late = tokio_test::task::spawn(stack.call());
    assert!(late.poll().is_pending());
    stack.provider.set_client(client("n3xt")).expect("a client");
    stack.world.clone().takes(Duration::ZERO, Duration::ZERO);
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.asked(), 2);
    assert_eq!(status(late.await), 200);
    assert_eq!(stack.world.asked(), 2, "the second token is still the one");
    assert_eq!(stack.world.seen().last().map(String::as_str), Some("Bearer t2"));
}

#[tokio::test(start_paused = true)]
async fn without_another_token_the_401_goes_up() {
    let stack = Stack::over(Shared::default().then(Turn::Gives(LIFE)).then(Turn::Breaks));
    stack.world.refuse("t1");
    let (call, facts) = stack.call_with(None);
    assert_eq!(status(call.await), 401);
    assert_eq!(facts.attempts(), 1);
    assert_eq!(fault(stack.call().await).kind(), FaultKind::Credentials, "that token is gone");
}

#[tokio::test(start_paused = true)]
async fn without_a_retry_above_nothing_is_made_again() {
    let stack = Stack::over(Shared::default());
    stack.world.refuse("t1");
    assert_eq!(status(stack.call_once().await), 401);
    assert_eq!(stack.world.seen().len(), 1);
    assert_eq!(status(stack.call_once().await), 200, "the next has the other token");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_like_any_other_counts_as_one() {
    let stack = Stack::over(Shared::default());
    stack.world.refuse("t1");
    let (call, facts) = stack.call_with(Some(CallOptions::new().max_attempts(1)));
    assert_eq!((status(call.await), facts.attempts()), (401, 1));
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_credentials_are_its_own_business() {
    let stack = Stack::over(Shared::default());
    stack.world.refuse("own");
    let own = crate::call::Authorization::new("Bearer own".parse().expect("a header"), None);
    let (call, facts) = stack.call_with(Some(CallOptions::new().authorization(own)));
    assert_eq!((status(call.await), facts.attempts(), stack.world.asked()), (401, 1, 0));
}
