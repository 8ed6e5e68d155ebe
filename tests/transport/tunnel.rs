//! CONNECT proxies.

use std::net::SocketAddr;
use std::time::Duration;

use tower::service_fn;
use twilio_proxy::call::{BoxError, Effect, FaultKind};
use twilio_proxy::transport::{Builder, HostName, ProxyTransport};

use super::Make;
use super::support::{Peer, Server, along, get, ok, post, send, soon, text, watched};
use super::tls::{Identity, accept};

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn through(proxy: &str) -> Builder {
    ProxyTransport::builder().allow_plain_http(true).tunnel(proxy)
}

#[tokio::test]
async fn https_goes_through_a_tunnel_that_the_proxy_cannot_read() {
    let (identity, proxy) = (Identity::of("api.test"), Server::bind().await);
    let url = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port());
    let transport = through(&url).roots_pem(identity.pem()).made().expect("settings");
    let script = async {
        let mut peer = proxy.accept().await;
        let connect = peer.answer(ESTABLISHED).await;
        let tls = soon(identity.acceptor(&["http/1.1"]).accept(peer.0)).await.expect("TLS");
        (connect, Peer(tls).answer(&ok("tunnelled")).await)
    };
    let (answer, (connect, inside)) =
        tokio::join!(text(&transport, post("https://api.test/path")), script);
    assert_eq!(answer, "tunnelled");
    assert_eq!(
        connect,
        "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\
         Proxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"
    );
    assert!(inside.starts_with("POST /path HTTP/1.1\r\nhost: api.test\r\n"), "{inside}");
    assert!(!inside.to_lowercase().contains("proxy-authorization"), "{inside}");
}

#[tokio::test]
async fn plain_http_is_tunnelled_too() {
    let proxy = Server::bind().await;
    let url = format!("127.0.0.1:{}", proxy.port());
    let transport = through(&url).without_tls().made().expect("settings");
    let script = async {
        let mut peer = proxy.accept().await;
        (peer.answer(ESTABLISHED).await, peer.answer(&ok("plain")).await)
    };
    let (answer, (connect, inside)) =
        tokio::join!(text(&transport, get("http://api.test/")), script);
    assert_eq!(answer, "plain");
    assert_eq!(connect, "CONNECT api.test:80 HTTP/1.1\r\nHost: api.test:80\r\n\r\n");
    assert_eq!(inside, "GET / HTTP/1.1\r\nhost: api.test\r\n\r\n");
}

#[tokio::test]
async fn a_proxy_can_be_reached_by_tls_itself() {
    let (identity, proxy) = (Identity::of("localhost"), Server::bind().await);
    let url = format!("https://localhost:{}", proxy.port());
    let transport = through(&url).roots_pem(identity.pem()).made().expect("settings");
    let script = async {
        // A proxy that would rather speak HTTP/2 must not be given the choice.
        let mut peer = accept(&identity.acceptor(&["h2", "http/1.1"]), &proxy).await.expect("TLS");
        assert_eq!(peer.0.get_ref().1.alpn_protocol(), None);
        (peer.answer(ESTABLISHED).await, peer.answer(&ok("twice")).await)
    };
    let (answer, (connect, _)) = tokio::join!(text(&transport, get("http://api.test:81/")), script);
    assert_eq!(answer, "twice");
    assert!(connect.starts_with("CONNECT api.test:81 HTTP/1.1\r\n"), "{connect}");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_falls_silent_has_sent_nothing() {
    for answer in [
        Some("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        Some("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        Some(""),
        None,
    ] {
        let proxy = Server::bind().await;
        let transport = through(&format!("http://user:secret@127.0.0.1:{}", proxy.port()))
            .without_tls()
            .connect_timeout(Duration::from_millis(500))
            .made()
            .expect("settings");
        let (request, facts) = watched(post("http://api.test/"));
        let script = async {
            let mut peer = proxy.accept().await;
            peer.read().await;
            match answer {
                Some(answer) => peer.write(answer).await,
                None => return Some(peer),
            }
            None
        };
        let (outcome, _silent) = tokio::join!(send(&transport, request), script);
        let fault = outcome.expect_err("no tunnel");
        assert_eq!(
            (fault.kind(), fault.effect()),
            (FaultKind::Connect, Effect::None),
            "{answer:?}"
        );
        assert_eq!((facts.sent(), facts.effect()), (0, Effect::None));
        let printed = format!("{fault:?} {transport:?}");
        assert!(!printed.contains("secret") && !printed.contains("dXNlcj"), "{printed}");
    }
}

#[tokio::test]
async fn exceptions_and_this_machine_are_reached_without_the_proxy() {
    let server = Server::bind().await;
    let port = server.port();
    let transport = through("http://127.0.0.1:1")
        .tunnel_except("skip.test")
        .without_tls()
        .resolver(service_fn(move |_: HostName| async move {
            Ok::<_, BoxError>([SocketAddr::from(([127, 0, 0, 1], port))])
        }))
        .made()
        .expect("settings");
    for uri in ["http://api.skip.test/".to_owned(), server.uri("/")] {
        let script = async { server.accept().await.answer(&ok("direct")).await };
        let (answer, seen) = tokio::join!(text(&transport, get(&uri)), script);
        assert_eq!(answer, "direct");
        assert!(seen.starts_with("GET / "), "{seen}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_for_a_proxy_is_a_matter_of_settings() {
    // Neither is worth another attempt.
    for (proxy, why) in [("socks5://127.0.0.1:1", "socks5"), ("https://127.0.0.1:1", "needs TLS")] {
        let transport = through(proxy).without_tls().made().expect("settings");
        let fault = send(&transport, get("http://api.test/")).await.expect_err("unsupported");
        assert_eq!((fault.kind(), fault.effect()), (FaultKind::Config, Effect::None));
        let sources = along(&fault);
        assert!(sources.iter().any(|error| error.to_string().contains(why)), "{fault:?}");
    }
    let fault = through("ftp://user:secret@proxy").without_tls().made().expect_err("ftp");
    assert_eq!(fault.kind(), FaultKind::Config);
    assert!(!format!("{fault:?}").contains("secret"));
}

#[test]
fn settings_do_not_print_the_password() {
    let printed = format!("{:?}", through("http://user:secret@proxy.test:3128"));
    assert!(printed.contains("Given") && !printed.contains("secret"), "{printed}");
}

#[test]
fn the_environment_counts_unless_told_otherwise() {
    // A variable can't be set safely beside other threads, so the test runs itself in a process
    // that was started with it.
    const UNREADABLE: (&str, &str) = ("ALL_PROXY", "ftp://user:secret@proxy");
    let builder = ProxyTransport::builder().without_tls();
    if std::env::var(UNREADABLE.0).is_ok_and(|value| value == UNREADABLE.1) {
        let fault = builder.clone().made().expect_err("the variable was read");
        assert_eq!(fault.kind(), FaultKind::Config);
        assert!(fault.to_string().starts_with("ALL_PROXY is no URL"), "{fault}");
        builder.tunnel_from_env(false).made().expect("the variable was not read");
        return;
    }
    let (_, suite) = module_path!().split_once("::").expect("a module");
    let name = format!("{suite}::the_environment_counts_unless_told_otherwise");
    let child = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &name])
        .env_clear()
        .envs([UNREADABLE])
        .output()
        .expect("it runs");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}
