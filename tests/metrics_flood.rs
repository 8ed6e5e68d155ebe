//! Whatever comes, from callers or from servers, the series are few. In a process of its own: the list of hosts that
//! have a name is the process's, and full after this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use http::{Method, Request, Response, StatusCode};
use metrics::Key;
use metrics_util::debugging::DebuggingRecorder;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use twilio_proxy::call::BoxError;
use twilio_proxy::middleware::observe::{AttemptSpanLayer, CallSpanLayer};

/// How many hosts have a name: said again, so that more is seen.
const MOST: usize = 64;

/// The series that were recorded, by name.
fn series(recorder: &DebuggingRecorder) -> BTreeMap<String, Vec<Key>> {
    let mut series: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (key, ..) in recorder.snapshotter().snapshot().into_vec() {
        series.entry(key.key().name().to_owned()).or_default().push(key.key().clone());
    }
    series
}

#[tokio::test]
async fn methods_hosts_paths_and_statuses_that_somebody_made_up_are_a_few_series() {
    let recorder = DebuggingRecorder::new();
    let _heard = metrics::set_default_local_recorder(&recorder);
    let stack = ServiceBuilder::new()
        .layer(CallSpanLayer::new())
        .layer(AttemptSpanLayer::new())
        .service(service_fn(|request: Request<()>| async move {
            let status: u16 = request.uri().query().unwrap().parse()?;
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(status)?;
            Ok::<_, BoxError>(response)
        }));
    for number in 0..4_000_u16 {
        let status = 100 + number % 900;
        let request = Request::builder()
            .method(Method::from_bytes(format!("M{number}").as_bytes()).unwrap())
            .uri(format!("https://host-{number}.test:{}/order-{number}?{status}", 1024 + number))
            .body(())
            .unwrap();
        stack.clone().oneshot(request).await.unwrap();
    }
    let emitted = series(&recorder);
    // A host that has a name of its own met a few statuses; all others meet them together.
    let attempts = emitted["http.client.request.duration"].len();
    let most = MOST * 2 + 70;
    assert!(attempts <= most, "{attempts} series of attempts");
    assert!(emitted["http.client.active_requests"].len() <= MOST + 1);
    assert!(emitted["gateway.call.duration"].len() <= 70, "{emitted:?}");
    for key in emitted.values().flatten() {
        assert!(!key.labels().any(|label| label.value().contains("order-")), "{key}");
    }
}
