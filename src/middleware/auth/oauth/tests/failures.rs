//! No token to be had.

use futures_util::future::join_all;

use super::*;

#[tokio::test(start_paused = true)]
async fn in_the_pause_after_a_failure_all_fail_at_once_and_nobody_asks() {
    let stack = Stack::over(Shared::default().takes(SECOND, SECOND).then(Turn::Breaks));
    for answered in join_all((0..50).map(|_| stack.call())).await {
        let fault = fault(answered);
        assert_eq!(fault.kind(), FaultKind::Credentials);
        assert_eq!(fault.to_string(), "the token endpoint gave no answer");
        assert!(fault.retry_after().is_some_and(|wait| wait <= SECOND), "{fault:?}");
        let cause = fault.into_source().expect("a cause");
        assert_eq!(cause.to_string(), "no route");
    }
    assert_eq!(stack.world.asked(), 1);
    let started = tokio::time::Instant::now();
    for answered in join_all((0..100).map(|_| stack.call())).await {
        let fault = fault(answered);
        assert_eq!(fault.kind(), FaultKind::Credentials);
        assert!(fault.retry_after().is_some_and(|wait| !wait.is_zero() && wait <= SECOND));
    }
    assert_eq!((stack.world.asked(), started.elapsed()), (1, Duration::ZERO));
    tokio::time::advance(SECOND).await;
    for answered in join_all((0..100).map(|_| stack.call())).await {
        assert_eq!(status(answered), 200);
    }
    assert_eq!(stack.world.asked(), 2);
    assert_eq!(stack.world.seen(), vec!["Bearer t2"; 100], "none was sent without");
}

#[tokio::test(start_paused = true)]
async fn the_pause_grows_and_is_as_long_as_the_endpoint_wants() {
    let mut world = Shared::default();
    for _ in 0..20 {
        world = world.then(Turn::Says(503, None, ""));
    }
    let stack = Stack::over(world.then(Turn::Says(429, Some(120), "")));
    let mut waits = Vec::new();
    for _ in 0..20 {
        let wait = fault(stack.call().await).retry_after().expect("a pause");
        waits.push(wait);
        tokio::time::advance(wait).await;
    }
    assert!(waits[0] <= SECOND && waits[4] > SECOND * 4, "{waits:?}");
    assert!(waits[10..].iter().all(|wait| (MINUTE / 2..=MINUTE).contains(wait)), "{waits:?}");
    let wait = fault(stack.call().await).retry_after().expect("a pause");
    assert!(wait >= MINUTE * 2 && wait <= MINUTE * 3, "{wait:?}");
    tokio::time::advance(MINUTE * 2 - SECOND).await;
    assert_eq!(fault(stack.call().await).to_string(), "the token endpoint answered 429");
    assert_eq!(stack.world.asked(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_refused_is_a_matter_of_settings() {
    let refused = Turn::Says(401, None, r#"{"error": "invalid_client"}"#);
    let stack = Stack::over(Shared::default().then(refused));
    let (call, facts) = stack.call_with(None);
    let fault = fault(call.await);
    assert_eq!((fault.kind(), facts.attempts()), (FaultKind::Config, 1), "not tried again");
    assert_eq!(fault.to_string(), "the token endpoint refuses the client (401, invalid_client)");
    assert!(!format!("{fault:?}").contains("s3cret") && !format!("{fault:?}").contains("our id"));
    // Somebody mends it: nobody has to sit the pause out.
    stack.provider.set_client(client("n3xt")).expect("a client");
    assert_eq!(status(stack.call().await), 200);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let stack = Stack::over(Shared::default().then(Turn::Says(status, None, "")));
        let fault = fault(stack.call().await);
        let said = format!("the token endpoint answered {status}, and that is not followed");
        assert_eq!((fault.to_string(), stack.world.asked()), (said, 1));
    }
}

#[test]
fn a_client_that_cannot_be_is_refused_before_anything_is_sent() {
    let service = service_fn(|_: Request<Full<Bytes>>| async {
        Err::<Response<Full<Bytes>>, _>(BoxError::from("never asked"))
    });
    let refused = |client: Client| {
        let fault = ClientCredentials::new(client, service).expect_err("refused");
        assert_eq!(fault.kind(), FaultKind::Config);
        let shown = format!("{fault} {fault:?}");
        assert!(!shown.contains("hush") && !shown.contains("us3r"), "{shown}");
    };
    for url in ["http://id.test/token", "id.test", "", "https://us3r:hush@id.test/", "ftp://x/"] {
        refused(Client::new(url, "us3r", "hush"));
    }
    refused(Client::new("https://id.test/token", "", "hush"));
    refused(Client::new("https://id.test/token", "us3r", ""));
    let local = Client::new("http://127.0.0.1:1/token", "us3r", "hush");
    assert!(ClientCredentials::new(local, service).is_ok());
    let trusted = Client::new("http://id.test/token", "us3r", "hush").allow_insecure(true);
    assert!(ClientCredentials::new(trusted, service).is_ok());
}
