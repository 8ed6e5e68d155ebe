//! The promises, one function each, over any stack with a probe at its bottom.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::ServiceExt as _;
use twilio_proxy::call::{BoxError, CallFacts, Fault, FaultKind};

use crate::probe::{Odd, PAUSES, Probe, Stack, THINKS, bare_request, request};

/// Far beyond anything that a stack may make a call wait for: who waits longer waits for ever.
const EVER: Duration = Duration::from_secs(1800);

async fn call<B>(stack: impl Stack<B>) -> Result<Response<B>, BoxError> {
    call_with(stack, request()).await
}

async fn call_with<B>(
    stack: impl Stack<B>,
    request: Request<Full<Bytes>>,
) -> Result<Response<B>, BoxError> {
    tokio::time::timeout(EVER, stack.oneshot(request)).await.expect("the stack is stuck")
}

/// The instance that was ready is the one that is called: the probe panics otherwise.
pub(crate) async fn readied<B>(mut stack: impl Stack<B>, probe: &Probe) {
    for request in [request(), bare_request(), request()] {
        let response = stack.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    // As a caller does who keeps the clone and sends the ready one away.
    let ready = stack.ready().await.unwrap();
    let unready = ready.clone();
    let mut ready = std::mem::replace(ready, unready);
    ready.call(request()).await.unwrap();
    call(stack).await.unwrap();
    assert_eq!(probe.take_seen().len(), 5, "each call is one request");
}

/// Being ready takes nothing from the others, for it may be kept for long.
pub(crate) async fn idle<B>(stack: impl Stack<B>) {
    let mut ready: Vec<_> = (0..64).map(|_| stack.clone()).collect();
    for idle in &mut ready {
        tokio::time::timeout(EVER, idle.ready()).await.expect("the stack is stuck").unwrap();
    }
    call(stack).await.unwrap();
}

/// Whatever fails below with an error of its own is seen above as that very error.
pub(crate) async fn foreign_error<B>(stack: impl Stack<B>) {
    for request in [request(), bare_request()] {
        let error = call_with(stack.clone(), request).await.err().expect("an error");
        assert!(error.downcast_ref::<Odd>().is_some(), "another error: {error:?}");
    }
}

/// A fault from below is found above, in the box or along its sources.
pub(crate) async fn fault<B>(stack: impl Stack<B>) {
    let error = call(stack).await.err().expect("an error");
    let fault = Fault::find(&*error).expect("a fault");
    assert_eq!(fault.kind(), FaultKind::Connect);
    assert_eq!(fault.to_string(), "the probe's fault");
}

/// Clones share what they must and block each other in nothing else.
pub(crate) async fn clones<B: Send + 'static>(stack: impl Stack<B>, probe: &Probe) {
    let calls: Vec<_> = (0..16).map(|_| tokio::spawn(call(stack.clone()))).collect();
    // Half of the callers lose patience. The others must not notice.
    tokio::time::sleep(THINKS / 2).await;
    let (impatient, patient): (Vec<_>, Vec<_>) =
        calls.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    for (_, task) in &impatient {
        task.abort();
    }
    for answer in join_all(patient.into_iter().map(|(_, task)| task)).await {
        assert_eq!(answer.unwrap().unwrap().status(), StatusCode::OK);
    }
    drop(join_all(impatient.into_iter().map(|(_, task)| task)).await);
    assert_eq!(probe.alive(), 0);
}

/// A call is polled `k` times and dropped, for every `k` until one is done.
pub(crate) async fn dropped_at_any_poll<B>(mut stack: impl Stack<B>, probe: &Probe) {
    drop(stack.ready().await.unwrap().call(request()));
    assert_eq!(probe.alive(), 0, "after a call that was never polled");
    for polls in 0.. {
        let mut task = tokio_test::task::spawn(stack.clone().oneshot(request()));
        let mut done = false;
        for poll in 0..polls {
            // The last thing that a call waits for is time, so let it pass before the last poll.
            if poll > PAUSES {
                tokio::time::advance(THINKS).await;
            }
            done = task.poll().is_ready();
            if done {
                break;
            }
        }
        drop(task);
        assert_eq!(probe.alive(), 0, "after a call that was dropped at poll {polls}");
        if done {
            assert!(polls > PAUSES + 1, "the probe's own pauses are among the polls: {polls}");
            break;
        }
        assert!(polls < 1000, "it never ends");
    }
    // Permits, turns and tokens are back, or this one would get none.
    call(stack).await.unwrap();
}

/// A call is dropped after each millisecond of its life, those between two attempts included.
pub(crate) async fn dropped_at_any_time<B>(stack: impl Stack<B>, probe: &Probe) {
    for millis in 0..10 * THINKS.as_millis() as u64 {
        let patience = Duration::from_millis(millis);
        drop(tokio::time::timeout(patience, stack.clone().oneshot(request())).await);
        assert_eq!(probe.alive(), 0, "after a call that was dropped at {patience:?}");
    }
    call(stack).await.unwrap();
}

/// What arrives is what was asked, with the facts that the layers above will read.
pub(crate) async fn whole<B>(stack: impl Stack<B>, probe: &Probe) {
    let request = request();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let facts = CallFacts::of(request.extensions()).cloned().expect("facts");
    call_with(stack, request).await.unwrap();
    let seen = probe.take_seen().pop().expect("one request");
    assert_eq!((seen.method, seen.uri), (method, uri));
    assert_eq!(seen.body, "Ttl=60");
    assert_eq!(seen.headers["x-own"], "kept");
    assert!(seen.facts.is_some_and(|seen| Arc::ptr_eq(&seen, &facts)), "the facts are shared");
}
