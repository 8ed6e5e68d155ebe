//! What a request asks of the gateway.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use twilio_proxy::call::{CallFacts, Priority};
use twilio_proxy::gateway::ForwardLayer;

use crate::world::{SESSION, ask, empty, get, only, over};

fn wishing(name: &'static str, value: &[u8]) -> Request<Full<Bytes>> {
    let mut request = get(SESSION);
    request.headers_mut().insert(name, HeaderValue::from_bytes(value).unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn deadline_and_priority_reach_the_layers_and_no_further() {
    let (sent, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    let mut request = wishing("x-gateway-deadline", b"250ms");
    request.headers_mut().insert("x-gateway-priority", "low".parse().unwrap());
    assert_eq!(ask(&forward, request).await.status, 200);
    let (request, _) = only(&sent).await;
    let options = CallFacts::of(request.extensions()).unwrap().options().unwrap();
    assert_eq!(options.wanted_deadline(), Some(Duration::from_millis(250)));
    assert_eq!(options.wanted_priority(), Priority::Low);
    assert!(request.headers().keys().all(|name| !name.as_str().starts_with("x-gateway")));

    ask(&forward, wishing("x-gateway-deadline", b"3600s")).await;
    let (request, _) = only(&sent).await;
    let options = CallFacts::of(request.extensions()).unwrap().options().unwrap();
    assert_eq!(options.wanted_deadline(), Some(Duration::from_secs(3600)));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_a_400_and_goes_nowhere() {
    let (sent, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    let deadlines: [&[u8]; 13] = [
        b"",
        b"5",
        b"s",
        b"ms",
        b"0s",
        b"0ms",
        b"-5s",
        b"+5s",
        b"1.5s",
        b"5 s",
        b"3601s",
        b"99999999999999999999s",
        b"5s\xff",
    ];
    for text in deadlines {
        let answer = ask(&forward, wishing("x-gateway-deadline", text)).await;
        assert_eq!(answer.verdict(), (400, Some("none")), "{text:?}");
    }
    for (name, text) in [("x-gateway-priority", "HIGH"), ("x-gateway-dedline", "5s")] {
        let answer = ask(&forward, wishing(name, text.as_bytes())).await;
        assert_eq!(answer.verdict(), (400, Some("none")), "{name}");
    }
    let mut twice = wishing("x-gateway-priority", b"low");
    twice.headers_mut().append("x-gateway-priority", "high".parse().unwrap());
    assert_eq!(ask(&forward, twice).await.verdict(), (400, Some("none")));
    assert!(sent.lock().unwrap().is_empty());
}
