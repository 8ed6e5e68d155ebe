//! Whom the transport connects to, by which way, and whom it refuses to.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Uri, Version};
use http_body_util::Full;
use tokio::net::TcpStream;
use tower::service_fn;
use twilio_proxy::call::{Effect, FaultKind};
use twilio_proxy::transport::{HostName, ProxyTransport};

use super::support::{Server, along, get, ok, plain, send, text, watched};
use super::{Make, Transport};

/// The fault of a request that must be refused before anything is sent.
async fn refusal(transport: &Transport, request: Request<Full<Bytes>>) -> String {
    let (request, facts) = watched(request);
    let fault = send(transport, request).await.expect_err("refused");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Config, Effect::None), "{fault:?}");
    assert_eq!((facts.reached(), facts.sent(), facts.effect()), (1, 0, Effect::None));
    let source = fault.source().map(|source| format!(": {source}"));
    format!("{fault}{}", source.unwrap_or_default())
}

#[tokio::test]
async fn plain_http_leaves_this_machine_only_when_asked_for() {
    let message = refusal(&plain(), get("http://api.test/")).await;
    assert!(message.contains("allow_plain_http(true)"), "{message}");
    let server = Server::bind().await;
    let port = server.port();
    let transport = ProxyTransport::builder()
        .without_tls()
        .tunnel_from_env(false)
        .allow_plain_http(true)
        .resolver(service_fn(move |name: HostName| async move {
            assert_eq!(name.as_str(), "api.test");
            Ok::<_, std::io::Error>([SocketAddr::from(([127, 0, 0, 1], port))])
        }))
        .made()
        .expect("settings");
    // No port in the URL: the resolver's counts.
    let script = async { server.accept().await.answer(&ok("allowed")).await };
    let (answer, seen) = tokio::join!(text(&transport, get("http://api.test/")), script);
    assert_eq!(answer, "allowed");
    assert!(seen.contains("\r\nhost: api.test\r\n"), "{seen}");
}

#[tokio::test]
async fn a_request_without_a_place_to_go_is_refused() {
    let transport = plain();
    for (uri, why) in [
        ("/v1/Services", "https:// or http://"),
        ("ftp://localhost/", "https:// or http://"),
        ("http://user:secret@localhost/", "user name or password"),
    ] {
        let message = refusal(&transport, get(uri)).await;
        assert!(message.contains(why) && !message.contains("secret"), "{message}");
    }
    let message = refusal(&transport, get("https://localhost/")).await;
    assert_eq!(message, "this transport was built without TLS");
    let mut request = get("http://localhost/");
    *request.version_mut() = Version::HTTP_3;
    let message = refusal(&transport, request).await;
    assert_eq!(message, "the request asks for an unknown HTTP version");
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_sent_nothing() {
    let transport = ProxyTransport::builder()
        .without_tls()
        .tunnel_from_env(false)
        .allow_plain_http(true)
        .resolver(service_fn(|_: HostName| async {
            Err::<Vec<SocketAddr>, _>(std::io::Error::other("no such name"))
        }))
        .made()
        .expect("settings");
    let (request, facts) = watched(get("http://api.test/"));
    let fault = send(&transport, request).await.expect_err("no such name");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    assert_eq!(facts.effect(), Effect::None);
    let sources = along(&fault);
    assert!(sources.iter().any(|error| error.to_string() == "no such name"), "{fault:?}");
}

#[tokio::test]
async fn any_service_of_streams_is_a_connector() {
    let server = Server::bind().await;
    let address = ("127.0.0.1", server.port());
    let connector = service_fn(move |to: Uri| async move {
        assert_eq!(to.to_string(), "http://localhost:81/");
        TcpStream::connect(address).await
    });
    let transport = ProxyTransport::builder().without_tls().made_with(connector).expect("settings");
    let script = async { server.accept().await.answer(&ok("through")).await };
    let (answer, _) = tokio::join!(text(&transport, get("http://localhost:81/path")), script);
    assert_eq!(answer, "through");
}

#[tokio::test]
async fn a_connector_may_do_the_tls_itself() {
    let server = Server::bind().await;
    let address = ("127.0.0.1", server.port());
    let connector = service_fn(move |_: Uri| TcpStream::connect(address));
    let builder = ProxyTransport::builder().tls_by_connector();
    assert_eq!(builder.clone().made().expect_err("no connector").kind(), FaultKind::Config);
    let transport = builder.made_with(connector).expect("settings");
    let script = async { server.accept().await.answer(&ok("secured elsewhere")).await };
    let (answer, _) = tokio::join!(text(&transport, get("https://api.test/")), script);
    assert_eq!(answer, "secured elsewhere");
}

#[test]
fn a_transport_is_what_stacks_and_tasks_need() {
    fn fits<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    fits::<Transport>();
    fits::<twilio_proxy::transport::Builder>();
    fn moves<T: Send + 'static>() {}
    moves::<twilio_proxy::transport::ResponseFuture>();
    moves::<twilio_proxy::transport::ResponseBody>();
}

#[tokio::test]
async fn a_connection_is_not_made_into_a_tunnel() {
    let mut connect = get("http://127.0.0.1:1/");
    *connect.method_mut() = http::Method::CONNECT;
    let message = refusal(&plain(), connect).await;
    assert!(message.starts_with("CONNECT makes"), "{message}");
}
