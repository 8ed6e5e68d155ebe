//! Writes stay where they may have done something, and are free where they can't have.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;

/// Plays these acts one after the other, and then works.
fn script(acts: &'static [Act]) -> Doors {
    let next = AtomicU32::new(0);
    Doors::new(move |_| acts.get(next.fetch_add(1, Relaxed) as usize).copied().unwrap_or(OK))
}

async fn hosts(call: Call, acts: &'static [Act]) -> Vec<String> {
    let doors = script(acts);
    assert!(whole(&over(&[A, B, C]), &doors, call).await.is_ok());
    doors.seen()
}

fn all_writes() -> [Call; 3] {
    [
        request(Idempotency::Idempotent, CallOptions::new()),
        request(Idempotency::Keyed, CallOptions::new()),
        request(Idempotency::Unsafe, CallOptions::new().replay(true)),
    ]
}

#[tokio::test(start_paused = true)]
async fn writes_go_to_the_first() {
    for call in all_writes() {
        assert_eq!(hosts(call, &[]).await, [A]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_never_sent_moves_on() {
    for call in all_writes() {
        assert_eq!(hosts(call, &[Act::Refuse]).await, [A, B]);
    }
    assert_eq!(hosts(write(), &[Act::Refuse, Act::Refuse]).await, [A, B, A]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_acted_stays() {
    for call in all_writes() {
        assert_eq!(hosts(call, &[Act::Break]).await, [A, A]);
    }
    for call in all_writes() {
        assert_eq!(hosts(call, &[Act::Answer(503, MILLI), Act::Break]).await, [A, A, A]);
    }
    // Wherever that is, and whatever came after it.
    assert_eq!(hosts(write(), &[Act::Refuse, Act::Break, Act::Refuse]).await, [A, B, B, B]);
}

/// 429 is the account's, not the endpoint's.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_told_to_come_later_has_no_reason_to_move() {
    assert_eq!(hosts(write(), &[Act::Answer(429, MILLI)]).await, [A, A]);
    // Nor has one that found its first endpoint down, and was told so by the second: it went back to
    // the one that was down, as if the second had been out of reach as well.
    assert_eq!(hosts(write(), &[Act::Refuse, Act::Answer(429, MILLI)]).await, [A, B, B]);
}

/// The first attempt breaks off, and meanwhile others get the endpoint ejected.
#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_acted_stays_with_an_endpoint_that_is_ejected_held_or_removed() {
    type TakeOut = fn(&Endpoints);
    let out: [(TakeOut, &str); 3] = [
        // Its answer brings it back.
        (|endpoints| assert!(choice::fail(&mut endpoints.group(), 0, 5).is_some()), A),
        (|endpoints| assert!(endpoints.hold(0)), B),
        (|endpoints| endpoints.set([at(B), at(C)]), B),
    ];
    for (take_out, next) in out {
        let layer = over(&[A, B, C]);
        let endpoints = layer.endpoints();
        let first = AtomicU32::new(0);
        let doors = Doors::new(move |_| {
            if first.fetch_add(1, Relaxed) > 0 {
                return OK;
            }
            take_out(&endpoints);
            Act::Break
        });
        assert!(whole(&layer, &doors, write()).await.is_ok());
        assert_eq!(doors.seen(), [A, A]);
        assert!(whole(&layer, &doors, write()).await.is_ok());
        assert_eq!(doors.seen(), [next], "the next call is free");
    }
}

/// Over a transport that reports nothing, with no retry of ours to report in its stead.
#[tokio::test(start_paused = true)]
async fn what_nobody_vouches_for_may_have_acted() {
    let layer = over(&[A, B]);
    let silent = tower::service_fn(|call: Call| async move {
        match call.uri().host() {
            Some(B) => Err(BoxError::from("odd")),
            _ => Ok(Response::new(Collected::new(Bytes::new()))),
        }
    });
    for (idempotency, at) in [(Idempotency::Keyed, 1), (Idempotency::Safe, 0)] {
        let call = request(idempotency, CallOptions::new());
        let known = facts(&call);
        // Somebody else's retry: it was there before, and that is all that is known.
        known.set_endpoint(1);
        let answer = layer.layer(silent).oneshot(call).await;
        assert_eq!((answer.is_ok(), known.endpoint()), (at == 0, Some(at)));
    }
}

#[tokio::test(start_paused = true)]
async fn reads_move_after_every_failure() {
    let mut acts = [Act::Break, Act::Answer(503, MILLI), Act::Refuse].into_iter();
    let acts = Mutex::new(move || acts.next());
    let doors = Doors::new(move |_| (acts.lock().unwrap())().unwrap_or(OK));
    assert!(whole(&over(&[A, B]), &doors, read()).await.is_ok());
    let seen = doors.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
}

/// The look for a lost create must go where the create went.
#[tokio::test(start_paused = true)]
async fn a_call_that_asks_for_an_endpoint_goes_there_and_nowhere_else() {
    for act in [OK, Act::Open(None)] {
        let layer = over(&[A, B]);
        let doors = Doors::new(move |_| act);
        layer.endpoints().hold(1);
        for idempotency in [Idempotency::Safe, Idempotency::Keyed] {
            let call = request(idempotency, CallOptions::new().at_endpoint(1));
            assert_eq!(once(&layer, &doors, call).await.is_ok(), act == OK);
            assert_eq!(doors.seen(), [B]);
        }
        assert_eq!(pending(&layer), 0);
    }
    let doors = script(&[Act::Refuse, Act::Break]);
    let call = request(Idempotency::Safe, CallOptions::new().at_endpoint(1));
    assert!(whole(&over(&[A, B]), &doors, call).await.is_ok());
    assert_eq!(doors.seen(), [B, B, B]);
}
