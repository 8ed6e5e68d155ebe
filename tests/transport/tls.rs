//! TLS: whom the transport trusts, and what it says where it doesn't.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use twilio_proxy::call::{Effect, Fault, FaultKind};
use twilio_proxy::transport::{Builder, ProxyTransport};

use super::support::{Peer, Server, along, get, ok, send, soon, text, watched};
use super::{Make, Transport};
pub(crate) use crate::identity::Identity;

pub(crate) fn builder() -> Builder {
    ProxyTransport::builder().tunnel_from_env(false)
}

fn trusting(identity: &Identity) -> Transport {
    builder().roots_pem(identity.pem()).made().expect("settings")
}

pub(crate) async fn accept(
    acceptor: &TlsAcceptor,
    server: &Server,
) -> std::io::Result<Peer<TlsStream<TcpStream>>> {
    soon(acceptor.accept(server.accept().await.0)).await.map(Peer)
}

/// The fault of a request to a server with this identity, which must not come to send anything.
async fn distrust(identity: &Identity, transport: &Transport) -> Fault {
    let server = Server::bind().await;
    let (request, facts) = watched(get(&format!("https://localhost:{}/", server.port())));
    let acceptor = identity.acceptor(&[]);
    let (answer, accepted) = tokio::join!(send(transport, request), accept(&acceptor, &server));
    let fault = answer.expect_err("distrust");
    assert!(accepted.is_err(), "the handshake fails on both sides");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None), "{fault:?}");
    assert_eq!((facts.sent(), facts.effect()), (0, Effect::None));
    fault
}

/// The TLS error along the sources: callers that want to know may look for it.
fn certificate_error(fault: &Fault) -> String {
    let sources = along(fault);
    let error = sources.iter().find_map(|error| error.downcast_ref::<rustls::Error>());
    match error.expect("an error of rustls") {
        rustls::Error::InvalidCertificate(why) => format!("{why:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_certificate_for_the_right_name_is_accepted() {
    let (identity, server) = (Identity::of("localhost"), Server::bind().await);
    let transport = trusting(&identity);
    let script = async {
        let mut peer = accept(&identity.acceptor(&["http/1.1"]), &server).await.expect("TLS");
        assert_eq!(peer.0.get_ref().1.server_name(), Some("localhost"));
        peer.answer(&ok("secret")).await
    };
    let uri = format!("https://localhost:{}/", server.port());
    let (answer, seen) = tokio::join!(text(&transport, get(&uri)), script);
    assert_eq!(answer, "secret");
    assert_eq!(seen, format!("GET / HTTP/1.1\r\nhost: localhost:{}\r\n\r\n", server.port()));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let identity = Identity::of("other.test");
    let why = certificate_error(&distrust(&identity, &trusting(&identity)).await);
    assert!(why.starts_with("NotValidForName"), "{why}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let transport = trusting(&Identity::of("localhost"));
    let why = certificate_error(&distrust(&Identity::of("localhost"), &transport).await);
    assert!(why.starts_with("UnknownIssuer") || why.starts_with("BadSignature"), "{why}");
}

#[tokio::test]
async fn plain_text_on_the_tls_port_is_a_failed_connection() {
    let server = Server::bind().await;
    let transport = trusting(&Identity::of("localhost"));
    let (request, facts) = watched(get(&format!("https://localhost:{}/", server.port())));
    let script = async {
        let mut peer = server.accept().await;
        peer.write("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
        peer
    };
    let (answer, _peer) = tokio::join!(send(&transport, request), script);
    let fault = answer.expect_err("no TLS");
    assert_eq!((fault.kind(), facts.effect()), (FaultKind::Connect, Effect::None), "{fault:?}");
}

#[tokio::test]
async fn a_configuration_of_the_callers_own_is_used_as_it_is() {
    let (identity, server) = (Identity::of("localhost"), Server::bind().await);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(identity.der()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let transport = builder().http1_only().tls_config(config.clone()).made().expect("settings");
    let script = async {
        let mut peer = accept(&identity.acceptor(&["http/1.1"]), &server).await.expect("TLS");
        assert_eq!(peer.0.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        peer.answer(&ok("own")).await
    };
    let uri = format!("https://localhost:{}/", server.port());
    let (answer, _) = tokio::join!(text(&transport, get(&uri)), script);
    assert_eq!(answer, "own");
    // The server might choose it, and nothing here could speak it.
    config.alpn_protocols = vec![b"h3".to_vec()];
    let fault = builder().tls_config(config).made().expect_err("h3");
    assert_eq!(fault.kind(), FaultKind::Config);
}

#[test]
fn settings_that_bring_no_certificate_are_refused_when_the_transport_is_built() {
    for (pem, why) in [
        ("", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", "damaged"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no root certificate"),
    ] {
        let fault = builder().roots_pem(pem).made().expect_err("no certificate");
        assert_eq!(fault.kind(), FaultKind::Config);
        assert!(fault.to_string().contains(why), "{fault}");
    }
}

#[cfg(not(any(feature = "platform-roots", feature = "bundled-roots")))]
#[test]
fn without_any_roots_the_fault_names_the_features_and_the_settings() {
    let fault = builder().made().expect_err("nobody is trusted");
    assert_eq!(fault.kind(), FaultKind::Config);
    for way in ["platform-roots", "bundled-roots", "roots_pem", "tls_config", "without_tls"] {
        assert!(fault.to_string().contains(way), "{fault}");
    }
}

#[cfg(feature = "bundled-roots")]
#[tokio::test]
async fn own_certificates_can_be_added_to_the_bundled_ones() {
    let (identity, server) = (Identity::of("localhost"), Server::bind().await);
    let bundled = builder().bundled_roots();
    let transport = bundled.clone().add_roots_pem(identity.pem()).made().expect("settings");
    let script = async {
        accept(&identity.acceptor(&[]), &server).await.expect("TLS").answer(&ok("added")).await
    };
    let uri = format!("https://localhost:{}/", server.port());
    let (answer, _) = tokio::join!(text(&transport, get(&uri)), script);
    assert_eq!(answer, "added");
    let without = bundled.made().expect("settings");
    certificate_error(&distrust(&identity, &without).await);
}

#[cfg(feature = "platform-roots")]
#[tokio::test]
async fn own_certificates_can_be_added_to_the_platforms() {
    let (identity, server) = (Identity::of("localhost"), Server::bind().await);
    let builder = builder().platform_roots().add_roots_pem(identity.pem());
    let transport = builder.made().expect("settings");
    let script = async {
        accept(&identity.acceptor(&[]), &server).await.expect("TLS").answer(&ok("added")).await
    };
    let uri = format!("https://localhost:{}/", server.port());
    let (answer, _) = tokio::join!(text(&transport, get(&uri)), script);
    assert_eq!(answer, "added");
}
