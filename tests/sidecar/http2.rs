//! The same over HTTP/2 by prior knowledge, beside HTTP/1.1 on one port.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

use crate::sidecar::Sidecar;
use crate::socket::{Socket, get, status};
use crate::world::SESSIONS;

type Http = Client<HttpConnector, Full<Bytes>>;

async fn create(client: &Http, base: &str, form: String) -> (Version, StatusCode, Value) {
    let request = Request::post(format!("{base}{SESSIONS}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::from(form))
        .unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.version, head.status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_creates_are_done_once_over_either() {
    let simulator = Simulator::with(Settings::default().without_rate_limit());
    simulator.set_faults(FaultPlan::random(3).rate(0.3));
    let server = simulator.serve().await.unwrap();
    let upstream = server.base_url();
    let flags = ["--upstream", &upstream, "--max-attempts", "10", "--attempt-timeout", "2s"];
    let sidecar = Sidecar::start(&flags);
    let base = sidecar.base_url();
    let mut builder = Client::builder(TokioExecutor::new());
    let one: Http = builder.build_http();
    let two: Http = builder.http2_only(true).build_http();
    for (client, version) in [(&one, Version::HTTP_11), (&two, Version::HTTP_2)] {
        let creates = (0..20)
            .map(|number| create(client, &base, format!("UniqueName=order-{version:?}-{number}")));
        for (got, status, session) in join_all(creates).await {
            assert_eq!((got, status), (version, StatusCode::CREATED), "{session}");
        }
    }
    let sessions = simulator.sessions();
    let names: BTreeSet<_> = sessions.iter().filter_map(|one| one.unique_name.as_deref()).collect();
    assert_eq!((sessions.len(), names.len()), (40, 40));
    drop((one, two));
    sidecar.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_heads_and_bodies_are_refused_there_too() {
    let flags = ["--upstream", "http://127.0.0.1:1", "--max-attempts", "1", "--max-body", "100"];
    let sidecar = Sidecar::start(&flags);
    let client: Http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let (_, status, refusal) = create(&client, &sidecar.base_url(), "x".repeat(101)).await;
    assert_eq!((status, &refusal["effect"]), (StatusCode::PAYLOAD_TOO_LARGE, &"none".into()));
    let request = Request::get(format!("{}/v1/x", sidecar.base_url()))
        .header("x-large", "x".repeat(40_000))
        .body(Full::default())
        .unwrap();
    let status = client.request(request).await.map(|answer| answer.status());
    assert!(
        matches!(status, Err(_) | Ok(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
        "{status:?}"
    );
    // A Host is in another place here.
    let request = Request::get(format!("{}/v1/x", sidecar.base_url()))
        .header("host", "evil.example")
        .body(Full::default())
        .unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
}

#[test]
fn a_simulated_sidecar_needs_no_credentials() {
    let sidecar = Sidecar::start(&["--simulate", "7", "--max-attempts", "10"]);
    let request = crate::socket::create("UniqueName=a");
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    assert_eq!(status(&Socket::open(&sidecar.front).say(request).hear().0), 201);
    let (status, found) = get(&sidecar.front, &format!("{SESSIONS}/a"));
    assert!(status == 200 && found.contains(r#""unique_name":"a""#), "{found}");
}
