//! An open circuit sends nothing: the attempt goes on to the next endpoint at once.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_passed_by_within_the_attempt() {
    for call in [read(), write()] {
        let layer = over(&[A, B, C]);
        let doors = Doors::new(|host| if host == C { OK } else { Act::Open(None) });
        let known = facts(&call);
        let start = Instant::now();
        assert!(once(&layer, &doors, call).await.is_ok());
        let seen = doors.seen();
        assert_eq!(seen.last().map(String::as_str), Some(C));
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "each at most once: {seen:?}");
        assert_eq!((known.endpoint(), start.elapsed()), (Some(2), Duration::ZERO));
        // It is not held against anybody, for nobody was asked.
        let health = layer.endpoints().health();
        assert!(health.iter().all(|health| health.failures == 0 && health.pending == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_arrives_at_the_next_endpoint() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let below = tower::service_fn(move |call: Call| {
        let log = Arc::clone(&log);
        async move {
            let (head, body) = call.into_parts();
            let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
            let line = format!("{} {} {:?}", head.method, head.uri, body);
            let extensions = head.extensions.len();
            log.lock().unwrap().push((line, head.headers["x-own"].clone(), extensions));
            if head.uri.host() == Some(A) {
                let kind = FaultKind::Rejected(Rejection::CircuitOpen);
                return Err(BoxError::from(Fault::new(kind, "open")));
            }
            Ok(Response::new(()))
        }
    });
    let mut call = write();
    call.headers_mut().insert("x-own", "kept".parse().unwrap());
    call.extensions_mut().insert(7_u8);
    over(&[A, B]).layer(below).oneshot(call).await.unwrap();
    let line = |host| format!("POST https://{host}/v1/Services?a=b b\"Ttl=60\"");
    let seen = seen.lock().unwrap();
    let expected = [A, B].map(|host| (line(host), "kept".parse().unwrap(), 2));
    assert_eq!(*seen, expected);
}

#[tokio::test(start_paused = true)]
async fn where_every_circuit_is_open_the_refusal_that_ends_soonest_is_the_answer() {
    for (a, b, c, soonest) in [
        (Some(9), Some(3), Some(5), Some(3)),
        (Some(3), Some(5), None, Some(3)),
        (None, Some(5), Some(9), Some(5)),
        (None, None, None, None),
    ] {
        let doors = Doors::new(move |host| {
            Act::Open(match host {
                A => a,
                B => b,
                _ => c,
            })
        });
        let layer = over(&[A, B, C]);
        let error = once(&layer, &doors, write()).await.unwrap_err();
        let fault = Fault::find(&*error).unwrap();
        assert_eq!(fault.kind(), FaultKind::Rejected(Rejection::CircuitOpen));
        assert_eq!(fault.retry_after(), soonest.map(Duration::from_secs));
        assert_eq!(doors.seen(), [A, B, C], "each once, and then no more");
        assert_eq!(pending(&layer), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_of_ours_are_passed_up() {
    for rejection in [Rejection::RateLimited, Rejection::QueueFull, Rejection::Shed] {
        let below = tower::service_fn(move |_: Call| {
            let fault = Fault::new(FaultKind::Rejected(rejection), "no");
            std::future::ready(Err::<Response<()>, _>(BoxError::from(fault)))
        });
        let layer = over(&[A, B]);
        let call = read();
        let known = facts(&call);
        let error = layer.layer(below).oneshot(call).await.unwrap_err();
        let kind = Fault::find(&*error).map(Fault::kind);
        assert_eq!(kind, Some(FaultKind::Rejected(rejection)));
        assert!(known.endpoint().is_some());
        assert!(layer.endpoints().health().iter().all(|health| health.failures == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_acted_waits_for_its_endpoint_s_circuit() {
    let call = write();
    let known = facts(&call);
    known.begin_attempt();
    known.set_endpoint(0);
    known.mark_reached();
    known.mark_sent();
    known.begin_attempt();
    let doors = Doors::new(|host| if host == A { Act::Open(Some(1)) } else { OK });
    assert!(once(&over(&[A, B]), &doors, call).await.is_err());
    assert_eq!(doors.seen(), [A]);
}

/// A stack of somebody's own repeats below the choice: the refusal is of the second try, and the first
/// may have acted.
#[tokio::test(start_paused = true)]
async fn a_write_that_acted_before_the_refusal_does_not_go_on() {
    for (call, seen) in [(write(), 1), (read(), 2)] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let below = tower::service_fn(move |call: Call| {
            log.lock().unwrap().push(call.uri().host().unwrap().to_owned());
            facts(&call).mark_reached();
            facts(&call).mark_sent();
            let kind = FaultKind::Rejected(Rejection::CircuitOpen);
            std::future::ready(Err::<Answer, _>(BoxError::from(Fault::new(kind, "open"))))
        });
        assert!(over(&[A, B]).layer(below).oneshot(call).await.is_err());
        assert_eq!(asked.lock().unwrap().len(), seen);
    }
}

/// The list changes while the call is between two endpoints, and nobody is left.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_finds_nobody_left_ends_with_the_refusal() {
    let layer = over(&[A, B]);
    let endpoints = layer.endpoints();
    let doors = Doors::new(|_| Act::Open(Some(4)));
    let mut stack = layer.layer(doors.clone());
    let mut call = tokio_test::task::spawn(stack.ready().await.unwrap().call(write()));
    // The clone pends once before it is ready.
    assert!(call.poll().is_pending());
    endpoints.hold(1);
    let error = tokio_test::assert_ready!(call.poll()).unwrap_err();
    assert_eq!(Fault::find(&*error).unwrap().retry_after(), Some(4 * SECOND));
    assert_eq!(doors.seen(), [A]);
}
