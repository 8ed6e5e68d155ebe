//! Requests of other programs: what the sidecar passes on, and what the simulator makes of them.

use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{Layer, ServiceExt};
use twilio_proxy::call::{BoxError, Clock, Rng};
use twilio_proxy::gateway::{ForwardLayer, Gateway};
use twilio_proxy::simulator::{Settings, Simulator};
use twilio_proxy::wire::{Endpoint, Route};

const FORM: &str = "application/x-www-form-urlencoded";

/// Method, path and query, content type, one header more, and the body.
fn request(data: &[u8]) -> Option<Request<Full<Bytes>>> {
    let ([method, path, content_type, more], body) = super::lines::<4>(data)?;
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
    *request.method_mut() = method.parse::<Method>().ok()?;
    *request.uri_mut() = path.parse().ok()?;
    if !content_type.is_empty() {
        let value = HeaderValue::from_str(content_type).ok()?;
        request.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    if let Some((name, value)) = more.split_once(':') {
        let name: header::HeaderName = name.parse().ok()?;
        request.headers_mut().append(name, HeaderValue::from_str(value).ok()?);
    }
    Some(request)
}

fn taken(body: Full<Bytes>) -> Bytes {
    body.collect().now_or_never().expect("it is here").unwrap().to_bytes()
}

/// What a sidecar is sent comes out as the same request, said in this crate's way, or not at all.
pub(super) fn forward(data: &[u8]) {
    let Some(request) = request(data) else { return };
    let (asked, body) = (request.clone(), taken(request.body().clone()));
    let sent: Arc<Mutex<Vec<Request<Full<Bytes>>>>> = Arc::default();
    let stack = {
        let sent = Arc::clone(&sent);
        tower::service_fn(move |request: Request<Full<Bytes>>| {
            sent.lock().unwrap().push(request);
            ready(Ok::<_, BoxError>(Response::new(Full::new(Bytes::from_static(b"{}")))))
        })
    };
    let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
    let answer = ForwardLayer::new().layer(gateway).oneshot(request);
    let answer = answer.now_or_never().expect("nothing makes it wait").unwrap();
    let attempts = &answer.headers()["x-gateway-attempts"];
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    assert_eq!(attempts.to_str().unwrap(), sent.len().to_string());
    let Some(sent) = sent.into_iter().next() else {
        // One of the gateway's own, which says that nothing was done.
        assert!(answer.status().is_client_error());
        return assert_eq!(answer.headers()["x-gateway-effect"], "none");
    };
    assert_eq!(sent.method(), asked.method());
    assert_eq!(sent.uri().authority().unwrap(), "proxy.twilio.com");
    assert_eq!(sent.uri().scheme_str(), Some("https"));
    for kept_back in ["authorization", "host", "cookie", "connection", "x-gateway-deadline"] {
        assert!(!sent.headers().contains_key(kept_back), "{kept_back} went on");
    }
    let path = |request: &Request<Full<Bytes>>| {
        request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
    };
    let (before, after) = (path(&asked), path(&sent));
    let route = Route::recognise(asked.method(), &before);
    assert_eq!(Route::recognise(sent.method(), &after), route);
    if route.meta().is_none() {
        assert_eq!(before, after);
    }
    let sent = taken(sent.into_body());
    let kind = asked.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap().trim();
    let is_form = kind.eq_ignore_ascii_case(FORM);
    if !is_form || before.contains('?') || body == sent {
        // Byte for byte, unless it was understood.
        return assert!(body == sent || is_form || body.is_empty());
    }
    // The same parameters. Those of the operation go first; the participants keep their order.
    assert_eq!(parameters(&sent), parameters(&body), "{}", String::from_utf8_lossy(&sent));
}

/// The parameters of a form, sorted but for participants among each other, which are read as JSON.
fn parameters(form: &[u8]) -> (Vec<(String, String)>, Vec<Value>) {
    let pairs = form_urlencoded::parse(form).into_owned();
    let (participants, mut others): (Vec<_>, Vec<_>) =
        pairs.partition(|(key, _)| key == "Participants");
    // A date may be said in another zone.
    for (key, value) in &mut others {
        if let ("DateExpiry", Ok(date)) = (key.as_str(), value.parse::<jiff::Timestamp>()) {
            *value = date.to_string();
        }
    }
    others.sort();
    let read = |(_, text): (String, String)| {
        let Ok(Value::Object(mut object)) = serde_json::from_str(&text) else {
            return Value::String(text);
        };
        // Nothing said, and said to be nothing.
        object.retain(|_, value| !value.is_null());
        Value::Object(object)
    };
    (others, participants.into_iter().map(read).collect())
}

/// The simulator answers whatever comes, as the API would: a status, and JSON.
pub(super) fn simulator(data: &[u8]) {
    let Some(mut request) = request(data) else { return };
    if request.uri().authority().is_some() || !request.uri().path().starts_with('/') {
        return;
    }
    let path = request.uri().path_and_query().unwrap().to_string();
    *request.uri_mut() = format!("http://proxy.test{path}").parse().unwrap();
    let start = "2026-01-02T03:04:05Z".parse().unwrap();
    let settings = Settings::default().clock(Clock::starting_at(start)).rng(Rng::seeded(1));
    let simulator = Simulator::with(settings.without_rate_limit().without_authentication());
    let answers = [request.clone(), request.clone()].map(|request| {
        let answer = simulator.clone().oneshot(request).now_or_never();
        answer.expect("it has no latency").expect("and no faults")
    });
    let [first, second] = answers;
    for answer in [&first, &second] {
        let status = answer.status().as_u16();
        assert!(matches!(status, 200 | 201 | 204 | 400..=415), "{status}");
        let body = answer.body().bytes();
        if status == 204 {
            assert!(body.is_empty());
        } else if *request.method() != Method::HEAD {
            let json: Value = serde_json::from_slice(body).unwrap();
            assert!(json.is_object());
            // The token endpoint has errors of its own.
            let is_error = json["code"].is_u64() || json["error"].is_string();
            assert_eq!(is_error, status >= 400, "{json}");
        }
    }
    // A session is made where the answer says so, and nowhere else.
    let made = [&first, &second].iter().filter(|answer| answer.status() == 201).count();
    assert_eq!(simulator.sessions().len(), made);
    let route = Route::recognise(request.method(), &path);
    if first.status() == 201 {
        assert!(matches!(route, Route::CreateSession { .. }), "{path}");
    }
}
