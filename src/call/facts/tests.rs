use super::*;

#[test]
fn the_digits_of_an_id_are_both_halves_in_hexadecimal() {
    let id = CallId { run: 0x0123_4567_89ab_cdef, number: 0xfe };
    assert_eq!(id.to_string(), "0123456789abcdef00000000000000fe");
}

/// What layers and transport say of a call, in the order in which they say it.
#[derive(Clone, Copy, Debug)]
enum Said {
    Begins,
    Queues,
    GoesOn,
    Reaches,
    Leaves,
    DidNothing,
}

fn effect_after(story: &[Said]) -> Effect {
    let facts = CallFacts::new("sessions.create", Idempotency::Unsafe);
    for said in story {
        match said {
            Said::Begins => drop(facts.begin_attempt()),
            Said::Queues => facts.enter_queue(),
            Said::GoesOn => facts.leave_queue(),
            Said::Reaches => facts.mark_reached(),
            Said::Leaves => facts.mark_sent(),
            Said::DidNothing => facts.mark_harmless(),
        }
    }
    facts.effect()
}

#[test]
fn the_effect_is_none_only_where_somebody_accounts_for_every_attempt() {
    use Said::{Begins, DidNothing, GoesOn, Leaves, Queues, Reaches};
    const REFUSED: [Said; 4] = [Begins, Reaches, Leaves, DidNothing];
    let after_refusal = |then: &[Said]| effect_after(&[&REFUSED, then].concat());

    for nothing_happened in [
        // Without a retry layer nobody begins attempts.
        effect_after(&[Queues]),
        effect_after(&[Queues, GoesOn, Reaches]),
        effect_after(&[Reaches, Leaves, DidNothing]),
        // With one.
        effect_after(&[Begins, Queues]),
        effect_after(&[Begins, Reaches]),
        // In the back-off, in the second attempt's queue, and on its way to a connection.
        after_refusal(&[]),
        after_refusal(&[Begins, Queues]),
        after_refusal(&[Begins, Queues, GoesOn, Reaches]),
        // The first attempt was dropped in its queue, and never went further.
        effect_after(&[Begins, Queues, Begins, Queues]),
        effect_after(&[Begins, Queues, Begins, Queues, GoesOn, Reaches]),
    ] {
        assert_eq!(nothing_happened, Effect::None);
    }
    for anything_may_have_happened in [
        effect_after(&[]),
        effect_after(&[Queues, GoesOn]),
        effect_after(&[Reaches, Leaves]),
        effect_after(&[Begins]),
        effect_after(&[Begins, Reaches, Leaves]),
        // One mark once stood for all attempts, and the second's silence was taken for harmlessness.
        after_refusal(&[Begins]),
        after_refusal(&[Begins, Queues, GoesOn]),
        // The first attempt went out unreported; the second's queue says nothing of it.
        effect_after(&[Begins, Begins, Queues]),
        // Nor does a place that an earlier attempt had when it was dropped.
        effect_after(&[Begins, Queues, Begins]),
    ] {
        assert_eq!(anything_may_have_happened, Effect::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_begins_when_it_has_left_the_queues() {
    let facts = CallFacts::new("", Idempotency::Safe);
    assert_eq!((facts.attempt_started(), facts.endpoint()), (None, None));
    tokio::time::advance(Duration::from_secs(3)).await;
    let now = Instant::now();
    facts.mark_attempt_started(now);
    facts.set_endpoint(0);
    assert_eq!((facts.attempt_started(), facts.endpoint()), (Some(now), Some(0)));
}

#[test]
fn failures_are_told_apart_by_class_and_never_forgotten() {
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe);
    assert!(!facts.has_failed());
    facts.mark_failed(Class::Unavailable);
    assert!(facts.has_failed() && !facts.has_failed_as(Class::Throttled));
    facts.mark_failed(Class::Throttled);
    facts.mark_failed(Class::Throttled);
    assert!(facts.has_failed_as(Class::Throttled) && facts.has_failed_as(Class::Unavailable));
    assert!(!facts.has_failed_as(Class::Success));
}

/// What a layer measures is a call's time, and not that of the layers between it and the next.
#[tokio::test(start_paused = true)]
async fn in_one_go_there_is_one_moment_and_at_rest_it_is_now() {
    let facts = CallFacts::new("sessions.fetch", Idempotency::Safe);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(facts.now(), Instant::now(), "nobody has it in hand");

    let begun = facts.in_one_go(true);
    assert_eq!(facts.now(), facts.started(), "it has begun just now");
    drop(begun);
    assert_eq!(facts.now(), Instant::now());

    let polled = facts.in_one_go(false);
    let seen = facts.now();
    assert_eq!(seen, Instant::now(), "the first to ask looks at the clock");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(facts.now(), seen, "and all others take its word");
    drop(polled);
    assert_eq!(facts.now(), Instant::now());
}
