//! TLS with a CA of one's own (`--ca-file`), and what the tool says where it does not come about.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::server::{Act, Server, json, raw, read};
use crate::{Run, SERVICE, SESSION, run_against, sessions, verdict};

/// A CA, and the file that its certificate is in.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A server with a certificate for `name`, valid in these years, which answers once and well
    /// to whoever accepts it.
    fn server(&self, name: &str, years: (i32, i32)) -> String {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let session = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            if !read(&mut stream).is_empty() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
            }
        });
        url
    }

    fn fetch(&self, url: &str) -> Run {
        let file = self.file.to_str().unwrap();
        let args = ["fetch", SERVICE, SESSION, "--base-url", url, "--ca-file", file];
        sessions(&[&args[..], &["--max-attempts", "1"]].concat())
    }
}

#[test]
fn a_server_of_the_given_authority_is_trusted() {
    let authority = Authority::new("trusted");
    let run = authority.fetch(&authority.server("127.0.0.1", (2000, 4000)));
    assert!(run.output().is_object());
}

/// None of these has heard the credentials, and each says which certificate trouble it is.
#[test]
fn a_certificate_that_proves_nothing_is_named_and_nothing_is_sent() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    for (url, problem) in [
        (other.server("127.0.0.1", (2000, 4000)), "UnknownIssuer"),
        (authority.server("other.example", (2000, 4000)), "not valid for name"),
        (authority.server("127.0.0.1", (2000, 2001)), "expired"),
        (authority.server("127.0.0.1", (3000, 4000)), "not valid yet"),
    ] {
        let run = authority.fetch(&url);
        assert_eq!(run.verdict(), verdict("connect", "none", 1), "{problem}");
        let message = run.message();
        assert!(message.contains("certificate") && message.contains(problem), "{message}");
    }
}

#[test]
fn a_port_that_speaks_no_tls_is_a_connection_that_failed() {
    let authority = Authority::new("plaintext");
    // Both answer the greeting of TLS at once, as servers of plain HTTP do, or hang up.
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b""] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.peek(&mut [0]).unwrap();
            stream.write_all(answer).unwrap();
        });
        assert_eq!(authority.fetch(&url).verdict(), verdict("connect", "none", 1));
    }
    // And the other way round: no HTTP came back, so nobody knows what became of the request.
    let alert = raw(b"\x15\x03\x01\x00\x02\x02\x46");
    let (run, _) = run_against([alert], &["create", SERVICE]);
    assert_eq!(run.verdict(), verdict("interrupted", "unknown", 1));
}

#[test]
fn a_handshake_that_stalls_ends_with_the_deadline_and_effect_none() {
    // Accepts, and never answers: the kernel takes the connection, nobody reads it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let authority = Authority::new("stalled");
    let file = authority.file.to_str().unwrap();
    let args = ["create", SERVICE, "--base-url", &url, "--ca-file", file, "--deadline", "200"];
    assert_eq!(sessions(&args).verdict(), verdict("deadline", "none", 1));
}

#[test]
fn a_ca_file_without_certificates_is_config() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for (name, text) in [
        ("empty", ""),
        ("text", "hello"),
        ("damaged", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"),
        ("short", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, text).unwrap();
        let args = ["fetch", SERVICE, SESSION, "--base-url", "https://127.0.0.1:1"];
        let run = sessions(&[&args[..], &["--ca-file", file.to_str().unwrap()]].concat());
        assert_eq!(run.verdict(), verdict("config", "none", 0), "{name}");
    }
}

/// A redirect from https to http, or back, is as good as none.
#[test]
fn no_scheme_leads_to_the_other() {
    let plain = Server::start([json("200 OK", "{}")]);
    let next = format!(r#""https://127.0.0.1:{}/v1""#, plain.port());
    let page = format!(r#"{{"sessions": [], "meta": {{"next_page_url": {next}}}}}"#);
    let (run, _) = run_against(
        [Act::Answer { status: "200 OK".into(), headers: String::new(), body: page }],
        &["list", SERVICE],
    );
    assert_eq!(run.verdict(), verdict("unexpected", "none", 0));
    assert!(plain.requests().is_empty());
}
