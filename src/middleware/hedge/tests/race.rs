//! Two tries of one call: which is the answer, and what becomes of the other.

use tokio_test::task;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins_though_a_second_try_is_under_way() {
    let outcome = run(&[(150, 200), (900, 404)], read()).await;
    assert_eq!(outcome, (200, 150, vec![0, 100]));
}

#[tokio::test(start_paused = true)]
async fn the_second_try_wins_if_it_answers_first() {
    let outcome = run(&[(900, 200), (30, 404)], read()).await;
    assert_eq!(outcome, (404, 130, vec![0, 100]));
}

#[tokio::test(start_paused = true)]
async fn of_two_answers_at_once_the_first_is_taken() {
    let outcome = run(&[(150, 200), (50, 404)], read()).await;
    assert_eq!(outcome, (200, 150, vec![0, 100]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_before_a_second_try_is_due_fails_at_once() {
    for failure in [0, 429, 500, 503] {
        let outcome = run(&[(99, failure), (1, 200)], read()).await;
        assert_eq!(outcome, (failure, 99, vec![0]));
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_first_fails_the_second_is_waited_for() {
    for failure in [0, 429, 500, 503] {
        let outcome = run(&[(150, failure), (900, 200)], read()).await;
        assert_eq!(outcome, (200, 1000, vec![0, 100]));
        // A definite no is an answer as good as a yes.
        let outcome = run(&[(150, failure), (900, 404)], read()).await;
        assert_eq!(outcome, (404, 1000, vec![0, 100]));
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_second_fails_the_first_is_waited_for() {
    for failure in [0, 429, 500, 503] {
        let outcome = run(&[(900, 200), (50, failure)], read()).await;
        assert_eq!(outcome, (200, 900, vec![0, 100]), "and there is no third");
    }
}

#[tokio::test(start_paused = true)]
async fn where_both_fail_the_firsts_outcome_is_the_answer() {
    assert_eq!(run(&[(150, 503), (100, 500)], read()).await, (503, 200, vec![0, 100]));
    assert_eq!(run(&[(150, 503), (20, 500)], read()).await, (503, 150, vec![0, 100]));
    assert_eq!(run(&[(150, 0), (100, 500)], read()).await, (0, 200, vec![0, 100]));
    assert_eq!(run(&[(150, 500), (100, 0)], read()).await, (500, 200, vec![0, 100]));

    let hedge = HedgeLayer::new(always()).layer(Server::new(&[(150, 0), (100, 0)]));
    let error = hedge.oneshot(read()).await.expect_err("both break");
    assert_eq!(error.to_string(), "broken at 150", "passed on as it is");
}

/// An answer that is too large is so for every try.
#[tokio::test(start_paused = true)]
async fn an_error_that_another_try_would_meet_as_well_is_an_answer() {
    let hedge = HedgeLayer::new(always()).layer(tower::service_fn(|call: Call| async move {
        let facts = facts(&call);
        facts.begin_attempt();
        let is_first = facts.attempts() == 1;
        tokio::time::sleep(ms(if is_first { 150 } else { 900 })).await;
        Err::<Answer, BoxError>(
            Fault::new(FaultKind::BodyTooLarge { limit: 1 }, "too large").into(),
        )
    }));
    let begun = Instant::now();
    assert!(hedge.oneshot(read()).await.is_err());
    assert_eq!(begun.elapsed(), ms(150));
}

/// The loser holds a connection and a place in every limit.
#[tokio::test(start_paused = true)]
async fn the_loser_is_gone_when_the_answer_comes_not_when_the_future_goes() {
    for script in [[(150, 200), (900, 200)], [(900, 200), (50, 200)]] {
        let server = Server::new(&script);
        let mut hedge = HedgeLayer::new(always()).layer(server.clone());
        // Not by `oneshot`, which drops the future with the answer.
        let mut call = task::spawn(hedge.ready().await.expect("ready").call(read()));
        assert!(call.poll().is_pending());
        tokio::time::sleep(ms(100)).await;
        assert!(call.poll().is_pending());
        assert_eq!(server.alive(), 2);
        tokio::time::sleep(ms(50)).await;
        assert!(call.poll().is_ready());
        assert_eq!(server.alive(), 0);
        drop(call);
    }
}

#[tokio::test(start_paused = true)]
async fn both_tries_are_the_same_request_with_the_same_facts() {
    let server = Server::new(&[(900, 200)]);
    let call = read();
    let facts = facts(&call);
    assert!(HedgeLayer::new(always()).layer(server.clone()).oneshot(call).await.is_ok());
    let seen = server.state.seen.lock().expect("unpoisoned");
    assert_eq!(seen.len(), 2);
    for seen in &*seen {
        assert_eq!(seen.body, "the body");
        assert!(seen.facts.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &facts)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_fired_and_what_won_is_counted() {
    let layer = HedgeLayer::new(always());
    let script = [(10, 200), (900, 200), (30, 200), (150, 200), (900, 200), (900, 503), (30, 503)];
    let hedge = layer.layer(Server::new(&script));
    for _ in 0..4 {
        let _ = hedge.clone().oneshot(read()).await;
    }
    assert_eq!(counts(&layer), (3, 1, 0, 0));
}
