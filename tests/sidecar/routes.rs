//! Every route goes where it is meant to, by the name that quotas and spans know.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use twilio_proxy::call::{CallFacts, Idempotency};
use twilio_proxy::gateway::ForwardLayer;
use twilio_proxy::simulator::FaultPlan;

use crate::world::{SESSION, SESSIONS, ask, empty, get, only, over, post, with, world};

#[tokio::test(start_paused = true)]
async fn a_life_of_a_session_passes_through() {
    let (simulator, forward) = world(FaultPlan::none());
    let created = ask(&forward, post(SESSIONS, "UniqueName=order-1&Ttl=60")).await;
    assert_eq!(created.verdict(), (201, None));
    assert_eq!(created.header("x-gateway-attempts"), Some("1"));
    let session = created.json();
    assert_eq!((&session["unique_name"], &session["ttl"]), (&json!("order-1"), &json!(60)));
    let path = format!("{SESSIONS}/{}", session["sid"].as_str().unwrap());

    assert_eq!(ask(&forward, get(&path)).await.json(), session);
    assert_eq!(ask(&forward, get(&format!("{SESSIONS}/order-1"))).await.json(), session);
    let list = ask(&forward, get(&format!("{SESSIONS}?PageSize=1"))).await.json();
    assert_eq!((&list["sessions"], &list["meta"]["page_size"]), (&json!([session]), &json!(1)));

    let closed = ask(&forward, post(&path, "Status=closed")).await;
    assert_eq!((closed.verdict(), &closed.json()["status"]), ((200, None), &json!("closed")));
    let deleted = ask(&forward, with(Request::delete(&path), "")).await;
    assert_eq!((deleted.verdict(), deleted.body.len()), ((204, None), 0));
    let gone = ask(&forward, get(&path)).await;
    assert_eq!(gone.verdict(), (404, Some("none")));
    assert_eq!(gone.json()["code"], 20404);
    assert!(simulator.sessions().is_empty());
}

/// What the gateway below is told of a request: name, template, idempotency, and the Service.
async fn facts(request: Request<Full<Bytes>>) -> (String, String, Idempotency, bool) {
    let (sent, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    ask(&forward, request).await;
    let (request, _) = only(&sent).await;
    let facts = CallFacts::of(request.extensions()).unwrap();
    let text = |text: &str| text.to_owned();
    let has_scope = facts.key().scope.is_some();
    (text(facts.operation()), text(facts.template()), facts.idempotency(), has_scope)
}

#[tokio::test(start_paused = true)]
async fn each_is_counted_and_repeated_as_what_it_is() {
    use Idempotency::{Idempotent, Keyed, Safe, Unsafe};
    const ALL: &str = "/v1/Services/{ServiceSid}/Sessions";
    const ONE: &str = "/v1/Services/{ServiceSid}/Sessions/{Sid}";
    let delete = || with(Request::delete(SESSION), "");
    let other = |method: Method, path: &str| with(Request::builder().method(method).uri(path), "");
    let json = |path: &str| {
        with(Request::post(path).header("content-type", "application/json"), "{\"UniqueName\":1}")
    };
    let participants = format!("{SESSION}/Participants");
    for (request, name, template, idempotency, scope) in [
        (post(SESSIONS, ""), "sessions.create", ALL, Unsafe, true),
        (post(SESSIONS, "UniqueName=a"), "sessions.create", ALL, Keyed, true),
        (post(SESSIONS, "UniqueName="), "sessions.create", ALL, Unsafe, true),
        (post(SESSIONS, "UniqueName=a&UniqueName=b"), "sessions.create", ALL, Unsafe, true),
        // Not UTF-8, no form, a query: it goes as it came, and is never repeated.
        (post(SESSIONS, "UniqueName=%FF"), "sessions.create", ALL, Unsafe, true),
        (json(SESSIONS), "sessions.create", ALL, Unsafe, true),
        (post(&format!("{SESSIONS}?a=b"), "UniqueName=a"), "sessions.create", ALL, Unsafe, true),
        (get(SESSIONS), "sessions.list", ALL, Safe, true),
        (get(SESSION), "sessions.fetch", ONE, Safe, true),
        (post(SESSION, "Status=closed"), "sessions.update", ONE, Idempotent, true),
        (post(&format!("{SESSIONS}/name"), ""), "sessions.update", ONE, Idempotent, true),
        (delete(), "sessions.delete", ONE, Idempotent, true),
        (
            other(Method::DELETE, &format!("{SESSIONS}/name")),
            "sessions.delete",
            ONE,
            Idempotent,
            true,
        ),
        (get(&participants), "other.get", "", Safe, true),
        (post(&participants, ""), "other.post", "", Unsafe, true),
        (other(Method::PUT, "/v1/Services/x"), "other.put", "", Idempotent, false),
        (other(Method::PATCH, "/v1/Services?a"), "other.patch", "", Unsafe, false),
        (other(Method::DELETE, "/v1/Services/x"), "other.delete", "", Idempotent, false),
        (other(Method::HEAD, "/"), "other.head", "", Safe, false),
        (other(Method::OPTIONS, "/v1"), "other.options", "", Safe, false),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        let expected = (name.to_owned(), template.to_owned(), idempotency, scope);
        assert_eq!(facts(request).await, expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_as_it_came_is_the_same_to_the_byte() {
    let (sent, forward) = over("http://127.0.0.1:1/mock", ForwardLayer::new(), empty);
    for path in [
        "/v1/Services/KS00000000000000000000000000000001/Sessions?PageSize=2&PageToken=%2b+a%2Fb&&x",
        "/v1/Services/a%20b//c;d?",
        "/",
    ] {
        ask(&forward, get(path)).await;
        let (request, body) = only(&sent).await;
        assert_eq!(request.uri().to_string(), format!("http://127.0.0.1:1/mock{path}"));
        assert_eq!(body, "");
    }
    let said = with(Request::post("/v1/x").header("content-type", "text/x"), "a=+%41\u{e4}&");
    ask(&forward, said).await;
    let (request, body) = only(&sent).await;
    assert_eq!(
        (&*body, &request.headers()["content-type"]),
        ("a=+%41\u{e4}&", &"text/x".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn what_must_not_go_on_goes_nowhere() {
    let (sent, forward) = over("http://127.0.0.1:1/mock", ForwardLayer::new(), empty);
    for path in ["/v1/../admin", "/v1/%2e%2E/admin", "/v1/..%2fadmin", "/.", "/v1/x%5C..", "*"] {
        let request = Request::builder().method(Method::OPTIONS).uri(path);
        assert_eq!(ask(&forward, with(request, "")).await.verdict(), (400, Some("none")), "{path}");
    }
    for method in [Method::TRACE, Method::CONNECT] {
        let request = Request::builder().method(&method).uri("http://twilio.com:443");
        assert_eq!(
            ask(&forward, with(request, "")).await.verdict(),
            (405, Some("none")),
            "{method}"
        );
    }
    assert!(sent.lock().unwrap().is_empty());
}
