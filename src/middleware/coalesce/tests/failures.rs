//! Reads that fail, and who hears of it.

use std::error::Error as _;
use std::io;

use http::StatusCode;
use tower::{ServiceBuilder, ServiceExt as _};

use super::*;
use crate::call::{Collected, Fault, FaultKind, Rejection, Rng};
use crate::middleware::deadline::DeadlineLayer;
use crate::middleware::retry::{FullJitter, RetryLayer};

fn rejected(rejection: Rejection) -> Fault {
    Fault::new(FaultKind::Rejected(rejection), "not now").with_retry_after(Duration::from_secs(7))
}

#[track_caller]
fn error(call: &mut Calling) -> BoxError {
    assert_ready!(call.poll()).expect_err("an error")
}

#[track_caller]
fn fault(call: &mut Calling) -> Fault {
    Fault::find(&*error(call)).cloned().expect("a fault")
}

#[tokio::test(start_paused = true)]
async fn who_waits_alone_gets_the_error_as_it_is() {
    let bench = Bench::new();
    let mut call = bench.waiting(read(Wish::default()));
    // Others were here, and have gone.
    drop(bench.waiting(read(Wish::default())));
    bench.fail(0, io::Error::other("reset"));
    assert!(error(&mut call).is::<io::Error>());
    bench.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_shared() {
    let bench = Bench::new();
    let mut calls: Vec<_> = (0..3).map(|_| bench.waiting(read(Wish::default()))).collect();
    let cause = io::Error::other("reset");
    let fault = Fault::new(FaultKind::Incomplete, "broke off").with_source(cause);
    // Inside an error of somebody's own, whom the one who polls last may know.
    bench.fail(0, io::Error::other(fault.with_status(StatusCode::OK)));
    assert!(error(&mut calls[1]).is::<io::Error>());
    for call in [0, 2] {
        let error = error(&mut calls[call]);
        let fault = error.downcast::<Fault>().expect("the fault itself");
        assert_eq!((fault.kind(), fault.status()), (FaultKind::Incomplete, Some(StatusCode::OK)));
        assert_eq!(fault.to_string(), "broke off");
        assert_eq!(fault.source().map(ToString::to_string).as_deref(), Some("reset"));
    }
    assert_eq!(bench.asked(), 1);
    bench.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_foreign_error_is_found_by_all_along_the_sources() {
    let bench = Bench::new();
    let mut calls: Vec<_> = (0..3).map(|_| bench.waiting(read(Wish::default()))).collect();
    bench.fail(0, io::Error::from(io::ErrorKind::ConnectionReset));
    for call in &mut calls {
        let fault = fault(call);
        assert_eq!(fault.kind(), FaultKind::Interrupted);
        let mut said = vec![fault.to_string()];
        let mut next = fault.source();
        let mut found = None;
        while let Some(error) = next {
            said.push(error.to_string());
            found = found.or(error.downcast_ref::<io::Error>().map(io::Error::kind));
            next = error.source();
        }
        assert_eq!(found, Some(io::ErrorKind::ConnectionReset));
        // Each says something of its own.
        assert_eq!(
            (said.len(), said.iter().collect::<std::collections::HashSet<_>>().len()),
            (3, 3)
        );
        assert!(format!("{fault:?}").contains("ConnectionReset"));
    }
    assert_eq!(bench.asked(), 1);
}

/// The rate limit refuses a call whose turn would come after its deadline. Who has more time has not
/// been refused.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_inherited_by_who_has_more_time() {
    let bench = Bench::new();
    let mut hasty = bench.waiting(read(within(1)));
    let mut as_hasty = bench.waiting(read(within(1)));
    let mut patient = bench.waiting(read(within(5)));
    let mut more_patient = bench.waiting(read(within(9)));
    let mut endless = bench.waiting(read(Wish::default()));
    bench.fail(0, rejected(Rejection::RateLimited));
    assert_pending!(patient.poll());
    for call in [&mut hasty, &mut as_hasty] {
        assert_eq!(fault(call).kind(), FaultKind::Rejected(Rejection::RateLimited));
    }
    for call in [&mut more_patient, &mut endless] {
        assert!(call.is_woken());
        assert_pending!(call.poll());
    }
    // One read for all three, with all the time that any of them has: its refusal is for all.
    assert_eq!(bench.asked(), 2);
    bench.with(1, |asked| {
        assert_eq!(asked.facts().deadline(), None);
        assert_eq!(asked.request.uri().to_string(), URI);
    });
    bench.fail(1, rejected(Rejection::RateLimited));
    for call in [&mut more_patient, &mut patient, &mut endless] {
        let fault = fault(call);
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(7)));
    }
    assert_eq!(bench.asked(), 2);
    bench.is_at_rest();
}

/// The one whose poll ends the read may be the one with more time.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_an_opener_that_has_gone_is_nobodys() {
    let bench = Bench::new();
    let opener = bench.waiting(read(within(1)));
    let own = read(within(5));
    let facts = facts(&own);
    let mut stays = bench.waiting(own);
    drop(opener);
    bench.fail(0, rejected(Rejection::Shed));
    assert_pending!(stays.poll());
    bench.answer(1, "at last");
    assert_eq!(body(&mut stays), "at last");
    assert_eq!((facts.sent(), facts.reached()), (2, 2), "what it was part of, and what it asked");
    bench.is_at_rest();
}

/// A full queue is full for all of them, and what the server did is not for us to judge.
#[tokio::test(start_paused = true)]
async fn other_failures_are_for_all() {
    let bench = Bench::new();
    for (number, fault) in
        [Fault::new(FaultKind::AttemptTimeout, "slow"), Fault::new(FaultKind::Connect, "refused")]
            .into_iter()
            .enumerate()
    {
        let mut calls = [bench.waiting(read(within(1))), bench.waiting(read(within(5)))];
        bench.fail(number, fault.clone());
        for call in &mut calls {
            assert_eq!(self::fault(call).kind(), fault.kind());
        }
    }
    let mut calls = [bench.waiting(read(within(5))), bench.waiting(read(within(1)))];
    bench.fail(2, rejected(Rejection::QueueFull));
    calls.iter_mut().for_each(|call| drop(fault(call)));
    assert_eq!(bench.asked(), 3);
}

/// Retry does not begin a sleep that would outlast the deadline. It must be the deadline of the most
/// patient, or the first to come would take the last attempt from all.
#[tokio::test(start_paused = true)]
async fn the_read_has_the_time_of_the_most_patient() {
    let bench = Bench::new();
    let _hasty = bench.waiting(read(within(2)));
    let shared = bench.with(0, |asked| Arc::clone(asked.facts()));
    let seconds = || shared.deadline().map(|at| at.duration_since(shared.started()).as_secs());
    assert_eq!(seconds(), Some(2));
    let patient = bench.waiting(read(within(9)));
    assert_eq!(seconds(), Some(9));
    let _between = bench.waiting(read(within(5)));
    drop(patient);
    assert_eq!(seconds(), Some(9));
    let _endless = bench.waiting(read(Wish::default()));
    assert_eq!(seconds(), None);
}

/// The whole of it, between the layers that it stands between: the first caller's second is over
/// while the read sleeps before its second attempt.
#[tokio::test(start_paused = true)]
async fn each_caller_has_its_own_deadline() {
    let begun = tokio::time::Instant::now();
    let server = tower::service_fn(move |_: Outgoing| async move {
        tokio::time::sleep(Duration::from_millis(990)).await;
        let first = begun.elapsed() < Duration::from_secs(1);
        let status = if first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        let mut response = Response::new(Collected::default());
        *response.status_mut() = status;
        Ok::<_, Fault>(response)
    });
    let layer = CoalesceLayer::new();
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(Duration::from_secs(30)))
        .layer(layer.clone())
        .layer(
            RetryLayer::new()
                .schedule(FullJitter::new().base(Duration::from_secs(9)))
                .rng(Rng::seeded(1)),
        )
        .service(server);
    let call = |within| {
        let wish = CallOptions::new().deadline(Duration::from_secs(within));
        let request = read(wishing(wish));
        let (facts, stack) = (facts(&request), stack.clone());
        tokio::spawn(async move { (stack.oneshot(request).await, begun.elapsed(), facts) })
    };
    let (hasty, patient) = (call(1), call(30));
    let (answer, at, facts) = hasty.await.expect("no panic");
    let fault = answer.expect_err("too late");
    assert_eq!((fault.kind(), at), (FaultKind::Deadline, Duration::from_secs(1)));
    assert_eq!(facts.attempts(), 1);
    let (answer, at, facts) = patient.await.expect("no panic");
    assert_eq!(answer.expect("the second attempt's answer").status(), StatusCode::OK);
    assert!(at > Duration::from_millis(1990));
    assert_eq!((facts.attempts(), layer.joined(), layer.waiting()), (2, 1, 0));
}
