//! Which headers go on, there and back.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use twilio_proxy::gateway::ForwardLayer;
use twilio_proxy::simulator::FaultPlan;

use crate::world::{SESSION, SESSIONS, ask, empty, get, only, over, post, with, world};

#[tokio::test(start_paused = true)]
async fn what_is_end_to_end_goes_on_and_the_rest_stays() {
    let (sent, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    let request = Request::get(SESSION)
        .header("host", "127.0.0.1:4080")
        .header("content-length", "0")
        .header("connection", "close, X-Private")
        .header("x-private", "hop")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("upgrade", "h2c")
        .header("transfer-encoding", "chunked")
        .header("proxy-authorization", "Basic secret")
        .header("proxy-connection", "close")
        .header("authorization", "Basic secret")
        .header("accept", "text/xml")
        .header("accept-encoding", "gzip")
        .header("user-agent", "twilio-python/9")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "10.0.0.1")
        .header("forwarded", "for=10.0.0.1")
        .header("expect", "100-continue")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("tracestate", "a=b")
        .header("baggage", "tenant=1")
        .header("accept-language", "de")
        .header("x-twilio-webhook-enabled", "true")
        .header("x-request-id", "mine")
        .header("x-many", "1")
        .header("x-many", "2");
    ask(&forward, with(request, "")).await;
    let (request, _) = only(&sent).await;
    let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept-language",
            "baggage",
            "traceparent",
            "tracestate",
            "x-many",
            "x-request-id",
            "x-twilio-webhook-enabled"
        ]
    );
    assert_eq!(request.headers().get_all("x-many").iter().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_loses_what_was_for_the_gateway_alone() {
    let answer = || {
        let response = Response::builder()
            .status(418)
            .header("connection", "X-Private")
            .header("x-private", "hop")
            .header("keep-alive", "timeout=5")
            .header("proxy-authenticate", "Basic")
            .header("trailer", "x")
            .header("content-length", "5")
            .header("x-gateway-effect", "applied")
            .header("x-gateway-recovered", "true")
            .header("twilio-request-id", "RQ1")
            .header("content-type", "text/plain")
            .header("set-cookie", "a=b")
            .header("set-cookie", "c=d");
        Ok(response.body(Full::new(Bytes::from_static(b"short")))?)
    };
    let (_, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), answer);
    let answer = ask(&forward, get(SESSION)).await;
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let kept = [
        "content-type",
        "set-cookie",
        "twilio-request-id",
        "x-gateway-attempts",
        "x-gateway-effect",
    ];
    assert_eq!(names, kept);
    assert_eq!((answer.verdict(), &answer.body[..]), ((418, Some("none")), &b"short"[..]));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_callers_name_for_a_request_is_its_name_at_the_server() {
    let (simulator, forward) = world(FaultPlan::none());
    let mut request = post(SESSIONS, "UniqueName=a");
    request.headers_mut().insert("x-request-id", "ticket-7".parse().unwrap());
    ask(&forward, request).await;
    assert_eq!(simulator.commits()[0].call_id.as_deref(), Some("ticket-7"));
}
