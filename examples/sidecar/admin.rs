//! What operators ask: does it live, may it have traffic, what is it doing?

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tokio_util::sync::CancellationToken;
use twilio_proxy::gateway::Health;

use crate::metrics::Metrics;
use crate::stack::Upward;

pub(crate) fn answer<B>(
    request: &Request<B>,
    gateway: &Upward,
    metrics: Option<&Metrics>,
    stopping: &CancellationToken,
) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET alone\n".into());
    }
    match request.uri().path() {
        // Whoever answers lives: a restart would help none of what /readyz complains of.
        "/healthz" => text(StatusCode::OK, "text/plain", "ok\n".into()),
        "/readyz" => {
            let health = gateway.health();
            let status = if is_ready(&health) && !stopping.is_cancelled() {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            let json = serde_json::to_string(&health).unwrap_or_default();
            text(status, "application/json", json)
        }
        "/metrics" => {
            let recorded = metrics.map(|metrics| metrics.text(&gateway.health()));
            let media_type = "text/plain; version=0.0.4; charset=utf-8";
            text(StatusCode::OK, media_type, recorded.unwrap_or_default())
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain", "/healthz, /readyz, /metrics\n".into()),
    }
}

/// Not where every circuit is open: whatever comes now would be refused.
fn is_ready(health: &Health) -> bool {
    let all_open = health.circuits.iter().all(|circuit| circuit.state == "open");
    !health.closed && (health.circuits.is_empty() || !all_open)
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
