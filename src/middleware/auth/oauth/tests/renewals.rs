//! Ahead of the end, beside calls that go on.

use tokio::time::Instant;

use super::*;

/// Past the moment when a renewal is due for certain, and before the token's end.
const DUE: Duration = Duration::from_secs(3600 - 120);

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_of_time_and_nobody_waits() {
    let stack = Stack::over(Shared::default());
    assert_eq!(status(stack.call().await), 200);
    stack.world.clone().takes(SECOND * 3, SECOND);
    tokio::time::advance(DUE).await;
    // Each call is shorter than the way to a token, and the question goes from one to the next.
    for _ in 0..3 {
        let started = Instant::now();
        assert_eq!(status(stack.call().await), 200);
        assert_eq!(started.elapsed(), SECOND, "the call does not wait for the token");
    }
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.asked(), 2);
    assert_eq!(status(stack.call().await), 200);
    let seen = stack.world.seen();
    assert_eq!((&*seen[3], &*seen[5]), ("Bearer t1", "Bearer t2"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn before_that_nothing_is_asked() {
    let stack = Stack::over(Shared::default());
    for _ in 0..50 {
        assert_eq!(status(stack.call().await), 200);
        tokio::time::advance(MINUTE).await;
    }
    assert_eq!(stack.world.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_its_end_it_is_not_used_any_more() {
    let stack = Stack::over(Shared::default());
    assert_eq!(status(stack.call().await), 200);
    tokio::time::advance(LIFE - Duration::from_secs(29)).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.seen(), ["Bearer t1", "Bearer t2"]);
}

/// A question that was asked ahead of time, and whose call was the last for an hour.
#[tokio::test(start_paused = true)]
async fn what_nobody_went_on_with_is_asked_anew() {
    let hangs = Shared::default().then(Turn::Gives(LIFE)).then(Turn::Hangs);
    let stack = Stack::over(hangs);
    assert_eq!(status(stack.call().await), 200);
    tokio::time::advance(DUE).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.with(|world| world.asking), 1);
    tokio::time::advance(LIFE).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!((stack.world.asked(), stack.world.with(|world| world.asking)), (3, 0));
    assert_eq!(stack.world.seen()[2], "Bearer t3");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_no_failure_while_there_is_a_token() {
    let stack = Stack::over(
        Shared::default().then(Turn::Gives(LIFE)).then(Turn::Breaks).then(Turn::Breaks),
    );
    assert_eq!(status(stack.call().await), 200);
    tokio::time::advance(DUE).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.status().failures, 1);
    assert_eq!(stack.status().problem.as_deref(), Some("the token endpoint gave no answer"));
    // In the pause nobody asks; after it somebody does, and that fails too.
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.asked(), 2);
    tokio::time::advance(SECOND * 2).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!((stack.world.asked(), stack.status().failures), (3, 2));
    tokio::time::advance(SECOND * 3).await;
    assert_eq!(status(stack.call().await), 200);
    assert_eq!((stack.status().failures, stack.status().problem), (0, None));
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.seen().last().map(String::as_str), Some("Bearer t4"));
}

#[tokio::test(start_paused = true)]
async fn another_secret_is_used_for_the_next_token_and_calls_under_way_go_on() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND * 5));
    let mut under_way = tokio_test::task::spawn(stack.call());
    assert!(under_way.poll().is_pending());
    tokio::time::advance(SECOND * 2).await;
    assert!(under_way.poll().is_pending(), "it has its token and is sent");
    stack.provider.set_client(client("n3xt")).expect("a client");
    let started = Instant::now();
    let (first, second) = tokio::join!(under_way, stack.call());
    assert_eq!((status(first), status(second)), (200, 200));
    assert!(started.elapsed() <= SECOND * 6, "nobody waited for a token");
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.seen(), ["Bearer t1", "Bearer t1", "Bearer t2"]);
    let asked = stack.world.with(|world| world.asked.clone());
    assert!(asked[0].ends_with("client_secret=s3cret") && asked[1].ends_with("secret=n3xt"));
    let plain = Client::new("http://id.test/token", "our id", "x".to_owned());
    assert!(stack.provider.set_client(plain).is_err());
    assert_eq!(stack.status().source, "oauth");
}

/// The old secret's token comes when the new one's has been there for a while.
#[tokio::test(start_paused = true)]
async fn what_was_asked_with_another_secret_counts_for_nobody_else() {
    let stack = Stack::over(Shared::default().takes(SECOND * 8, SECOND));
    let mut waits = tokio_test::task::spawn(stack.call());
    assert!(waits.poll().is_pending());
    stack.provider.set_client(client("n3xt")).expect("a client");
    stack.world.clone().takes(SECOND, SECOND);
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.asked(), 2, "nobody waits for the old one");
    assert_eq!(status(waits.await), 200);
    assert_eq!(status(stack.call().await), 200);
    assert_eq!(stack.world.seen(), ["Bearer t2", "Bearer t1", "Bearer t2"]);
}

#[tokio::test(start_paused = true)]
async fn health_shows_how_old_a_token_is() {
    let stack = Stack::over(Shared::default());
    assert_eq!(stack.status().age, None);
    assert_eq!(status(stack.call().await), 200);
    tokio::time::advance(MINUTE).await;
    assert_eq!(stack.status().age, Some(MINUTE));
    assert_eq!(stack.status().expires_in, Some(LIFE - MINUTE - MINUTE / 2));
}
