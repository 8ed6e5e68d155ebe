//! What counts as a failure, and what as an answer.

use super::*;

/// Every way in which an attempt may end, and what a closed circuit makes of ten of them: how many count,
/// how many as failures. Last, what a half-open one makes of it: whether the probe passed, if it says
/// anything.
fn ways() -> Vec<(Manner, [u32; 2], Option<bool>)> {
    let fault = Manner::fault;
    let mut ways = vec![
        (Manner::Answer(200), [10, 0], Some(true)),
        (Manner::Answer(204), [10, 0], Some(true)),
        (Manner::Answer(404), [0, 0], Some(true)),
        (Manner::Answer(409), [0, 0], Some(true)),
        (Manner::Answer(429), [0, 0], Some(true)),
        (Manner::Answer(302), [0, 0], Some(true)),
        (Manner::Answer(500), [10, 10], Some(false)),
        (Manner::Answer(503), [10, 10], Some(false)),
        (Manner::Break, [10, 10], Some(false)),
        (fault(FaultKind::Connect), [10, 10], Some(false)),
        (fault(FaultKind::Unprocessed), [10, 10], Some(false)),
        (fault(FaultKind::Interrupted), [10, 10], Some(false)),
        (fault(FaultKind::Incomplete), [10, 10], Some(false)),
        (fault(FaultKind::AttemptTimeout), [10, 10], Some(false)),
        // The server answered, and at length.
        (fault(FaultKind::BodyTooLarge { limit: 1 }), [0, 0], Some(true)),
        // The server knows nothing of these.
        (fault(FaultKind::Config), [0, 0], None),
        (fault(FaultKind::Deadline), [0, 0], None),
    ];
    for rejection in [
        Rejection::RateLimited,
        Rejection::QueueFull,
        Rejection::Shed,
        Rejection::CircuitOpen,
        Rejection::Closed,
    ] {
        ways.push((fault(FaultKind::Rejected(rejection)), [0, 0], None));
    }
    ways
}

#[tokio::test(start_paused = true)]
async fn a_closed_circuit_counts_what_says_how_the_server_is() {
    for (manner, [calls, failures], _) in ways() {
        let bench = Bench::with(Settings::new().min_calls(11));
        bench.calls(10, manner.clone()).await;
        let status = bench.status();
        assert_eq!([status.calls, status.failures], [calls, failures], "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_answer_in_time_passes_a_probe_but_a_broken_servers() {
    for (manner, _, passes) in ways() {
        let bench = Bench::with(Settings::new().min_calls(10).passes(1));
        bench.wait_until_probing().await;
        let reached = bench.server.reached();
        bench.calls(1, manner.clone()).await;
        assert_eq!(bench.server.reached(), reached + 1);
        let expected = match passes {
            Some(true) => CircuitState::Closed,
            Some(false) => CircuitState::Open,
            None => CircuitState::HalfOpen,
        };
        assert_eq!((bench.state(), bench.status().probes), (expected, 0), "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_says_what_an_answer_means() {
    #[derive(Clone)]
    struct TeapotsAreDown;

    impl<B> crate::call::Classifier<B> for TeapotsAreDown {
        fn classify(&self, response: &Response<B>) -> crate::call::Class {
            match response.status() {
                StatusCode::IM_A_TEAPOT => crate::call::Class::Unavailable,
                _ => crate::call::Class::Success,
            }
        }
    }

    let server = Server::new();
    let layer = BreakerLayer::new(Settings::new().min_calls(5)).classifier(TeapotsAreDown);
    let service = layer.layer(server.clone());
    for (status, state) in [(500, CircuitState::Closed), (418, CircuitState::Open)] {
        server.does(Manner::Answer(status));
        for _ in 0..5 {
            let _ = service.clone().oneshot(request_to(URL)).await;
        }
        assert_eq!(layer.circuits().list()[0].state, state);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_without_facts_are_calls_like_any_other() {
    let bench = Bench::new();
    bench.server.does(FAILS);
    for _ in 0..10 {
        let bare = Request::get(URL).body(Full::default()).expect("a request");
        bench.layer.layer(bench.server.clone()).oneshot(bare).await.expect("an answer");
    }
    assert_eq!(bench.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_no_origin_goes_by() {
    let bench = Bench::with(Settings::new().min_calls(1));
    bench.server.does(FAILS);
    for url in ["/v1/Sessions", "https://user:secret@api.test/"] {
        for _ in 0..3 {
            bench.call_to(url).await.expect("an answer");
        }
    }
    assert!(bench.layer.circuits().list().is_empty());
}
