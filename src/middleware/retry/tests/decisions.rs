//! What is tried again, and what is not.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;
use crate::call::{Class, Classifier, Effect, Fault, FaultKind, Live, Rejection};

const ENDS: [(Class, Effect); 6] = [
    (Class::Refused, Effect::None),
    (Class::Throttled, Effect::None),
    (Class::Unavailable, Effect::Unknown),
    (Class::NeverSent, Effect::None),
    (Class::Interrupted, Effect::Unknown),
    (Class::Local, Effect::None),
];

fn retried(policy: &StandardPolicy, outcome: &Outcome) -> bool {
    matches!(policy.decide(outcome), Verdict::Retry { .. })
}

#[test]
fn the_table_of_classes() {
    let policy = StandardPolicy::new();
    let decide = |replayable| {
        ENDS.map(|(class, effect)| {
            retried(&policy, &Outcome { replayable, ..Outcome::new(class, effect, 1) })
        })
    };
    //                        refused throttled unavailable never-sent interrupted local
    assert_eq!(decide(true), [false, true, true, true, true, false]);
    assert_eq!(decide(false), [false, true, false, true, false, false]);
}

#[test]
fn a_selected_status_is_judged_by_its_effect() {
    let policy = StandardPolicy::new().retry_status(StatusCode::CONFLICT);
    let conflict = |effect, replayable| Outcome {
        status: Some(StatusCode::CONFLICT),
        replayable,
        ..Outcome::new(Class::Refused, effect, 1)
    };
    // Nothing was done, so even an unsafe call may come again.
    assert!(retried(&policy, &conflict(Effect::None, false)));
    for effect in [Effect::Unknown, Effect::Applied] {
        let may_have_acted = policy.decide(&conflict(effect, false));
        assert_eq!(may_have_acted, Verdict::Stop(Stop::NotReplayable));
        assert!(retried(&policy, &conflict(effect, true)));
    }
    let other = Outcome { status: Some(StatusCode::GONE), ..conflict(Effect::None, false) };
    assert_eq!(policy.decide(&other), Verdict::Stop(Stop::Final));
}

/// A class was once taken for proof: an answer that is only not worth repeating, such as a redirect,
/// counted as one that had done nothing, and whoever selected it created twice.
#[tokio::test(start_paused = true)]
async fn what_is_refused_may_have_acted_all_the_same() {
    let select = |status| {
        let status = StatusCode::from_u16(status).expect("a status");
        RetryLayer::new().policy(StandardPolicy::new().retry_status(status))
    };
    assert_eq!(attempts(&select(302), create(), &[302]).await, 1);
    assert_eq!(attempts(&select(302), fetch(), &[302, 200]).await, 2);
    assert_eq!(attempts(&select(409), create(), &[409, 201]).await, 2);

    // A create whose answer was too large to read: it is done.
    let too_large = || {
        Fault::new(FaultKind::BodyTooLarge { limit: 1 }, "large")
            .with_effect(Effect::Applied)
            .with_status(StatusCode::CREATED)
            .into()
    };
    assert_eq!(attempts_after(&select(201), create(), too_large).await, 1);
}

#[test]
fn each_reason_to_stop_has_its_name() {
    let policy = StandardPolicy::new();
    let throttled = |attempt, retry_after| {
        let wait = Some(Duration::from_secs(retry_after));
        policy.decide(&Outcome {
            retry_after: wait,
            ..Outcome::new(Class::Throttled, Effect::None, attempt)
        })
    };
    assert_eq!(throttled(1, 60), Verdict::Retry { after: Duration::from_secs(60) });
    assert_eq!(throttled(1, 61), Verdict::Stop(Stop::RetryAfter));
    assert_eq!(throttled(4, 0), Verdict::Stop(Stop::Attempts));
    let unknown = policy.decide(&Outcome::new(Class::Interrupted, Effect::Unknown, 1));
    assert_eq!(unknown, Verdict::Stop(Stop::NotReplayable));
}

#[tokio::test(start_paused = true)]
async fn an_unsafe_create_is_not_repeated_after_a_5xx() {
    assert_eq!(attempts(&RetryLayer::new(), create(), &[503]).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unsafe_create_is_repeated_where_the_call_asks_for_it() {
    let call = request(Method::POST, Idempotency::Unsafe, CallOptions::new().replay(true));
    assert_eq!(attempts(&RetryLayer::new(), call, &[503, 201]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_is_not_repeated_where_the_call_forbids_it() {
    let call = request(Method::GET, Idempotency::Safe, CallOptions::new().replay(false));
    assert_eq!(attempts(&RetryLayer::new(), call, &[503]).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_create_is_repeated() {
    assert_eq!(attempts(&RetryLayer::new(), create(), &[429, 429, 201]).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_keyed_create_is_repeated() {
    let call = request(Method::POST, Idempotency::Keyed, CallOptions::new());
    assert_eq!(attempts(&RetryLayer::new(), call, &[500, 201]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_and_a_selected_status_is_not() {
    assert_eq!(attempts(&RetryLayer::new(), fetch(), &[404]).await, 1);
    let layer = RetryLayer::new().policy(StandardPolicy::new().retry_status(StatusCode::CONFLICT));
    assert_eq!(attempts(&layer, create(), &[409, 201]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_goes_up_as_it_is() {
    let (attempts, outcome) = run(&RetryLayer::new(), fetch(), &[500, 502, 503, 504]).await;
    assert_eq!(attempts, 4);
    assert_eq!(outcome.expect("an answer").status(), 504);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_want_another_number_of_attempts() {
    let wanting = |n| request(Method::GET, Idempotency::Safe, CallOptions::new().max_attempts(n));
    let layer = RetryLayer::new().policy(StandardPolicy::new().max_attempts(2));
    assert_eq!(attempts(&layer, fetch(), &[503; 2]).await, 2);
    assert_eq!(attempts(&layer, wanting(1), &[503; 1]).await, 1);
    assert_eq!(attempts(&layer, wanting(6), &[503; 6]).await, 6);
}

#[tokio::test(start_paused = true)]
async fn a_live_policy_can_be_changed_while_it_runs() {
    let policy = Live::new(StandardPolicy::new().max_attempts(3));
    let layer = RetryLayer::new().policy(policy.clone());
    assert_eq!(attempts(&layer, fetch(), &[503; 3]).await, 3);
    policy.set(StandardPolicy::new().max_attempts(1));
    assert_eq!(attempts(&layer, fetch(), &[503; 1]).await, 1);
}

/// Makes calls that meet this fault at the first attempt, and counts attempts.
async fn attempts_after(layer: &RetryLayer, call: Call, fault: fn() -> BoxError) -> u32 {
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let service = tower::service_fn(move |_: Call| {
        let first = counter.fetch_add(1, Relaxed) == 0;
        std::future::ready(if first { Err(fault()) } else { Ok(answer(200)) })
    });
    let outcome = layer.layer(service).oneshot(call).await;
    assert_eq!(outcome.is_ok(), count.load(Relaxed) > 1);
    count.load(Relaxed)
}

#[tokio::test(start_paused = true)]
async fn faults_are_judged_by_what_came_of_them() {
    let connect = || Fault::new(FaultKind::Connect, "refused").into();
    assert_eq!(attempts_after(&RetryLayer::new(), create(), connect).await, 2);

    let broken = || Fault::new(FaultKind::Interrupted, "reset").into();
    assert_eq!(attempts_after(&RetryLayer::new(), create(), broken).await, 1);
    assert_eq!(attempts_after(&RetryLayer::new(), fetch(), broken).await, 2);

    // The same kind, and proof that nothing was sent.
    let unsent = || Fault::new(FaultKind::AttemptTimeout, "slow").with_effect(Effect::None).into();
    assert_eq!(attempts_after(&RetryLayer::new(), create(), unsent).await, 2);

    let deadline = || Fault::new(FaultKind::Deadline, "late").into();
    assert_eq!(attempts_after(&RetryLayer::new(), fetch(), deadline).await, 1);
    let limited = || Fault::new(FaultKind::Rejected(Rejection::RateLimited), "full").into();
    assert_eq!(attempts_after(&RetryLayer::new(), fetch(), limited).await, 1);
}

/// What tower's own layers do to an error: put theirs around it.
#[derive(Debug)]
struct Around(Fault);

impl std::fmt::Display for Around {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("something inside failed")
    }
}

impl std::error::Error for Around {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_found_behind_a_foreign_error() {
    let wrapped = || Around(Fault::new(FaultKind::Connect, "refused")).into();
    assert_eq!(attempts_after(&RetryLayer::new(), create(), wrapped).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_none_of_ours_proves_nothing() {
    let foreign = || BoxError::from("went wrong");
    assert_eq!(attempts_after(&RetryLayer::new(), create(), foreign).await, 1);
    assert_eq!(attempts_after(&RetryLayer::new(), fetch(), foreign).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_error_is_the_fault_itself_works_as_well() {
    let service = tower::service_fn(|_: Call| {
        std::future::ready(Err::<Answer, _>(Fault::new(FaultKind::Connect, "refused")))
    });
    let call = create();
    let facts = facts(&call);
    let fault = RetryLayer::new().layer(service).oneshot(call).await.expect_err("refused");
    assert_eq!((fault.kind(), facts.attempts()), (FaultKind::Connect, 4));
}

#[tokio::test(start_paused = true)]
async fn a_vendors_rules_come_in_by_the_classifier() {
    /// A vendor that says "later" with 403 and 507, and whose 409 leaves something behind.
    #[derive(Clone)]
    struct Odd;
    impl<B> Classifier<B> for Odd {
        fn classify(&self, response: &Response<B>) -> Class {
            match response.status().as_u16() {
                403 | 507 => Class::Throttled,
                409 => Class::Unavailable,
                _ => Class::of_status(response.status()),
            }
        }
    }
    for (status, call, expected) in
        [(403, create(), 200), (507, create(), 200), (409, create(), 409), (409, fetch(), 200)]
    {
        let count = AtomicU32::new(0);
        let service = tower::service_fn(|_: Call| {
            let status = if count.fetch_add(1, Relaxed) == 0 { status } else { 200 };
            std::future::ready(Ok::<_, BoxError>(answer(status)))
        });
        let retry = RetryLayer::new().classifier(Odd).layer(service);
        assert_eq!(retry.oneshot(call).await.expect("an answer").status(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_facts_is_judged_by_its_method() {
    let bare = |method| Request::builder().method(method).body(Full::default()).expect("one");
    assert_eq!(attempts(&RetryLayer::new(), bare(Method::POST), &[503]).await, 1);
    assert_eq!(attempts(&RetryLayer::new(), bare(Method::DELETE), &[503, 204]).await, 2);
}
