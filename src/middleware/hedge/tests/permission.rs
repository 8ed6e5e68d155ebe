//! What must not be hedged, and when nothing must.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::call::{Class, Classifier};
use crate::middleware::retry::{FullJitter, RetryLayer};

/// When the tries of this call came, over a server that takes 900 ms.
async fn tries(call: Call) -> Vec<u128> {
    run(&[(900, 200)], call).await.2
}

#[tokio::test(start_paused = true)]
async fn only_what_is_safe_is_hedged() {
    assert_eq!(tries(read()).await, [0, 100]);
    for idempotency in [Idempotency::Idempotent, Idempotency::Keyed, Idempotency::Unsafe] {
        // Whatever the method says, and whatever may be replayed one after the other.
        for options in [CallOptions::new(), CallOptions::new().replay(true)] {
            assert_eq!(tries(request(Method::GET, idempotency, options)).await, [0]);
        }
    }
    let by_post = request(Method::POST, Idempotency::Safe, CallOptions::new());
    assert_eq!(tries(by_post).await, [0, 100]);
}

#[tokio::test(start_paused = true)]
async fn without_facts_the_method_decides() {
    for (method, expected) in [
        (Method::GET, 2),
        (Method::HEAD, 2),
        (Method::POST, 1),
        (Method::PUT, 1),
        (Method::DELETE, 1),
        (Method::PATCH, 1),
    ] {
        let mut call = read();
        call.extensions_mut().clear();
        *call.method_mut() = method.clone();
        assert_eq!(tries(call).await.len(), expected, "{method}");
    }
}

/// Two tries at once are two tries.
#[tokio::test(start_paused = true)]
async fn who_wants_to_be_tried_once_is() {
    let once = CallOptions::new().max_attempts(1);
    assert_eq!(tries(request(Method::GET, Idempotency::Safe, once)).await, [0]);
    let unrepeated = CallOptions::new().replay(false);
    assert_eq!(tries(request(Method::GET, Idempotency::Safe, unrepeated)).await, [0]);
    let twice = CallOptions::new().max_attempts(2);
    assert_eq!(tries(request(Method::GET, Idempotency::Safe, twice)).await, [0, 100]);
}

/// How many tries a slow read makes through this layer.
async fn slow_read<C: Clone + Classifier<Collected>>(layer: &HedgeLayer<C>) -> usize {
    let server = Server::new(&[(900, 200)]);
    assert!(layer.layer(server.clone()).oneshot(read()).await.is_ok());
    server.times().len()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_hedged_while_a_condition_does_not_hold() {
    let (closed, calm) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let holds = |flag: &Arc<AtomicBool>| {
        let flag = Arc::clone(flag);
        move || flag.load(SeqCst)
    };
    let layer = HedgeLayer::new(always()).only_while(holds(&closed)).only_while(holds(&calm));
    for (is_closed, is_calm, expected) in
        [(true, true, 2), (false, true, 1), (true, false, 1), (false, false, 1), (true, true, 2)]
    {
        closed.store(is_closed, SeqCst);
        calm.store(is_calm, SeqCst);
        assert_eq!(slow_read(&layer).await, expected);
    }
    // What was not fired was not paid for.
    assert_eq!(counts(&layer), (2, 0, 0, 3));
    assert_eq!(layer.handle().available(), 3);
}

/// The condition is asked when the hedge is due, not when the call begins.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_meanwhile_is_in_time() {
    let closed = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&closed);
    let layer = HedgeLayer::new(always()).only_while(move || asked.load(SeqCst));
    let (tries, ()) = tokio::join!(slow_read(&layer), async {
        tokio::time::sleep(ms(90)).await;
        closed.store(false, SeqCst);
    });
    assert_eq!(tries, 1);
}

/// Sends one call through the layer and retry, to a server with this script.
async fn send<C: Clone + Classifier<Collected>>(
    layer: &HedgeLayer<C>,
    script: &[Turn],
    call: Call,
) {
    let retry = RetryLayer::new().schedule(FullJitter::new().throttled_base(ms(1)));
    let _ = layer.layer(retry.layer(Server::new(script))).oneshot(call).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_suspends_hedging_for_a_while() {
    // The last attempt of four was throttled; the first of two was, which retry keeps to itself. A
    // write is counted by the server with the reads.
    let scripts: [&[Turn]; 2] = [&[(1, 429)], &[(1, 429), (1, 200)]];
    for (script, is_read) in scripts.into_iter().flat_map(|it| [(it, true), (it, false)]) {
        let layer = HedgeLayer::new(always());
        assert_eq!(slow_read(&layer).await, 2);
        send(&layer, script, if is_read { read() } else { write() }).await;
        assert!(layer.handle().is_suspended());
        assert_eq!(slow_read(&layer).await, 1, "900 ms of ten seconds have passed");
        tokio::time::sleep(ms(9000)).await;
        assert!(layer.handle().is_suspended(), "that one ended after a hundred more");
        tokio::time::sleep(ms(100)).await;
        assert!(!layer.handle().is_suspended());
        assert_eq!(slow_read(&layer).await, 2);
        assert_eq!(counts(&layer), (2, 0, 0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_throttled_means_is_for_the_classifier_to_say() {
    #[derive(Clone, Copy)]
    struct Strange;
    impl Classifier<Collected> for Strange {
        fn classify(&self, answer: &Answer) -> Class {
            if answer.status() == 403 { Class::Throttled } else { Class::Success }
        }
    }
    let layer = HedgeLayer::new(always().suspend_for(ms(1_000_000))).classifier(Strange);
    assert!(layer.layer(Server::new(&[(1, 429)])).oneshot(write()).await.is_ok());
    assert_eq!(slow_read(&layer).await, 2);
    // It is the second try that is refused, and so is not the answer.
    let hedge = layer.layer(Server::new(&[(150, 500), (10, 403)]));
    assert_eq!(status(&hedge.oneshot(read()).await), 500);
    assert_eq!(slow_read(&layer).await, 1);
    tokio::time::sleep(ms(900_000)).await;
    assert_eq!(slow_read(&layer).await, 1);
}

#[tokio::test(start_paused = true)]
async fn other_failures_suspend_nothing() {
    for failure in [0, 404, 500, 503] {
        let layer = HedgeLayer::new(always());
        send(&layer, &[(1, failure)], read()).await;
        send(&layer, &[(1, failure), (1, 200)], write()).await;
        assert_eq!(slow_read(&layer).await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn off_is_off_until_it_is_switched_on() {
    let layer = HedgeLayer::off();
    let handle = layer.handle();
    assert_eq!(slow_read(&layer).await, 1);
    assert_eq!((counts(&layer), handle.available()), ((0, 0, 0, 0), 0));
    handle.set(always());
    assert_eq!(slow_read(&layer).await, 2);
    handle.set(HedgeSettings::off());
    assert_eq!(slow_read(&layer).await, 1);
}

#[tokio::test(start_paused = true)]
async fn switching_off_reaches_calls_that_wait() {
    let layer = HedgeLayer::new(always());
    let (tries, ()) = tokio::join!(slow_read(&layer), async {
        tokio::time::sleep(ms(90)).await;
        layer.handle().set(HedgeSettings::off());
    });
    assert_eq!(tries, 1);
    assert!(!layer.handle().settings().is_on());
}
