//! A 401 after which the layer below says that there are other credentials by now.

use super::*;
use crate::call::Effect;

/// Answers attempt after attempt: a 401 as that layer lets it through, with its mark.
async fn run_marked(layer: &RetryLayer, call: Call, statuses: &[u16]) -> (Vec<Duration>, u16) {
    let facts = facts(&call);
    let (done, mut server) = start(layer, call);
    let (began, mut times) = (Instant::now(), Vec::new());
    while let Some((_, respond)) = server.next_request().await {
        let status = *statuses.get(times.len()).expect("an attempt too many");
        times.push(began.elapsed());
        if status == 401 {
            facts.mark_stale_credentials();
        }
        respond.send_response(answer(status));
    }
    let status = end(done).await.expect("an answer").status().as_u16();
    assert!(!facts.take_stale_credentials(), "each mark was taken");
    (times, status)
}

#[tokio::test(start_paused = true)]
async fn it_is_made_again_at_once_whatever_it_is_and_once() {
    for call in [create, fetch] {
        let layer = RetryLayer::new();
        let (times, status) = run_marked(&layer, call(), &[401, 200]).await;
        assert_eq!((times, status), (vec![Duration::ZERO; 2], 200));
        let (times, status) = run_marked(&layer, call(), &[401, 401]).await;
        assert_eq!((times.len(), status), (2, 401));
        // In between, what else may happen is dealt with as ever.
        let (times, status) = run_marked(&layer, call(), &[429, 401, 429, 401]).await;
        assert_eq!((times.len(), status), (4, 401));
        assert_eq!(times[1], times[2]);
    }
}

#[tokio::test(start_paused = true)]
async fn it_costs_the_budget_nothing() {
    let budget = Budget::new(0);
    let layer = RetryLayer::new().budget(budget.clone());
    assert_eq!(run_marked(&layer, create(), &[401, 200]).await.1, 200);
    let budget = Budget::new(100);
    let layer = RetryLayer::new().budget(budget.clone());
    assert_eq!(run_marked(&layer, create(), &[401, 401]).await.1, 401);
    assert_eq!(budget.available(), 100);
    // What an attempt before it cost comes back with the call's success.
    assert_eq!(run_marked(&layer, create(), &[429, 401, 200]).await.1, 200);
    assert_eq!(budget.available(), 100);
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_an_attempt_and_without_a_mark_it_is_not_made() {
    let once = RetryLayer::new().policy(StandardPolicy::new().max_attempts(1));
    assert_eq!(run_marked(&once, create(), &[401]).await.0.len(), 1);
    let two = RetryLayer::new().policy(StandardPolicy::new().max_attempts(2));
    assert_eq!(run_marked(&two, create(), &[429, 401]).await.0.len(), 2);
    assert_eq!(attempts(&RetryLayer::new(), create(), &[401]).await, 1);
    let call = create();
    let facts = facts(&call);
    assert_eq!(run_marked(&RetryLayer::new(), call, &[401, 404]).await.1, 404);
    assert_eq!((facts.attempts(), facts.effect()), (2, Effect::None));
}
